/** Milliseconds that never jump, whatever is done to the clock. */
export const now = (): number => performance.now();

/** Full jitter: any time from none to a bound that doubles, so that clients that failed together do not return together. */
export function jitter(attempt: number, { base, cap }: { base: number; cap: number }): number {
  return Math.random() * Math.min(cap, base * 2 ** (attempt - 1));
}

/** What `Retry-After` asks for, in ms; 0 where it is absent or makes no sense (RFC 9110, section 10.2.3). */
export function retryAfter(headers: Headers): number {
  const value = headers.get('retry-after')?? '';
  if (/^\d+$/.test(value)) return +value * 1000;
  if (!value.endsWith('GMT')) return 0;
  // Against the server's own clock where it is shown: ours may be wrong by hours.
  const from = Date.parse(headers.get('date') ?? '') || Date.now();
  return Math.max(0, Date.parse(value) - from) || 0;
}

const FLOOR_PER_MS = 10 / 1000;
const RESERVE = 100;
const SHARE = 0.2;

/** Bounds the retries of a whole client, so that they cannot keep a struggling server down. */
export interface RetryBudget {
  /** An operation has begun, and allows a fifth of a retry. */
  deposit(): void;
  /** Takes a turn no sooner than after `ms`, and says after how many ms. `Infinity`, and none taken, if not before `left`. */
  turn(ms: number, left: number): number;
}

/** 10 retries a second, ten seconds' worth of them at once, and one more for every five operations. */
export function retryBudget(): RetryBudget {
  let tokens = RESERVE;
  let at = now();
  return {
    deposit() {
      tokens += SHARE;
    },
    turn(ms, left) {
      const since = now() - at;
      at += since;
      tokens = Math.min(RESERVE, tokens + since * FLOOR_PER_MS);
      // Below one the turns are given out in advance: late, but to everybody.
      const turn = Math.max(ms, (1 - tokens) / FLOOR_PER_MS);
      if (turn >= left) return Infinity;
      tokens--;
      return turn;
    },
  };
}
