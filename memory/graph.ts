/**
 * The knowledge graph: entities with observations, and relations between them. Guarantees: each call does exactly what
 * the tool of the same name of the reference memory server of MCP does, in one transaction; what is deleted stays on
 * record.
 */
import type { Database } from "../temporal/database.js";
import { digestOf, identified, scopeNumber } from "./directory.js";
import { candidatePlaces, containsText } from "./gram-index.js";
import type {
  AddedObservations,
  Entity,
  GraphWriter,
  NewObservations,
  OldObservations,
  Relation,
} from "./graph-writer.js";
import { EDGES, ORDER } from "./maps.js";
import { type EntityValue, isKind, type RecordKind, type RelationValue } from "./record.js";
import { recordEntry } from "./record-name.js";
import type { ScopePath } from "./scope.js";

export interface Graph {
  entities: Entity[];
  relations: Relation[];
}

/** What the graph needs of a memory. */
export interface GraphMemory {
  readonly db: Database;
  readonly root: ScopePath;
  transaction<T>(body: (tx: { readonly graph: GraphWriter }) => T): Promise<T>;
}

/** The graph of a memory's own scope. */
export class KnowledgeGraph {
  readonly #memory: GraphMemory;

  /** @internal Use `memory.graph`. */
  constructor(memory: GraphMemory) {
    this.#memory = memory;
  }

  #write<T>(body: (graph: GraphWriter) => T): Promise<T> {
    return this.#memory.transaction((tx) => body(tx.graph));
  }

  /** As {@link GraphWriter.createEntities}, as a transaction of its own. */
  createEntities(entities: readonly Entity[]): Promise<Entity[]> {
    return this.#write((graph) => graph.createEntities(entities));
  }

  /** As {@link GraphWriter.createRelations}, as a transaction of its own. */
  createRelations(relations: readonly Relation[]): Promise<Relation[]> {
    return this.#write((graph) => graph.createRelations(relations));
  }

  /** As {@link GraphWriter.addObservations}, as a transaction of its own. */
  addObservations(observations: readonly NewObservations[]): Promise<AddedObservations[]> {
    return this.#write((graph) => graph.addObservations(observations));
  }

  /** As {@link GraphWriter.deleteEntities}, as a transaction of its own. */
  deleteEntities(names: readonly string[]): Promise<void> {
    return this.#write((graph) => graph.deleteEntities(names));
  }

  /** As {@link GraphWriter.deleteObservations}, as a transaction of its own. */
  deleteObservations(deletions: readonly OldObservations[]): Promise<void> {
    return this.#write((graph) => graph.deleteObservations(deletions));
  }

  /** As {@link GraphWriter.deleteRelations}, as a transaction of its own. */
  deleteRelations(relations: readonly Relation[]): Promise<void> {
    return this.#write((graph) => graph.deleteRelations(relations));
  }

  /** All of it, in the order in which it was made. */
  read(): Graph {
    const scope = this.#scope;
    if (scope === undefined) return { entities: [], relations: [] };
    return {
      entities: [...this.#all(scope, "entity")].filter((value) => isKind(value, "entity")).map(toEntity),
      relations: [...this.#all(scope, "relation")].filter((value) => isKind(value, "relation")).map(toRelation),
    };
  }

  /** The entities that contain a string, whatever its case, and the relations that begin or end there. */
  search(query: string): Graph {
    const scope = this.#scope;
    if (scope === undefined) return { entities: [], relations: [] };
    const lowered = query.toLowerCase();
    const places = candidatePlaces(this.#memory.db, scope, lowered);
    const candidates = places === undefined ? this.#all(scope, "entity") : this.#at(scope, places);
    const found: EntityValue[] = [];
    for (const value of candidates) if (isKind(value, "entity") && containsText(value, lowered)) found.push(value);
    return this.#withRelations(scope, found);
  }

  /** The entities of these names, and the relations that begin or end there. */
  open(names: readonly string[]): Graph {
    const scope = this.#scope;
    if (scope === undefined) return { entities: [], relations: [] };
    const { db } = this.#memory;
    const found = new Map<number, EntityValue>();
    for (const name of new Set(names)) {
      for (const id of identified(db, scope, "entity", digestOf([name]))) {
        const value = db.get(id);
        if (isKind(value, "entity")) found.set(recordEntry(db, id)?.place ?? 0, value);
      }
    }
    return this.#withRelations(
      scope,
      [...found].sort(([a], [b]) => a - b).map(([, value]) => value),
    );
  }

  get #scope(): number | undefined {
    return scopeNumber(this.#memory.db, this.#memory.root);
  }

  *#all(scope: number, kind: RecordKind): IterableIterator<unknown> {
    const { db } = this.#memory;
    for (const id of ORDER.in(db).values({ prefix: [scope, kind] })) yield db.get(id);
  }

  *#at(scope: number, places: readonly number[]): IterableIterator<unknown> {
    const { db } = this.#memory;
    const order = ORDER.in(db);
    for (const place of places) {
      const id = order.get([scope, "entity", place]);
      if (id !== undefined) yield db.get(id);
    }
  }

  #withRelations(scope: number, entities: readonly EntityValue[]): Graph {
    const { db } = this.#memory;
    const edges = EDGES.in(db);
    const ids = new Map<number, string>();
    for (const name of new Set(entities.map((entity) => entity.name))) {
      for (const [[, , place], id] of edges.range({ prefix: [scope, digestOf([name])] })) ids.set(place, id);
    }
    const ordered = [...ids].sort(([a], [b]) => a - b).map(([, id]) => db.get(id));
    return {
      entities: entities.map(toEntity),
      relations: ordered.filter((value) => isKind(value, "relation")).map(toRelation),
    };
  }
}

function toEntity({ name, entityType, observations }: EntityValue): Entity {
  return { name, entityType, observations: [...observations] };
}

function toRelation({ from, to, relationType }: RelationValue): Relation {
  return { from, to, relationType };
}
