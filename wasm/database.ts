/**
 * An open database with its modules. Guarantees: those of the bitemporal store; what is attached to its maps runs in
 * every transaction that changes them, through whatever handle, layer or command it comes.
 */
import { Database as TemporalDatabase } from "../temporal/database.js";
import { Modules } from "./modules.js";

/** An open database: the bitemporal store of partition 0, the other partitions, named ordered maps, and modules. */
export class Database extends TemporalDatabase {
  /** WebAssembly modules that run at the data; see docs/wasm-modules.md. */
  readonly modules: Modules;

  /** @internal Use `open`. */
  constructor(...parts: ConstructorParameters<typeof TemporalDatabase>) {
    super(...parts);
    this.modules = new Modules(this.engine);
  }
}
