/**
 * The client on the left: the commonest mistake, made on purpose. Its key is made where the request
 * is built, inside the loop, so that every attempt looks like an order of its own.
 */

import { pause } from './network.js';
import type { Tell } from './moments.js';

const ATTEMPTS_MAX = 3;

export interface Careless {
  readonly fetch: typeof fetch;
  readonly newKey: () => string | Promise<string>;
  /** How long it waits for an answer, and before it sends again, in milliseconds. */
  readonly patience: number;
  readonly rest: number;
  readonly tell: Tell;
}

/** Ends when it has an answer, or when it has tried often enough. */
export async function sendCarelessly(client: Careless, body: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const key = await client.newKey();
    try {
      await client.fetch('/orders', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body,
        signal: AbortSignal.timeout(client.patience),
      });
      return;
    } catch {
      if (attempt === ATTEMPTS_MAX) break;
      client.tell({ kind: 'waits', ms: client.rest });
      await pause(client.rest);
    }
  }
  client.tell({ kind: 'unknown' });
}

/** What such code calls, as it is on an insecure page: the function is not there. */
export function keyOfInsecurePage(): string {
  const insecure: { randomUUID?: () => string } = {};
  return insecure.randomUUID!();
}

/** A key that the server makes, for servers that accept no other. */
export async function issuedKey(send: typeof fetch): Promise<string> {
  const answer = await send('/orders/prepare', { method: 'POST' });
  const { idempotencyKey } = (await answer.json()) as { idempotencyKey: string };
  return idempotencyKey;
}
