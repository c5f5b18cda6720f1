/**
 * Who uses which pages of the file, as `verify` finds out. Guarantees: a page that is claimed twice, one that lies
 * outside of the file and, where that is asked for, one that nobody claims is found, in the order of pages.
 */

/** Who uses a run of pages. */
interface Claim {
  readonly start: number;
  readonly length: number;
  readonly owner: string;
}

/** Claims are sorted a stretch of the file at a time: all of a large file would take seconds in one go. */
const STRETCH_PAGES = 65536;

export class PageClaims {
  readonly #stretches = new Map<number, Claim[]>();

  add(start: number, length: number, owner: string): void {
    const stretch = Math.floor(start / STRETCH_PAGES);
    const claims = this.#stretches.get(stretch);
    if (claims === undefined) this.#stretches.set(stretch, [{ start, length, owner }]);
    else claims.push({ start, length, owner });
  }

  /** Looks at the claims on a file of `end` pages, with a pause between two stretches. */
  *check(end: number, complete: boolean, problem: (page: number, what: string) => void): Generator<void, void> {
    let covered = 0;
    let last = "";
    const unused = (to: number): void => {
      if (complete && to > covered) problem(covered, `pages ${covered} to ${to - 1} are not used`);
    };
    for (const stretch of [...this.#stretches.keys()].sort((a, b) => a - b)) {
      for (const { start, length, owner } of this.#sorted(stretch)) {
        if (start < covered) problem(start, `page ${start} is in ${last} and in ${owner}`);
        else unused(start);
        if (start + length <= covered) continue;
        covered = start + length;
        last = owner;
      }
      yield;
    }
    if (covered > end) problem(end, `${last} leads outside of the file`);
    else unused(end);
  }

  #sorted(stretch: number): Claim[] {
    return (this.#stretches.get(stretch) ?? []).sort((a, b) => a.start - b.start);
  }
}
