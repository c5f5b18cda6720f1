/**
 * From page number to frame: an open-addressing hash table over two typed arrays. Guarantees: a look-up allocates
 * nothing and calls nothing; page numbers may have 48 bits. Page 0 (a meta page) is never in a table, so that 0 can
 * mark an empty place.
 */
export class PageTable {
  size = 0;
  #pages: Float64Array;
  #frames: Int32Array;
  #mask: number;
  #shift: number;

  /** @param capacity how many entries it should hold before it grows */
  constructor(capacity: number) {
    const places = placesFor(capacity);
    this.#pages = new Float64Array(places);
    this.#frames = new Int32Array(places);
    this.#mask = places - 1;
    this.#shift = Math.clz32(places - 1);
  }

  /** The frame of `page`, or -1. */
  get(page: number): number {
    const pages = this.#pages;
    const mask = this.#mask;
    for (let place = Math.imul(page | 0, GOLDEN) >>> this.#shift; ; place = (place + 1) & mask) {
      const found = pages[place];
      if (found === page) return this.#frames[place];
      if (found === 0) return -1;
    }
  }

  set(page: number, frame: number): void {
    const place = this.#placeOf(page);
    this.#frames[place] = frame;
    if (this.#pages[place] === page) return;
    this.#pages[place] = page;
    this.size++;
    if (this.size * 4 > this.#pages.length * 3) this.#grow();
  }

  delete(page: number): void {
    let hole = this.#placeOf(page);
    const pages = this.#pages;
    if (pages[hole] !== page) return;
    this.size--;
    // Entries after the hole move up, so that a probe never meets a gap before its entry.
    for (let place = (hole + 1) & this.#mask; pages[place] !== 0; place = (place + 1) & this.#mask) {
      const home = Math.imul(pages[place] | 0, GOLDEN) >>> this.#shift;
      if (((place - home) & this.#mask) >= ((place - hole) & this.#mask)) {
        pages[hole] = pages[place];
        this.#frames[hole] = this.#frames[place];
        hole = place;
      }
    }
    pages[hole] = 0;
  }

  /** Empties the table, and shrinks it to `capacity` where it has grown. */
  clear(capacity: number): void {
    const places = placesFor(capacity);
    if (places < this.#pages.length) {
      this.#pages = new Float64Array(places);
      this.#frames = new Int32Array(places);
      this.#mask = places - 1;
      this.#shift = Math.clz32(places - 1);
    } else if (this.size > 0) {
      this.#pages.fill(0);
    }
    this.size = 0;
  }

  /** Calls `visit` with each page and its frame, in no order. The table must not change meanwhile. */
  forEach(visit: (page: number, frame: number) => void): void {
    for (let place = 0; place < this.#pages.length; place++) {
      if (this.#pages[place] !== 0) visit(this.#pages[place], this.#frames[place]);
    }
  }

  #placeOf(page: number): number {
    let place = Math.imul(page | 0, GOLDEN) >>> this.#shift;
    while (this.#pages[place] !== 0 && this.#pages[place] !== page) place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const pages = this.#pages;
    const frames = this.#frames;
    this.#pages = new Float64Array(pages.length * 2);
    this.#frames = new Int32Array(pages.length * 2);
    this.#mask = this.#pages.length - 1;
    this.#shift = Math.clz32(this.#mask);
    for (let old = 0; old < pages.length; old++) {
      if (pages[old] === 0) continue;
      const place = this.#placeOf(pages[old]);
      this.#pages[place] = pages[old];
      this.#frames[place] = frames[old];
    }
  }
}

/** 2^32 over the golden ratio: spreads neighbouring page numbers (Knuth, The Art of Computer Programming, 6.4). */
const GOLDEN = 0x9e3779b1;

function placesFor(capacity: number): number {
  let places = 16;
  while (places * 3 < capacity * 4) places *= 2;
  return places;
}
