/**
 * Circles of imports between files. Guarantees: each circle is told once, as the files that all reach each other
 * through imports, type imports included; a file that imports itself is a circle of one; files that are not among the
 * sources are passed over.
 */
import { posix } from "node:path";
import type { Source } from "./sources.js";
import { importsOf } from "./syntax.js";

/** The circles, each in the order of its paths, and in the order of their first ones. */
export function circlesIn(sources: readonly Source[]): string[][] {
  const paths = new Set(sources.map(({ path }) => path));
  const imports = new Map(sources.map((source) => [source.path, filesImportedBy(source, paths)]));
  return new Components(imports).circles.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function filesImportedBy(source: Source, paths: ReadonlySet<string>): string[] {
  const folder = posix.dirname(source.path);
  const relative = importsOf(source).filter(({ text }) => text.startsWith("."));
  const targets = relative.map(({ text }) => posix.join(folder, text));
  return targets.map((target) => target.replace(/\.js$/, ".ts")).filter((target) => paths.has(target));
}

/** The strongly connected components of a graph (Tarjan, "Depth-first search and linear graph algorithms", 1972). */
class Components {
  /** Those of more than one node, and nodes that lead to themselves. */
  readonly circles: string[][] = [];
  readonly #graph: ReadonlyMap<string, readonly string[]>;
  /** In which order nodes were met. */
  readonly #met = new Map<string, number>();
  readonly #open: string[] = [];
  readonly #isOpen = new Set<string>();

  constructor(graph: ReadonlyMap<string, readonly string[]>) {
    this.#graph = graph;
    for (const node of graph.keys()) if (!this.#met.has(node)) this.#visit(node);
  }

  /** Returns the earliest node that this one leads back to. */
  #visit(node: string): number {
    const order = this.#met.size;
    let low = order;
    this.#met.set(node, order);
    this.#open.push(node);
    this.#isOpen.add(node);
    const targets = this.#graph.get(node) ?? [];
    for (const target of targets) {
      if (!this.#met.has(target)) low = Math.min(low, this.#visit(target));
      else if (this.#isOpen.has(target)) low = Math.min(low, this.#met.get(target) ?? low);
    }
    if (low === order) this.#close(node, targets.includes(node));
    return low;
  }

  #close(node: string, isOwnTarget: boolean): void {
    const component = this.#open.splice(this.#open.indexOf(node));
    for (const member of component) this.#isOpen.delete(member);
    if (component.length > 1 || isOwnTarget) this.circles.push(component.sort());
  }
}
