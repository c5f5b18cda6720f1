/** What `module put`, `attach`, `detach` and `revoke` write. */
import type { AttachOptions, Capability, Receipt } from "../../index.js";
import { badUsage } from "../failure.js";
import type { Writing } from "./command.js";
import type { Fields } from "./fields.js";

/** The request has `source` (bytes), `name`, `capabilities`; the reply is the stored module. */
export const putModule: Writing = {
  name: "command/module-put",
  within: "database",
  changesGraph: false,
  run(db, request) {
    const source = request.any("source");
    if (!(source instanceof Uint8Array)) throw badUsage("source is bytes");
    const [name, capabilities] = [request.text("name"), request.texts("capabilities")];
    return db.modules.put(source, {
      ...(name !== undefined && { name }),
      ...(capabilities !== undefined && { capabilities: capabilities.filter(isCapability) }),
    });
  },
};

/** The request has `module`, `map`, and `on`, `name`, `writes`, `reads` and what is granted; the reply, a receipt. */
export const attachModule: Writing = {
  name: "command/module-attach",
  within: "database",
  changesGraph: false,
  run: (db, request) =>
    db.modules.attach(request.requiredText("module"), request.requiredText("map"), attachOptions(request)),
};

/** The request has `module`, `map`, `on` and `name`; the reply, a receipt. */
export const detachModule: Writing = {
  name: "command/module-detach",
  within: "database",
  changesGraph: false,
  run: (db, request) => {
    const { on, name } = attachOptions(request);
    return db.modules.detach(request.requiredText("module"), request.requiredText("map"), {
      on,
      ...(name !== undefined && { name }),
    });
  },
};

/** The request has `module`; the reply is a receipt. */
export const revokeModule: Writing = {
  name: "command/module-revoke",
  within: "database",
  changesGraph: false,
  run: (db, request): Promise<Receipt> => db.modules.revoke(request.requiredText("module")),
};

function attachOptions(request: Fields): AttachOptions {
  const on = request.text("on");
  if (on !== "tx_hook" && on !== "custom_index") throw badUsage("on is tx_hook or custom_index");
  const [name, writes, reads] = [request.text("name"), request.texts("writes"), request.texts("reads")];
  const [fuel, memoryBytes, timeoutMs] = ["fuel", "memoryBytes", "timeoutMs"].map((limit) => request.number(limit));
  const arg = request.any("arg");
  return {
    on,
    ...(name !== undefined && { name }),
    ...(writes !== undefined && { writes }),
    ...(reads !== undefined && { reads }),
    ...(arg instanceof Uint8Array && { arg }),
    ...(fuel !== undefined && { fuel }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

function isCapability(name: string): name is Capability {
  return name === "clock" || name === "log" || name === "get";
}
