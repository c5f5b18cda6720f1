/**
 * What the reader and the writer of values as MessagePack agree on, beside MessagePack itself. Guarantees: these are
 * part of the file format.
 */

/** How deep arrays and objects may nest. */
export const MAX_VALUE_DEPTH = 500;

/** The extension type of a bigint: a sign byte (0 or 1), then the magnitude, big-endian. */
export const EXT_BIGINT = 1;
