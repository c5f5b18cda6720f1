/**
 * The shape that a module may have. Guarantees: whatever passes is compiled in a short time, which is why these are
 * checked first: nothing interrupts a compiler. The figures come from measurements: 27 KB with 49,000 locals and 4,000
 * blocks took V8 five seconds.
 */

/** How large a module and its parts may be. */
export interface ShapeLimits {
  /** Bytes of the module. */
  readonly moduleBytes: number;
  /** Functions, imported ones counted; as many types. */
  readonly functions: number;
  /** Bytes of the body of a function. */
  readonly bodyBytes: number;
  /** Locals of a function, parameters counted; as many operands at a time. */
  readonly locals: number;
  /** Locals and operands of a function at each block, loop, if and branch by table, added up; elsewhere operands. */
  readonly localsTimesBlocks: number;
  /**
   * Locals and operands at each place of all functions where ways part or join, branches, calls and charges among them,
   * and 32 more for the place, added up. A compiler goes through them at each: up to 10 ns apiece.
   */
  readonly moduleJoins: number;
  /** Bytes of the bodies of all functions. */
  readonly codeBytes: number;
  /** Targets of a `br_table`. */
  readonly branchTargets: number;
  /** Blocks inside of each other. */
  readonly nesting: number;
  /** Parameters of a function or block, and results. */
  readonly parameters: number;
  /** Bytes of all data segments. */
  readonly dataBytes: number;
  /** Tables, imported ones counted. */
  readonly tables: number;
  /** Entries of all element segments; entries of all tables together, at first and as they grow. */
  readonly tableEntries: number;
  /** Pages of 64 KiB that the memory may have. */
  readonly memoryPages: number;
  /** Globals, imports, exports, segments: at most this number of each. */
  readonly definitions: number;
}

/** What `db.modules.put` accepts. */
export const DEFAULT_LIMITS: ShapeLimits = {
  moduleBytes: 4 * 1024 * 1024,
  functions: 20_000,
  bodyBytes: 256 * 1024,
  locals: 1024,
  localsTimesBlocks: 1_000_000,
  moduleJoins: 32_000_000,
  codeBytes: 2 * 1024 * 1024,
  branchTargets: 4096,
  nesting: 512,
  parameters: 32,
  dataBytes: 1024 * 1024,
  tables: 16,
  tableEntries: 65_536,
  memoryPages: 1024,
  definitions: 20_000,
};
