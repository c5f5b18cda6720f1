/** All bugs that are planted into the engine, each of which the torture has to find. */
import { LOG_BUGS } from "./log-bugs.js";
import { PAGE_BUGS } from "./page-bugs.js";
import type { PlantedBug } from "./planted-bug.js";
import { RECOVERY_BUGS } from "./recovery-bugs.js";

export const PLANTED_BUGS: readonly PlantedBug[] = [...LOG_BUGS, ...RECOVERY_BUGS, ...PAGE_BUGS];
