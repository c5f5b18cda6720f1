/**
 * Free pages, as extents sorted by page number, and the end of the file. Guarantees: a page is handed out once until it
 * is released; released extents never overlap free ones (that is asserted, damage shows here first); single pages come
 * from the lowest free extent, so that the tail of the file empties and can be given back.
 */
import { assertInvariant, LlmdbError } from "./error.js";
import { ExtentList } from "./extent-list.js";
import { FIRST_PAGE, MAX_U48 } from "./page.js";

/** How many extents a search for a long run looks at before it takes what it has seen. */
const SEARCH_EXTENTS = 1024;

export class FreeSpace {
  #starts = new Float64Array(64);
  #lengths = new Float64Array(64);
  /** Extents before this one are used up. */
  #first = 0;
  #count = 0;
  #pages = 0;
  #end: number;
  /** Told of each extent that becomes free. */
  onRelease: ((start: number, length: number) => void) | null = null;

  /** @param end the number of pages in use or free, counted from page 0 */
  constructor(end: number = FIRST_PAGE) {
    this.#end = end;
  }

  /** One more than the largest page number in use or free. */
  get end(): number {
    return this.#end;
  }

  /** How many pages are free. */
  get pages(): number {
    return this.#pages;
  }

  get extents(): number {
    return this.#count - this.#first;
  }

