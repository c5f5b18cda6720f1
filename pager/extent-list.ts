/**
 * A list of extents (runs of neighbouring pages), in any order until it is normalized. Guarantees: after `normalize`
 * the extents are sorted, disjoint and as long as can be; a page that is in the list twice is reported, because it
 * would be handed out twice.
 */
import { assertInvariant } from "./error.js";

export class ExtentList {
  starts: number[] = [];
  lengths: number[] = [];
  pages = 0;

  get count(): number {
    return this.starts.length;
  }

  add(start: number, length: number): void {
    const last = this.starts.length - 1;
    if (last >= 0 && this.starts[last] + this.lengths[last] === start) this.lengths[last] += length;
    else {
      this.starts.push(start);
      this.lengths.push(length);
    }
    this.pages += length;
  }

  addAll(other: ExtentList): void {
    for (let i = 0; i < other.count; i++) this.add(other.starts[i], other.lengths[i]);
  }

  clear(): void {
    this.starts = [];
    this.lengths = [];
    this.pages = 0;
  }

  /** Forgets what was added after the list had `count` extents and `pages` pages and the last was `lastLength` long. */
  truncate(mark: ExtentListMark): void {
    this.starts.length = mark.count;
    this.lengths.length = mark.count;
    if (mark.count > 0) this.lengths[mark.count - 1] = mark.lastLength;
    this.pages = mark.pages;
  }

  mark(): ExtentListMark {
    return { count: this.count, lastLength: this.lengths[this.count - 1] ?? 0, pages: this.pages };
  }

  /** What was added since `mark`. */
  since(mark: ExtentListMark): ExtentList {
    const added = new ExtentList();
    const last = mark.count - 1;
    if (last >= 0 && this.lengths[last] > mark.lastLength) {
      added.add(this.starts[last] + mark.lastLength, this.lengths[last] - mark.lastLength);
    }
    for (let i = mark.count; i < this.count; i++) added.add(this.starts[i], this.lengths[i]);
    return added;
  }

  /**
   * Sorts and joins.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where two extents overlap
   */
  normalize(): this {
    const { starts, lengths } = this;
    if (!isAscending(starts)) {
      const order = Uint32Array.from(starts.keys()).sort((a, b) => starts[a] - starts[b]);
      this.starts = Array.from(order, (i) => starts[i]);
      this.lengths = Array.from(order, (i) => lengths[i]);
    }
    let kept = 0;
    for (let i = 1; i < this.starts.length; i++) {
      const end = this.starts[kept] + this.lengths[kept];
      assertInvariant(this.starts[i] >= end, `page ${this.starts[i]} was freed twice`);
      if (this.starts[i] === end) this.lengths[kept] += this.lengths[i];
      else {
        kept++;
        this.starts[kept] = this.starts[i];
        this.lengths[kept] = this.lengths[i];
      }
    }
    if (this.starts.length > 0) {
      this.starts.length = kept + 1;
      this.lengths.length = kept + 1;
    }
    return this;
  }
}

/** How long an {@link ExtentList} was at some moment. */
export interface ExtentListMark {
  readonly count: number;
  readonly lastLength: number;
  readonly pages: number;
}

function isAscending(values: number[]): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] < values[i - 1]) return false;
  return true;
}
