import type { Options } from '@seiriken/client';

/** Retries at once up to so many attempts of the client, and has no time for another one then. */
export function attempts(count: number): Options {
  let made = 0;
  const backoff = {
    get base() {
      return ++made < count ? 1 : 1e12;
    },
    cap: 1e12,
  };
  return { backoff };
}
