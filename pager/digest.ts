/**
 * SHA-256, by which something can be recognized after it is gone (FIPS 180-4).
 */

/** The 32 bytes of the hash. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // Loaded when it is needed: a program that opens a database and reads goes without.
  return new Uint8Array(process.getBuiltinModule("node:crypto").createHash("sha256").update(bytes).digest());
}
