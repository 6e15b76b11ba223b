/**
 * Units of time. Everywhere in the engine an instant and a duration are a number of nanoseconds; an instant counts
 * from an origin that the owner of the clock chose (a double counts 104 days of nanoseconds exactly).
 */

/** One microsecond in nanoseconds. */
export const MICROSECOND = 1_000;
/** One millisecond in nanoseconds. */
export const MILLISECOND = 1_000_000;
/** One second in nanoseconds. */
export const SECOND = 1_000_000_000;
/** One minute in nanoseconds. */
export const MINUTE = 60 * SECOND;
/** The instant of a timer that is not armed: later than every other instant. */
export const NEVER = Number.POSITIVE_INFINITY;
