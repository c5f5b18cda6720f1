/**
 * The ordered maps that the memory keeps beside the bitemporal store. Guarantees: they are written in the transaction
 * that writes the records, so that they never differ from them.
 */
import type { Key } from "../engine/key.js";
import type { MapReader } from "../engine/map-reader.js";
import type { MapOptions } from "../engine/options.js";
import type { RecordKind } from "./record.js";
import type { ScopePath } from "./scope.js";

/** Whatever has maps: the database, a snapshot, a transaction. */
export interface MapsOf {
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions): MapReader<K, V>;
}

/** `about`: the format, the analyzer, and the next numbers. */
export const ABOUT = "memory/about";
/** The path of a scope: its number. */
export const SCOPES = "memory/scopes";
/** [key of a record]: its {@link RecordEntry}. */
export const RECORDS = "memory/records";
/** [path of a scope, id]: the key of a record that has another key than its id there; see `record-name.ts`. */
export const NAMES = "memory/names";
/** [scope, kind, digest of what it is recognized by, number of the record]: its id. */
export const IDENTITIES = "memory/identities";
/** [scope, kind, place]: the id of a record that is known now. Places go up. */
export const ORDER = "memory/order";
/** [scope, digest of an entity's name, place]: the id of a relation that begins or ends there, known now. */
export const EDGES = "memory/edges";
/** [scope, session, index]: the id of a turn. */
export const TURNS = "memory/turns";
/** [scope, session]: how many turns it has had. */
export const SESSIONS = "memory/sessions";
/** The number of a document: what it is, see `text-index.ts`. */
export const DOCUMENTS = "memory/documents";
/** [id of a record, number of a document]: the transaction since which it is known no longer, or 0. */
export const DOCUMENTS_OF = "memory/documents-of";
/** [term, scope, base]: a block of documents that are known now. */
export const TERMS = "memory/terms";
/** [term, scope, base]: a block of documents by the transaction since which they are known no longer. */
export const PAST_TERMS = "memory/past-terms";
/** [scope, transaction]: how many documents were known after it. */
export const TOTALS = "memory/totals";
/** [scope, three characters, base]: a block of the places of entities that contain them. */
export const GRAMS = "memory/grams";
/** [caller, number of a request]: a hash of the request, and the reply to it. An erasure empties it. */
export const REPLIES = "memory/replies";
/** Which requests were done, without what they said. */
export const REQUESTS = "memory/requests";

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
  /** Where it stands in the order of its scope and kind; 0 while nothing of it is known. */
  readonly place: number;
  /** Its documents that are known now: number and hash of the text. */
  readonly documents: readonly (readonly [number, number])[];
}
