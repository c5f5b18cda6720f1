/**
 * An open database with its modules. Guarantees: those of the bitemporal store; what is attached to its maps runs in
 * every transaction that changes them, through whatever handle, layer or command it comes.
 */
import type { PinnedView } from "../engine/pinned-view.js";
import type { Verification } from "../engine/verify.js";
import { Database as TemporalDatabase } from "../temporal/database.js";
import { ViewSources } from "../temporal/state-sources.js";
import { Modules } from "./modules.js";
import { checkModules } from "./verify.js";

/** An open database: the bitemporal store of partition 0, the other partitions, named ordered maps, and modules. */
export class Database extends TemporalDatabase {
  /** WebAssembly modules that run at the data; see docs/wasm-modules.md. */
  readonly modules: Modules;

  /** @internal Use `open`. */
  constructor(...parts: ConstructorParameters<typeof TemporalDatabase>) {
    super(...parts);
    this.modules = new Modules(this.engine);
  }

  /** @internal */
  protected override *check(view: PinnedView): Verification {
    const report = yield* super.check(view);
    // What the trees hold is looked at only where they are whole.
    if (!report.ok) return report;
    const { state } = this.engine;
    const sources = new ViewSources(state, view, () => state.requireOpen(), false);
    const problems = yield* checkModules(this.engine, sources);
    return { ...report, ok: problems.length === 0, problems };
  }
}
