/** What `remember` and `forget` write. */
import type { FactInput } from "../../memory/input.js";
import { isObject } from "../../models/values/json-forms.js";
import { badUsage } from "../failure.js";
import type { Writing } from "./command.js";

/** The request has the properties of a `FactInput`, and `meta`; the reply is what the memory replies. */
export const rememberFact: Writing = {
  name: "command/remember",
  within: "memory",
  changesGraph: false,
  run: (tx, request) => tx.remember(factIn(request.any("fact"))),
};

/** The request has `id`, `erase`, `validFrom`, `validTo`; the reply, `tx`. */
export const forgetRecord: Writing = {
  name: "command/forget",
  within: "memory",
  changesGraph: true,
  run(tx, request) {
    const erase = request.flag("erase");
    tx.forget(request.requiredText("id"), { ...request.valid, ...(erase !== undefined && { erase }) });
    return { tx: tx.id };
  },
};

/** The memory looks at all of its properties itself. */
function factIn(given: unknown): FactInput {
  if (!isObject(given)) throw badUsage("a fact is an object");
  return given;
}
