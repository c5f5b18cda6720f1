/**
 * A wall clock with microseconds. Guarantees: the result lies inside the millisecond that the system's clock shows, and
 * within one such millisecond it never goes back. Across milliseconds it follows the system's clock, which may be set.
 */
import { steadyMs, wallMs } from "./timers.js";

/**
 * Makes a clock that returns milliseconds since 1970 UTC with microseconds in the fraction.
 *
 * `performance.timeOrigin + performance.now()` alone would stand still while the machine sleeps and would ignore
 * corrections of the system's clock; `Date.now()` alone is too coarse to tell commits apart. So the steady clock
 * places the reading inside the millisecond, and is moved along whenever the two disagree.
 */
export function microsecondClock(wall: () => number = wallMs, steady: () => number = steadyMs): () => number {
  let offset = wall() - steady();
  return () => {
    const millisecond = wall();
    const elapsed = steady();
    if (elapsed + offset < millisecond) offset = millisecond - elapsed;
    else if (elapsed + offset >= millisecond + 1) offset = millisecond + 0.999 - elapsed;
    const time = Math.floor((elapsed + offset) * 1000) / 1000;
    // Moving the offset rounds, so that the sum can miss the millisecond by a fraction of a microsecond.
    return Math.min(Math.max(time, millisecond), millisecond + 0.999);
  };
}
