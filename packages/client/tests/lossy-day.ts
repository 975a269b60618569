import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { createClient } from '@seiriken/client';
import { answer, serve } from './server.js';

/** What a day with many operations and a bad line has come to. */
export interface Tally {
  /** By the server. */
  requests: number;
  executions: number;
  keys: number;
  /** By the clients: outcomes that are the server's, outcomes of any other kind, operations still pending. */
  agreeing: number;
  replays: number;
  others: string[];
  pending: number;
}

/** Each has a retry budget of its own, and so many are at work at a time. */
const CLIENTS = 100;
const AT_ONCE = 10;

async function day(operations: number, closing: Parameters<typeof serve>[0]): Promise<Tally> {
  const orders = new Map<string, string>();
  const tally: Tally = { requests: 0, executions: 0, keys: 0, agreeing: 0, replays: 0, others: [], pending: 0 };
  const server = await serve(closing, ({ key }) => {
    tally.requests++;
    const replayed = orders.has(key);
    if (!replayed) {
      tally.executions++;
      orders.set(key, randomUUID());
    }
    return tally.requests % 2 ? answer(201, `${replayed}`, orders.get(key)) : 'reset';
  });

  const client = async (): Promise<void> => {
    const client = createClient({ backoff: { base: 1, cap: 8 } });
    for (let i = 0; i < operations / CLIENTS; i++) {
      const outcome = await client.send(server.url, { body: '{"itemId":"cake-001","qty":1}' });
      if (outcome.outcome !== 'definite') {
        tally.others.push(JSON.stringify(outcome));
        continue;
      }
      if ((await outcome.response.text()) === orders.get(outcome.key)) tally.agreeing++;
      if (outcome.replayed) tally.replays++;
    }
    tally.pending += client.pending().length;
  };
  const shift = async (): Promise<void> => {
    for (let i = 0; i < CLIENTS / AT_ONCE; i++) await client();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, shift));
  tally.keys = orders.size;
  return tally;
}

const closers: (() => void)[] = [];
const tally = await day(workerData as number, { after: (close) => closers.push(close as () => void) });
parentPort!.postMessage(tally);
closers.forEach((close) => close());
