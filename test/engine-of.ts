/** The engine of an open database, for tests of what lies between the two. */
import type { Database } from "../engine/database.js";
import type { Engine } from "../engine/engine.js";

export function engineOf(db: Database): Engine {
  return Reflect.get(db, "engine");
}
