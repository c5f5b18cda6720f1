/**
 * Changing the knowledge graph inside a transaction. Guarantees: each call leaves exactly what the tool of the same
 * name of the reference memory server of MCP would leave, its treatment of equal names included.
 */
import { ALWAYS } from "../temporal/at.js";
import { digestOf, identified } from "./directory.js";
import { EDGES } from "./maps.js";
import { type EntityValue, isKind, type RelationValue } from "./record.js";
import type { RecordWriter } from "./record-writer.js";
import type { ScopePath } from "./scope.js";

/** An entity as the graph gives and takes it. */
export interface Entity {
  name: string;
  entityType: string;
  observations: string[];
}

/** A relation as the graph gives and takes it; in active voice. */
export interface Relation {
  from: string;
  to: string;
  relationType: string;
}

/** Observations to be added to an entity. */
export interface NewObservations {
  entityName: string;
  contents: readonly string[];
}

/** Those that it did not have. */
export interface AddedObservations {
  entityName: string;
  addedObservations: string[];
}

/** Observations to be taken out of an entity. */
export interface OldObservations {
  entityName: string;
  observations: readonly string[];
}

/** An entity or a relation that is known, with its id. */
interface Known<V> {
  readonly id: string;
  readonly value: V;
}

export class GraphWriter {
  readonly #writer: RecordWriter;
  readonly #root: ScopePath;
  readonly #scope: number;

  /** @internal Use `tx.graph`. */
  constructor(writer: RecordWriter, root: ScopePath) {
    this.#writer = writer;
    this.#root = root;
    this.#scope = writer.directory.scope(root);
  }

  /** Makes those whose names are new, and returns them. Equal names in one call are made as often as they are given. */
  createEntities(entities: readonly Entity[]): Entity[] {
    const created = entities.filter(({ name }) => this.#entities(name).next().done === true);
    for (const { name, entityType, observations } of created) {
      this.#writer.put(this.#freeId("entity", [name]), entityValue(name, entityType, observations), ALWAYS);
    }
    return created;
  }

  /** Makes those that are new, and returns them. Their ends need not exist. */
  createRelations(relations: readonly Relation[]): Relation[] {
    const created = relations.filter((relation) => this.#relations(relation).next().done === true);
    for (const { from, to, relationType } of created) {
      const value: RelationValue = { kind: "relation", from, to, relationType };
      this.#writer.put(this.#freeId("relation", [from, to, relationType]), value, ALWAYS);
    }
    return created;
  }

  /**
   * Adds observations that an entity does not have.
   *
   * @throws Error where there is no entity of the name, in the words of the reference server
   */
  addObservations(observations: readonly NewObservations[]): AddedObservations[] {
    return observations.map(({ entityName, contents }) => {
      const { value: known } = this.#entities(entityName).next();
      if (known === undefined) throw new Error(`Entity with name ${entityName} not found`);
      const { id, value } = known;
      const had = new Set(value.observations);
      const addedObservations = contents.filter((content) => !had.has(content));
      if (addedObservations.length > 0) {
        this.#writer.put(id, { ...value, observations: [...value.observations, ...addedObservations] }, ALWAYS);
      }
      return { entityName, addedObservations };
    });
  }

  /** Takes entities out, and the relations that begin or end there. */
  deleteEntities(names: readonly string[]): void {
    const { tx, directory } = this.#writer;
    // Relations that this transaction made are among the edges from here on.
    this.#writer.settle();
    for (const name of new Set(names)) {
      const ids = [...this.#entities(name)].map(({ id }) => id);
      const edges = EDGES.in(tx).values({ prefix: [this.#scope, digestOf([name])] });
      for (const id of [...ids, ...edges]) {
        if (directory.entry(id) !== undefined) this.#writer.delete(id, ALWAYS);
      }
    }
  }

  deleteObservations(deletions: readonly OldObservations[]): void {
    for (const { entityName, observations } of deletions) {
      const { value: known } = this.#entities(entityName).next();
      if (known === undefined) continue;
      const { id, value } = known;
      const old = new Set(observations);
      const left = value.observations.filter((observation) => !old.has(observation));
      if (left.length < value.observations.length) {
        this.#writer.put(id, { ...value, observations: left }, ALWAYS);
      }
    }
  }

  deleteRelations(relations: readonly Relation[]): void {
    for (const relation of relations) {
      for (const { id } of [...this.#relations(relation)]) this.#writer.delete(id, ALWAYS);
    }
  }

  /** The entities of a name that are known now, the oldest first. */
  *#entities(name: string): Generator<Known<EntityValue>, undefined> {
    for (const id of this.#identified("entity", [name])) {
      const value = this.#writer.tx.get(id);
      if (isKind(value, "entity")) yield { id, value };
    }
    return undefined;
  }

  *#relations({ from, to, relationType }: Relation): Generator<Known<RelationValue>, undefined> {
    for (const id of this.#identified("relation", [from, to, relationType])) {
      const value = this.#writer.tx.get(id);
      if (isKind(value, "relation")) yield { id, value };
    }
    return undefined;
  }

  #identified(kind: "entity" | "relation", identity: readonly string[]): string[] {
    return identified(this.#writer.tx, this.#scope, kind, digestOf(identity));
  }

  /** What was deleted and is made again goes on as the same record. */
  #freeId(kind: "entity" | "relation", identity: readonly string[]): string {
    const { tx } = this.#writer;
    const free = this.#identified(kind, identity).find((id) => tx.get(id) === undefined);
    return free ?? this.#writer.create(kind, this.#root, identity);
  }
}

function entityValue(name: string, entityType: string, observations: readonly string[]): EntityValue {
  return { kind: "entity", name, entityType, observations: [...observations] };
}
