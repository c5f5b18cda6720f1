/**
 * Times in replies. Guarantees: an ISO 8601 text in UTC that, given back, means the same microsecond; an open end has
 * no text, and its member is left out.
 */

const LAST_DATE = 8.64e15;
const MICROS = 1000;

/** Milliseconds since 1970 as text; undefined for an open end. */
export function timeText(milliseconds: number): string | undefined {
  if (!Number.isFinite(milliseconds)) return undefined;
  const within = Math.max(-LAST_DATE, Math.min(LAST_DATE, milliseconds));
  const whole = Math.floor(within);
  const micros = Math.round((within - whole) * MICROS);
  // Rounding can reach the next millisecond.
  const text = new Date(whole + (micros === MICROS ? 1 : 0)).toISOString();
  const rest = micros % MICROS;
  return rest === 0 ? text : text.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

/** A member with a time, or nothing. */
export function timeMember(name: string, milliseconds: number): { [name: string]: string } {
  const text = timeText(milliseconds);
  return text === undefined ? {} : { [name]: text };
}
