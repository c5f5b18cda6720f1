/** How the second reader says that a file is not as the document demands. */

export class Damage extends Error {}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Damage(what);
}
