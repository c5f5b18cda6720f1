/**
 * The ordered maps that the memory keeps alongside the bitemporal store. Guarantees: they are written in the
 * transaction that writes the records, so that they never differ from them; what is read from them has the shape that
 * is stated here.
 */
import type { Key } from "../engine/key.js";
import type { BlockKey } from "../models/text/posting-list.js";
import { isRecordKind, type RecordKind } from "./record.js";
import type { ScopePath } from "./scope.js";
import { isBytes, isCount, isText, listOf, objectOf, type Shape, StoredMap, tupleOf } from "./stored-map.js";

/** What the directory keeps of a record. */
export interface RecordEntry {
  readonly kind: RecordKind;
  readonly scope: number;
  /** The path of the scope. */
  readonly path: ScopePath;
  readonly number: number;
  /** By which id memories of a path and below know it, where that is not its key. */
  readonly named?: { readonly path: ScopePath; readonly id: string };
  /** Of what it is recognized by. */
  readonly digest: Uint8Array;
  /** Where it is in the order of its scope and kind; 0 while nothing of it is known. */
  readonly place: number;
  /** Its documents that are known now: number and hash of the text. */
  readonly documents: readonly (readonly [number, number])[];
}

/** A document of the index. */
export interface DocumentEntry {
  /** The id of its record. */
  readonly id: string;
  readonly hash: number;
  readonly scope: number;
  /** Its terms, so that it can be taken out when its text is gone, or the analyzer is another. */
  readonly terms: string;
  /** Of a turn: its session and its place there. */
  readonly turn?: readonly [session: string, index: number];
}

/** How many documents of a scope are known, how many terms they have together, and the next document's number. */
export type Totals = readonly [documents: number, terms: number, next: number];

/** What is said of the whole memory: its format, its analyzer, and the next numbers. */
export interface About {
  readonly format: number;
  readonly analyzer: string;
  records: number;
  scopes: number;
  documents: number;
  places: number;
}

/** The format of the maps. Another one is refused. */
export const FORMAT = 1;

const isNumbers = tupleOf<readonly [number, number]>(isCount, isCount);

const isRecordEntry = objectOf<RecordEntry>(
  {
    kind: isRecordKind,
    scope: isCount,
    path: isText,
    number: isCount,
    digest: isBytes,
    place: isCount,
    documents: listOf(isNumbers),
  },
  { named: objectOf<{ readonly path: ScopePath; readonly id: string }>({ path: isText, id: isText }, {}) },
);

const isDocumentEntry = objectOf<DocumentEntry>(
  { id: isText, hash: isCount, scope: isCount, terms: isText },
  { turn: tupleOf<readonly [string, number]>(isText, isCount) },
);

const isWhole = objectOf<About>(
  {
    format: isCount,
    analyzer: isText,
    records: isCount,
    scopes: isCount,
    documents: isCount,
    places: isCount,
  },
  {},
);

/** Of another format, nothing more is known. */
function isAbout(value: unknown): value is About {
  return isWhole(value) || (isOfFormat(value) && value.format !== FORMAT);
}

const isOfFormat = objectOf<{ readonly format: number }>({ format: isCount }, {});

function isBlockKey(key: unknown): key is BlockKey {
  return Array.isArray(key) && key.length === 3 && isCount(key[2]);
}

const BLOCKS = { values: "bytes" } as const;

function blocks(name: string): StoredMap<BlockKey, Uint8Array> {
  return new StoredMap(name, isBlockKey, isBytes, BLOCKS);
}

function mapOf<const K extends Key, V>(name: string, isKey: Shape<K>, isValue: Shape<V>): StoredMap<K, V> {
  return new StoredMap(name, isKey, isValue);
}

/** `"memory"`: the format, the analyzer, and the next numbers. */
export const ABOUT = mapOf("memory/about", isText, isAbout);
/** The path of a scope: its number. */
export const SCOPES = mapOf("memory/scopes", isText, isCount);
/** [key of a record]: its {@link RecordEntry}. */
export const RECORDS = mapOf("memory/records", tupleOf<[string]>(isText), isRecordEntry);
/** [path of a scope, id]: the key of a record that has another key than its id there; see `record-name.ts`. */
export const NAMES = mapOf("memory/names", tupleOf<[ScopePath, string]>(isText, isText), isText);
/** [scope, kind, digest of what it is recognized by, number of the record]: its id. */
export const IDENTITIES = mapOf(
  "memory/identities",
  tupleOf<[number, RecordKind, Uint8Array, number]>(isCount, isRecordKind, isBytes, isCount),
  isText,
);
/** [scope, kind, place]: the id of a record that is known now. Places go up. */
export const ORDER = mapOf(
  "memory/order",
  tupleOf<[number, RecordKind, number]>(isCount, isRecordKind, isCount),
  isText,
);
/** [scope, digest of an entity's name, place]: the id of a relation that begins or ends there, known now. */
export const EDGES = mapOf("memory/edges", tupleOf<[number, Uint8Array, number]>(isCount, isBytes, isCount), isText);
/** [scope, session, index]: the id of a turn. */
export const TURNS = mapOf("memory/turns", tupleOf<[number, string, number]>(isCount, isText, isCount), isText);
/** [scope, session]: how many turns it has had. */
export const SESSIONS = mapOf("memory/sessions", tupleOf<[number, string]>(isCount, isText), isCount);
/** The number of a document: what it is, see `text-index.ts`. */
export const DOCUMENTS = mapOf("memory/documents", isCount, isDocumentEntry);
/** [id of a record, number of a document]: the transaction since which it is known no longer, or 0. */
export const DOCUMENTS_OF = mapOf("memory/documents-of", tupleOf<[string, number]>(isText, isCount), isCount);
/** [term, scope, base]: a block of documents that are known now. */
export const TERMS = blocks("memory/terms");
/** [term, scope, base]: a block of documents by the transaction since which they are known no longer. */
export const PAST_TERMS = blocks("memory/past-terms");
/** [scope, transaction]: how many documents were known after it. */
export const TOTALS = mapOf(
  "memory/totals",
  tupleOf<[number, number]>(isCount, isCount),
  tupleOf<Totals>(isCount, isCount, isCount),
);
/** [scope, three characters, base]: a block of the places of entities that contain them. */
export const GRAMS = blocks("memory/grams");
/** [caller, number of a request]: a hash of the request, and the reply to it. An erasure empties it. */
export const REPLIES = "memory/replies";
/** Which requests were done, without what they said. */
export const REQUESTS = "memory/requests";
