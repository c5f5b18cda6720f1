/** What is wrong with a database, and errors of any kind in one line. */

/** What must not happen: the reason why a run fails. */
export class Violation extends Error {}

/** Throws a {@link Violation}. */
export function demand(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Violation(what());
}

/** Runs a part of a check; whatever it throws becomes a violation that says where. */
export function during<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Violation(`${where}: ${messageOf(error)}`, { cause: error });
  }
}

/** An error in one line, with its kind where that says something. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const kind = error.name === "Error" ? "" : `${error.name}: `;
  return (kind + error.message).replaceAll(/\s+/g, " ");
}
