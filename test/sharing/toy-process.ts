/** A process that shares a toy service and writes to it; it tells its parent what was acknowledged. */
import { SharedService } from "../../server/sharing/shared-service.js";
import { openToy } from "./toy-service.js";

/** What a process tells. */
export type Told =
  | { kind: "role"; role: "holder" | "guest"; at: number }
  | { kind: "acknowledged"; what: string }
  | { kind: "done" }
  | { kind: "failed"; message: string };

function tell(told: Told): void {
  process.send?.(told);
}

async function run(path: string, name: string, writes: number): Promise<void> {
  const shared = await SharedService.open({
    path,
    openService: (emit) => openToy(path, emit),
    onChange: (role) => tell({ kind: "role", role, at: Date.now() }),
  });
  tell({ kind: "role", role: shared.role, at: Date.now() });
  for (let i = 0; i < writes; i++) {
    const what = `${name} ${i}`;
    await shared.call("add", what);
    tell({ kind: "acknowledged", what });
  }
  tell({ kind: "done" });
  process.on("message", () => {
    shared.close().then(
      () => process.disconnect(),
      (error: unknown) => tell({ kind: "failed", message: String(error) }),
    );
  });
}

process.on("disconnect", () => process.exit());
const [path, name, writes] = process.argv.slice(2);
run(path, name, Number(writes)).catch((error: unknown) => {
  tell({ kind: "failed", message: String(error) });
  process.exitCode = 1;
});