  /** Takes the lowest free page, or one more at the end of the file. */
  allocate(): number {
    if (this.#first === this.#count) return this.#extend(1);
    const page = this.#starts[this.#first]++;
    this.#pages--;
    if (--this.#lengths[this.#first] === 0) this.#first++;
    return page;
  }

  /** The lowest free page, or the end of the file. */
  get lowest(): number {
    return this.#first < this.#count ? this.#starts[this.#first] : this.#end;
  }

  /**
   * Takes `pages` pages as at most `most` extents: from one free extent where one is long enough, else from the longest
   * that a bounded search meets, and the rest from the end of the file.
   */
  allocateExtents(pages: number, most: number, into: ExtentList): void {
    let wanted = pages;
    while (wanted > 0) {
      const place = into.count + 1 < most ? this.#findRun(wanted, this.#end) : -1;
      const length = place < 0 ? 0 : Math.min(wanted, this.#lengths[place]);
      // A short piece of a long value is not worth an extent of its own.
      if (place < 0 || length * most < pages) {
        into.add(this.#extend(wanted), wanted);
        return;
      }
      into.add(this.#takeFrom(place, length), length);
      wanted -= length;
    }
  }

  /** Takes `pages` pages as one extent that ends at or below `limit`; returns its start, or -1. */
  allocateBelow(pages: number, limit: number): number {
    const place = this.#findRun(pages, limit);
    if (place < 0 || this.#lengths[place] < pages || this.#starts[place] + pages > limit) return -1;
    return this.#takeFrom(place, pages);
  }

  /**
   * Makes pages free again.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where one of them is free already or is outside of the file
   */
  release(list: ExtentList): void {
    if (list.count === 0) return;
    const { starts, lengths } = list.normalize();
    const last = list.count - 1;
    assertInvariant(
      starts[0] >= FIRST_PAGE && starts[last] + lengths[last] <= this.#end,
      "a freed page is in the file",
    );
    this.#pages += list.pages;
    if (this.onRelease !== null) for (let i = 0; i <= last; i++) this.onRelease(starts[i], lengths[i]);
    if (list.count === 1) this.#insert(starts[0], lengths[0]);
    else this.#merge(starts, lengths);
  }

  /** Cuts free pages off the end of the file, but not below `least`. Returns the new end. */
  trimEnd(least: number): number {
    const last = this.#count - 1;
    if (last < this.#first) return this.#end;
    const start = this.#starts[last];
    if (start + this.#lengths[last] !== this.#end) return this.#end;
    const end = Math.max(start, least, FIRST_PAGE);
    if (end >= this.#end) return this.#end;
    const cut = this.#end - end;
    this.#pages -= cut;
    this.#lengths[last] -= cut;
    if (this.#lengths[last] === 0) this.#count--;
    this.#end = end;
    return end;
  }

  /** All free extents, in order. */
  toList(): ExtentList {
    const list = new ExtentList();
    for (let i = this.#first; i < this.#count; i++) list.add(this.#starts[i], this.#lengths[i]);
    return list;
  }

  #extend(pages: number): number {
    const start = this.#end;
    if (start + pages - 1 > MAX_U48) {
      throw new LlmdbError("LLMDB_UNSUPPORTED", "page numbers end at 2^48; use a larger page size", { pages });
    }
    this.#end += pages;
    return start;
  }

  /** The first extent that starts below `limit` and is long enough, else the longest of those looked at, or -1. */
  #findRun(wanted: number, limit: number): number {
    let longest = -1;
    const stop = Math.min(this.#count, this.#first + SEARCH_EXTENTS);
    for (let i = this.#first; i < stop && this.#starts[i] < limit; i++) {
      if (longest < 0 || this.#lengths[i] > this.#lengths[longest]) longest = i;
      if (this.#lengths[i] >= wanted) return i;
    }
    return longest;
  }

  #takeFrom(place: number, length: number): number {
    const start = this.#starts[place];
    this.#starts[place] += length;
    this.#lengths[place] -= length;
    this.#pages -= length;
    if (this.#lengths[place] === 0) this.#remove(place);
    return start;
  }

  #remove(place: number): void {
    if (place === this.#first) {
      this.#first++;
      return;
    }
    this.#starts.copyWithin(place, place + 1, this.#count);
    this.#lengths.copyWithin(place, place + 1, this.#count);
    this.#count--;
  }

  /** The first extent that starts at or after `page`. */
  #lowerBound(page: number): number {
    let low = this.#first;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(start: number, length: number): void {
    const place = this.#lowerBound(start);
    const joinsLeft = place > this.#first && this.#endOf(place - 1) === start;
    const joinsRight = place < this.#count && this.#starts[place] === start + length;
    assertInvariant(
      (place === this.#first || this.#endOf(place - 1) <= start) &&
        (place === this.#count || start + length <= this.#starts[place]),
      `page ${start} is free already`,
    );
    if (joinsLeft && joinsRight) {
      this.#lengths[place - 1] += length + this.#lengths[place];
      this.#remove(place);
    } else if (joinsLeft) this.#lengths[place - 1] += length;
    else if (joinsRight) {
      this.#starts[place] = start;
      this.#lengths[place] += length;
    } else if (place === this.#first && this.#first > 0) {
      this.#first--;
      this.#starts[this.#first] = start;
      this.#lengths[this.#first] = length;
    } else {
      this.#reserve(this.#count + 1);
      this.#starts.copyWithin(place + 1, place, this.#count);
      this.#lengths.copyWithin(place + 1, place, this.#count);
      this.#starts[place] = start;
      this.#lengths[place] = length;
      this.#count++;
    }
  }

  #endOf(place: number): number {
    return this.#starts[place] + this.#lengths[place];
  }

  /** Merges many extents in one pass over both lists. */
  #merge(starts: number[], lengths: number[]): void {
    const merged = new ExtentList();
    let mine = this.#first;
    for (let i = 0; i <= starts.length; i++) {
      const next = i < starts.length ? starts[i] : Number.POSITIVE_INFINITY;
      for (; mine < this.#count && this.#starts[mine] < next; mine++) {
        merged.add(this.#starts[mine], this.#lengths[mine]);
      }
      if (i < starts.length) merged.add(starts[i], lengths[i]);
    }
    merged.normalize();
    this.#first = 0;
    this.#count = 0;
    this.#reserve(merged.count);
    this.#starts.set(merged.starts);
    this.#lengths.set(merged.lengths);
    this.#count = merged.count;
  }

  #reserve(count: number): void {
    if (count <= this.#starts.length) return;
    const capacity = Math.max(count, this.#starts.length * 2);
    const starts = new Float64Array(capacity);
    const lengths = new Float64Array(capacity);
    starts.set(this.#starts.subarray(0, this.#count));
    lengths.set(this.#lengths.subarray(0, this.#count));
    this.#starts = starts;
    this.#lengths = lengths;
  }
}
