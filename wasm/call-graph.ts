/**
 * How much of the stack each call has to be charged for. Guarantees: however a module calls itself, what is charged is
 * at least what is on the stack, except for at most `FREE_UNITS`: functions that take part in no cycle of calls are not
 * charged for themselves; their callers pay for what they can accumulate.
 *
 * Cycles are found after Tarjan, "Depth-First Search and Linear Graph Algorithms" (1972).
 */

/** What one function takes, and what it calls. */
export interface CallNode {
  readonly frameUnits: number;
  /** Functions, by index. */
  readonly calls: readonly number[];
  /** Whether it may call any function that is in a table. */
  readonly callsTable: boolean;
}

/** What functions that are not charged may pile up. */
const FREE_UNITS = 2048;
const UNSEEN = -1;

export class CallGraph {
  /** By node: the units that a call is charged; 0: none. */
  readonly units: Int32Array;
  readonly #nodes: readonly CallNode[];
  readonly #firstIndex: number;
  /** A node that calls whatever is in a table. It has no frame, and is never charged. */
  readonly #table: number;
  readonly #inTable: readonly number[];
  /** By node that is not charged: what it and those below pile up at most. */
  readonly #depth: Int32Array;
  readonly #order: Int32Array;
  readonly #low: Int32Array;
  readonly #calls: (readonly number[] | undefined)[] = [];
  readonly #component: number[] = [];
  readonly #isOpen: Uint8Array;
  #seen = 0;

  /**
   * @param nodes of the functions that have a body
   * @param firstIndex the index of the first of them
   * @param inTable functions that may be in a table, by index
   */
  constructor(nodes: readonly CallNode[], firstIndex: number, inTable: Iterable<number>) {
    const count = nodes.length + 1;
    this.#nodes = nodes;
    this.#firstIndex = firstIndex;
    this.#table = nodes.length;
    this.#inTable = [...inTable].map((index) => index - firstIndex).filter((node) => node >= 0);
    this.units = new Int32Array(count);
    this.#depth = new Int32Array(count);
    this.#order = new Int32Array(count).fill(UNSEEN);
    this.#low = new Int32Array(count);
    this.#isOpen = new Uint8Array(count);
    for (let node = 0; node < nodes.length; node++) if (this.#order[node] === UNSEEN) this.#visit(node);
  }

  #callsOf(node: number): readonly number[] {
    if (node === this.#table) return this.#inTable;
    let known = this.#calls[node];
    if (known === undefined) {
      const { calls, callsTable } = this.#nodes[node];
      const own = [...new Set(calls)].map((index) => index - this.#firstIndex).filter((called) => called >= 0);
      known = callsTable ? [...own, this.#table] : own;
      this.#calls[node] = known;
    }
    return known;
  }

  /** Goes through all that can be reached, without recursion: modules come from anywhere. */
  #visit(start: number): void {
    const path: { readonly node: number; readonly calls: readonly number[]; next: number }[] = [];
    const enter = (node: number) => {
      this.#order[node] = this.#seen;
      this.#low[node] = this.#seen++;
      this.#component.push(node);
      this.#isOpen[node] = 1;
      path.push({ node, calls: this.#callsOf(node), next: 0 });
    };
    enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      if (top.next < top.calls.length) {
        const called = top.calls[top.next++];
        if (this.#order[called] === UNSEEN) enter(called);
        else if (this.#isOpen[called] === 1) this.#low[node] = Math.min(this.#low[node], this.#order[called]);
        continue;
      }
      path.pop();
      const caller = path.at(-1);
      if (caller !== undefined) this.#low[caller.node] = Math.min(this.#low[caller.node], this.#low[node]);
      if (this.#low[node] === this.#order[node]) this.#close(node);
    }
  }

  /** All nodes of a component are known, and all that they call outside of it was closed before. */
  #close(root: number): void {
    const members: number[] = [];
    for (let node = UNSEEN; node !== root; ) {
      node = this.#component.pop() ?? root;
      this.#isOpen[node] = 0;
      members.push(node);
    }
    const isCycle = members.length > 1 || this.#callsOf(root).includes(root);
    // The others of its cycle pile up what it does.
    if (members.includes(this.#table)) this.#depth[this.#table] = this.#below(this.#table);
    for (const node of members) if (node !== this.#table) this.#weigh(node, isCycle);
  }

  /** What a node calls and is not charged. Of its own cycle, the others do not pile up anything. */
  #below(node: number): number {
    let below = 0;
    for (const called of this.#callsOf(node)) {
      if (this.units[called] === 0) below = Math.max(below, this.#depth[called]);
    }
    return below;
  }

  #weigh(node: number, isCycle: boolean): void {
    const below = this.#below(node);
    const own = this.#nodes[node].frameUnits;
    if (isCycle || own + below > FREE_UNITS) this.units[node] = own + below;
    else this.#depth[node] = own + below;
  }
}
