/**
 * An index of substrings: which entities have a text that contains a string, in lower case. Guarantees: whatever
 * contains the string is among the candidates; the caller compares their texts.
 *
 * A text is cut into all runs of three UTF-16 units; after its end stand two units that no text needs, so that runs of
 * one and two units at the end are the beginning of a gram as well.
 */

import { BlockReader } from "../models/text/posting-block.js";
import { addPostings, type BlockMap, blockCount, removePostings, scanPostings } from "../models/text/posting-list.js";
import type { Transaction } from "../temporal/transaction.js";
import { GRAMS } from "./maps.js";
import type { EntityValue } from "./record.js";
import type { MapsOf } from "./stored-map.js";

const UNIT = 65536;
const GRAM_UNITS = 3;
const PADDING = "\0\0";
/** How many lists, of the rarest grams, are read; comparing the texts does the rest. */
const MAX_LISTS = 3;

/** The texts of an entity that a search looks into. */
function searchedTexts({ name, entityType, observations }: EntityValue): string[] {
  return [name, entityType, ...observations];
}

/** Whether a text of an entity contains a string that is in lower case. */
export function containsText(entity: EntityValue, lowered: string): boolean {
  return searchedTexts(entity).some((text) => text.toLowerCase().includes(lowered));
}

/** The grams of an entity, each once. */
export function gramsOf(entity: EntityValue | undefined): Set<number> {
  const grams = new Set<number>();
  if (entity === undefined) return grams;
  for (const text of searchedTexts(entity)) {
    const padded = text.toLowerCase() + PADDING;
    for (let i = 0; i + GRAM_UNITS <= padded.length; i++) grams.add(gramAt(padded, i));
  }
  return grams;
}

function gramAt(text: string, i: number): number {
  return (text.charCodeAt(i) * UNIT + text.charCodeAt(i + 1)) * UNIT + text.charCodeAt(i + 2);
}

/** Collects what one transaction changes, and writes it gram by gram. */
export class GramChange {
  readonly #tx: Transaction;
  readonly #added = new Map<number, Map<number, number[]>>();
  readonly #removed: { scope: number; gram: number; place: number }[] = [];

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  /** What an entity at a place contained, and what it contains now. */
  change(scope: number, place: number, before: ReadonlySet<number>, after: ReadonlySet<number>): void {
    for (const gram of before) if (!after.has(gram)) this.#removed.push({ scope, gram, place });
    const lists = this.#added.get(scope) ?? new Map<number, number[]>();
    this.#added.set(scope, lists);
    for (const gram of after) {
      if (before.has(gram)) continue;
      const places = lists.get(gram);
      if (places === undefined) lists.set(gram, [place]);
      else places.push(place);
    }
  }

  write(): void {
    const map = GRAMS.of(this.#tx);
    for (const { scope, gram, place } of this.#removed) removePostings(map, [scope, gram], place, 0);
    for (const [scope, lists] of this.#added) {
      for (const gram of [...lists.keys()].sort((a, b) => a - b)) {
        const places = (lists.get(gram) ?? []).sort((a, b) => a - b);
        addPostings(
          map,
          [scope, gram],
          places.map((at) => ({ at, extras: [] })),
        );
      }
    }
  }
}

/** The places of the entities that may contain a string that is in lower case, in order; undefined: all may. */
export function candidatePlaces(maps: MapsOf, scope: number, lowered: string): number[] | undefined {
  if (lowered === "") return undefined;
  const map = GRAMS.in(maps);
  if (lowered.length < GRAM_UNITS) return placesOfBeginning(map, scope, lowered);
  const grams = new Set<number>();
  for (let i = 0; i + GRAM_UNITS <= lowered.length; i++) grams.add(gramAt(lowered, i));
  const lists = [...grams].map((gram) => ({ gram, blocks: blockCount(map, [scope, gram]) }));
  lists.sort((a, b) => a.blocks - b.blocks);
  let places: number[] | undefined;
  for (const { gram } of lists.slice(0, MAX_LISTS)) {
    const held = placesOf(map, scope, gram);
    places = places === undefined ? held : intersect(places, held);
    if (places.length === 0) return places;
  }
  return places;
}

function placesOf(map: BlockMap, scope: number, gram: number): number[] {
  const places: number[] = [];
  scanPostings(map, [scope, gram], new BlockReader(0), (place) => places.push(place));
  return places;
}

/** Those with a gram that begins with one or two units. */
function placesOfBeginning(map: BlockMap, scope: number, lowered: string): number[] {
  const padded = lowered + PADDING;
  const first = gramAt(padded, 0);
  const last = first + UNIT ** (GRAM_UNITS - lowered.length) - 1;
  const reader = new BlockReader(0);
  const places = new Set<number>();
  for (const [key, bytes] of map.range({ gte: [scope, first], lt: [scope, last + 1] })) {
    const base = key[key.length - 1];
    reader.open(bytes, typeof base === "number" ? base : 0);
    while (reader.next()) places.add(reader.at);
  }
  return [...places].sort((a, b) => a - b);
}

function intersect(a: readonly number[], b: readonly number[]): number[] {
  const common: number[] = [];
  let j = 0;
  for (const place of a) {
    while (j < b.length && b[j] < place) j++;
    if (b[j] === place) common.push(place);
  }
  return common;
}
