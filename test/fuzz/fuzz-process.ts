/**
 * The program of each process that tries mutants: `fuzz-process.js <target> <seed> <first> <count> <modules>`. Tells on
 * standard output, a line each, which mutant begins (`# number`), what is called (`. use`), and what became of it (`=`
 * and JSON), so that the reader knows where a process stood that died or hangs.
 */
import { writeSync } from "node:fs";
import { TARGETS, type Trier, trierOf } from "./target.js";

const [targetName, seedText, firstText, countText, modules] = process.argv.slice(2);
const target = TARGETS.find((one) => one === targetName);
if (target === undefined) throw new Error(`there is no target ${targetName}`);
const first = Number(firstText);
await run(await trierOf(target, Number(seedText), modules));

async function run(tries: Trier): Promise<void> {
  for (let number = first; number < first + Number(countText); number++) {
    tell(`# ${number}`);
    const trial = await tries(number, (use) => tell(`. ${use}`));
    tell(`= ${JSON.stringify(trial)}`);
  }
}

function tell(line: string): void {
  writeSync(1, `${line}\n`);
}
