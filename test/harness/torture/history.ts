/**
 * The oracle of a torture run: every state that the database went through, and which of them were acknowledged.
 * Guarantees: a crash may leave exactly the states from the acknowledged one up to the newest begun, in one line.
 */
import { type Contents, describeDifference, type Fingerprint, fingerprintOf } from "./contents.js";
import { Violation } from "./violation.js";

/** The state after one commit. */
export interface State {
  readonly parent: State | undefined;
  /** Commits before it. */
  readonly depth: number;
  readonly contents: Contents;
  readonly fingerprint: Fingerprint;
  /** The transaction and its time, where they are known: later ones must be larger. */
  readonly tx: number;
  readonly time: number;
}

/** The states that a crash may leave: from `acked` to `limit` along the parents of `limit`. */
export interface LegalStates {
  readonly acked: State;
  readonly limit: State;
}

/** The state before the first commit. */
export const EMPTY_STATE: State = {
  parent: undefined,
  depth: 0,
  contents: new Map(),
  fingerprint: fingerprintOf(new Map()),
  tx: 0,
  time: 0,
};

/** The states of one database, as commits are made. */
export class History {
  /** What the open database shows. */
  head: State = EMPTY_STATE;
  /** The newest state that must survive. */
  acked: State = EMPTY_STATE;
  /** The newest state that may be on the disk: `head`, or beyond it where the outcome of a commit is unknown. */
  limit: State = EMPTY_STATE;
  /** Called when `acked` rises. */
  onAck: () => void = () => {};

  /** A commit has been made; it may reach the disk from now on. */
  push(contents: Contents, tx: number, time: number): State {
    const { depth } = this.head;
    const state = { parent: this.head, depth: depth + 1, contents, fingerprint: fingerprintOf(contents), tx, time };
    this.head = state;
    this.limit = state;
    return state;
  }

  /** A commit was promised to be durable, and with it all before it. */
  ack(state: State): void {
    if (state.depth <= this.acked.depth) return;
    this.acked = state;
    this.onAck();
  }

  /** A transaction of this number begins: commits with it or a later one were aborted, though nobody has heard yet. */
  rewind(tx: number): void {
    while (this.head.parent !== undefined && this.head.tx >= tx) this.head = this.head.parent;
    if (this.limit.tx >= tx) this.limit = this.head;
  }

  /** The database was opened and shows this: it must stay. */
  settle(state: State): void {
    this.head = state;
    this.limit = state;
    this.acked = state;
    this.onAck();
  }

  /** The states that a crash may leave now. */
  get legal(): LegalStates {
    return { acked: this.acked, limit: this.limit };
  }
}

/** The legal state with this fingerprint, the newest if there are several. */
export function findState({ acked, limit }: LegalStates, fingerprint: Fingerprint): State | undefined {
  for (let state: State | undefined = limit; state !== undefined; state = state.parent) {
    if (state.fingerprint === fingerprint) return state;
    if (state === acked) return undefined;
  }
  return undefined;
}

/** As {@link findState}; where there is none, a violation that says what the contents are instead. */
export function requireState(legal: LegalStates, contents: Contents, fingerprint: Fingerprint, where: string): State {
  const state = findState(legal, fingerprint);
  if (state !== undefined) return state;
  const { acked, limit } = legal;
  throw new Violation(
    `${where}: ${describeStray(legal, contents, fingerprint)}; legal are ${acked.depth} to ${limit.depth}`,
  );
}

function describeStray({ acked, limit }: LegalStates, contents: Contents, fingerprint: Fingerprint): string {
  for (let state = acked.parent; state !== undefined; state = state.parent) {
    if (state.fingerprint === fingerprint) {
      return `the state is that of commit ${state.depth}, although commit ${acked.depth} was acknowledged`;
    }
  }
  return `the state is that of no commit (from commit ${limit.depth}: ${describeDifference(contents, limit.contents)})`;
}
