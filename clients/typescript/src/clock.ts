/** The time as snapshots have it: RFC 3339 in UTC with milliseconds, and seconds that only grow. */

export interface Clock {
  /** Seconds since 1970. */
  now(): number;
  /** Seconds that only grow. */
  monotonic(): number;
}

/** The time of the machine. */
export const MACHINE_CLOCK: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
};

/** Return the time as text. */
export function timestampOf(clock: Clock): string {
  return new Date(Math.floor(clock.now() * 1000 + 1e-6)).toISOString();
}

/** Round to three decimals. */
export function toMillis(value: number): number {
  return Math.round(value * 1000) / 1000;
}
