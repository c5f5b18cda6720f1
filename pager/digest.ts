/**
 * SHA-256, by which something can be recognized after it is gone (FIPS 180-4).
 */
import { createHash } from "node:crypto";

/** The 32 bytes of the hash. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
