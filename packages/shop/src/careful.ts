/** The client on the right: `@seiriken/client`, with what the page wants to show of it. */

import { createClient, type Client, type KeyStorage } from '@seiriken/client';
import type { Tell } from './moments.js';
import type { Policy } from './policy.js';

export interface Careful {
  readonly fetch: typeof fetch;
  readonly policy: Policy;
  /** How long it waits for an answer, and at most before its first retry, in milliseconds. */
  readonly patience: number;
  readonly rest: number;
  readonly tell: Tell;
  /** `sessionStorage`, unless it must not be found by others. */
  readonly storage?: KeyStorage;
}

export function carefulClient({ fetch, policy, patience, rest, tell, storage }: Careful): Client {
  return createClient({
    fetch,
    attemptTimeout: patience,
    retention: policy.retentionSeconds * 1000,
    backoff: { base: rest, cap: 4 * rest },
    ...(storage && { storage }),
    onEvent: (event) => {
      if (event.type === 'wait') tell({ kind: 'waits', ms: event.ms });
      // What the network has seen, it tells itself; of this attempt it has seen nothing.
      if (event.type === 'failure' && event.reason === 'not-sent') tell({ kind: 'offline' });
      if (event.type === 'settled' && event.outcome !== 'definite') tell({ kind: 'unknown' });
    },
  });
}

/** One wish, sent until its outcome is known. Calls with one `intent` are one order. */
export async function sendCarefully(
  client: Client,
  policy: Policy,
  intent: string,
  body: string,
  key?: string,
): Promise<void> {
  await client.send('/orders', {
    body,
    headers: { 'Content-Type': 'application/json' },
    intent,
    ...(key && { key }),
    ...(policy.accepted === 'issued' && { prepare: '/orders/prepare' }),
  });
}

/** A storage of its own, as another tab has it. */
export function ownStorage(): KeyStorage {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}
