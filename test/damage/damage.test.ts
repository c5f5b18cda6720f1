/**
 * Damage of every kind all over a file: reading it gives right data or a typed error that names the page, never wrong
 * data; keys on other pages stay readable; a file that is refused is left as it was.
 */
import { expect, test } from "vitest";
import { FIRST_PAGE } from "../../pager/page.js";
import { effort, SEED } from "../effort.js";
import { Random } from "../harness/index.js";
import { HostileFile } from "./hostile.js";
import { makeOriginal, PAGE_BYTES, readImage } from "./image.js";

const original = await makeOriginal();
const { bytes } = original;
const pages = bytes.length / PAGE_BYTES;
const total = readImage(bytes, original, "undamaged").right;

const directoryPage = new HostileFile(bytes).meta.directory.page;

const names = ["meta", "leaf", "branch", "extent", "other"] as const;

function typeOf(page: number): (typeof names)[number] {
  if (page < FIRST_PAGE) return "meta";
  return (["other", "leaf", "branch", "extent"] as const)[bytes[page * PAGE_BYTES]] ?? "other";
}

function damaged(change: (image: Uint8Array) => void): Uint8Array {
  const image = bytes.slice();
  change(image);
  return image;
}

test("the file has pages of every type, and reads back", () => {
  const types = new Set(Array.from({ length: pages }, (_, page) => typeOf(page)));
  for (const type of ["meta", "leaf", "branch", "extent"] as const) expect(types).toContain(type);
  const outcome = readImage(bytes, original, "undamaged");
  expect(outcome).toMatchObject({ refused: undefined, failed: 0, cleanVerify: true });
  expect(readImage(bytes, original, "read-only", true)).toMatchObject({ refused: undefined, failed: 0 });
});

test("a flipped bit in any page", () => {
  const random = new Random(SEED);
  const found = { leaf: 0, branch: 0, extent: 0, meta: 0, other: 0 };
  for (let page = 0; page < pages; page++) {
    for (let i = 0; i < effort(1); i++) {
      const at = page * PAGE_BYTES + random.below(random.chance() ? 40 : page < FIRST_PAGE ? 256 : PAGE_BYTES);
      const what = `bit ${at} of a ${typeOf(page)} page`;
      const outcome = readImage(
        damaged((image) => {
          image[at] ^= 1 << random.below(8);
        }),
        original,
        what,
      );
      if (outcome.failed > 0 || outcome.refused !== undefined) {
        found[typeOf(page)]++;
        expect(outcome.cleanVerify, what).toBe(false);
      }
      if (typeOf(page) === "leaf" && page !== directoryPage) {
        expect(outcome.right, what).toBeGreaterThan(total - 60);
      }
    }
  }
  for (const type of ["leaf", "branch", "extent"] as const) expect(found[type], type).toBeGreaterThan(0);
}, 120_000);

test("a flipped bit anywhere in any one meta page", () => {
  const step = Math.ceil(8 / effort(1));
  for (let at = SEED % step; at < 256; at += step) {
    for (const meta of [0, PAGE_BYTES, 2 * PAGE_BYTES]) {
      const outcome = readImage(
        damaged((image) => {
          image[meta + at] ^= 1 << (at % 8);
        }),
        original,
        `meta byte ${meta + at}`,
      );
      expect(outcome.refused, `meta byte ${meta + at}`).toBeUndefined();
    }
  }
}, 60_000);

test.each([
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 1, 2],
])("meta pages %i and %i damaged", (...damagedPages) => {
  const outcome = readImage(
    damaged((image) => {
      for (const page of damagedPages) image[page * PAGE_BYTES + 60] ^= 1;
    }),
    original,
    `meta pages ${damagedPages.join(", ")}`,
  );
  expect(outcome.refused?.code).toBe("LLMDB_CORRUPT");
});

test("truncated and extended at many places", () => {
  const random = new Random(20);
  const lengths = [0, 1, 255, 256, 4095, 4096, 4097, 8191, 8192, 8193, bytes.length - 1, bytes.length - PAGE_BYTES];
  for (let i = 0; i < effort(20); i++) lengths.push(random.below(bytes.length));
  for (const length of lengths) readImage(bytes.slice(0, length), original, `cut to ${length} bytes`);
  for (const more of [1, 511, 4096, 100_000]) {
    const image = new Uint8Array(bytes.length + more);
    image.set(bytes);
    for (const fill of [0, 0xff]) {
      image.fill(fill, bytes.length);
      expect(readImage(image, original, `${more} bytes more`)).toMatchObject({ refused: undefined, failed: 0 });
    }
  }
}, 60_000);

test("pages in each other's place", () => {
  const random = new Random(17);
  for (let i = 0; i < effort(50); i++) {
    const a = random.below(pages) * PAGE_BYTES;
    const b = random.below(pages) * PAGE_BYTES;
    const image = damaged((changed) => {
      changed.copyWithin(a, b, b + PAGE_BYTES);
      if (i % 2 === 0) changed.set(bytes.subarray(a, a + PAGE_BYTES), b);
    });
    readImage(image, original, `page ${b / PAGE_BYTES} over page ${a / PAGE_BYTES}`);
  }
}, 60_000);

test("older versions of the same page", () => {
  let differing = 0;
  for (const earlier of original.earlier) {
    for (let page = 0; page < earlier.length / PAGE_BYTES; page += 2) {
      const from = page * PAGE_BYTES;
      const old = earlier.subarray(from, from + PAGE_BYTES);
      if (Buffer.compare(old, bytes.subarray(from, from + PAGE_BYTES)) === 0) continue;
      differing++;
      readImage(
        damaged((image) => image.set(old, from)),
        original,
        `an older page ${page}`,
      );
    }
  }
  expect(differing).toBeGreaterThan(50);
}, 60_000);

test("pages of zeros, and stretches of garbage", () => {
  const random = new Random(4);
  for (let page = 0; page < pages; page += 2) {
    readImage(
      damaged((image) => image.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES)),
      original,
      `zeros in page ${page}`,
    );
  }
  for (let i = 0; i < 100; i++) {
    const from = random.below(bytes.length);
    const length = 1 + random.below(3 * PAGE_BYTES);
    readImage(
      damaged((image) => random.fill(image.subarray(from, from + length))),
      original,
      `garbage at ${from}`,
    );
  }
}, 60_000);
