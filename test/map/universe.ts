/**
 * The keys, maps and sizes of the model tests: few enough that a run of twenty steps meets the same ones again, close
 * enough that prefixes break, large enough that pages of 4 KiB split, merge and overflow.
 */
import type { Key } from "../../index.js";
import type { Universe } from "../harness/index.js";
import { compareKeys } from "../key/order.js";

const deep = "a/long/common/beginning/".repeat(10);
/** The longest key at 4 KiB is 576 bytes; a string takes one byte for its type. */
const longest = "x".repeat(574);

const mixed: Key[] = [
  ...[null, false, true, Number.NEGATIVE_INFINITY, -1, 0, 0.5, 1, 2n ** 70n, "", "\0", "a", "a\0", "aa", "after", "b"],
  ...["after/1", "after/2", `${deep}a`, `${deep}b`, `${deep}b\0`, deep, `${longest}a`, `${longest}b`, longest],
  ...[new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(255), Uint8Array.of(255, 255, 255)],
  ...[[], ["a"], ["a", 0], ["a", "b"], ["a\0"], [[]], [["a"], "b"], [Uint8Array.of(0), null]],
];
const row: Key[] = Array.from({ length: 260 }, (_, i) => `row/${String(i).padStart(5, "0")}`);
const tree: Key[] = Array.from({ length: 60 }, (_, i) => `${deep}${i % 6}/${"y".repeat(i * 4)}`);

export const universe: Universe = {
  keys: [...mixed, ...row, ...tree].sort(compareKeys),
  maps: [
    { name: "bytes", format: "bytes" },
    { name: "text", format: "string" },
    { name: "things", format: "msgpack" },
    { name: "documents", format: "json" },
  ],
  sizes: [0, 1, 4, 30, 100, 400, 900, 1000, 1100, 2000, 4064, 4065, 9000, 20_000],
};
