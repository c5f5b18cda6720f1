/**
 * What an agent may let a module use. Guarantees: what the tools say and what the operations check is the same; nothing
 * of the engine is loaded for it.
 */

/** In fuel, bytes and milliseconds; a program may grant more. */
export const RUN_LIMITS = {
  fuel: { default: 1_000_000_000, most: 10_000_000_000 },
  memoryBytes: { default: 16 * 1024 * 1024, least: 64 * 1024, most: 64 * 1024 * 1024 },
  timeoutMs: { default: 1000, most: 5000 },
} as const;
