import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Tally } from './lossy-day.js';

const OPERATIONS = 10_000;

test('10 000 operations, every second answer lost: each has run once, and every result agrees', async () => {
  // A thread of its own: the test runner's bookkeeping of every promise takes longer than the work.
  const worker = new Worker(new URL('./lossy-day.js', import.meta.url), { workerData: OPERATIONS });
  const [tally] = (await once(worker, 'message')) as [Tally];
  const { requests, replays, ...rest } = tally;
  assert.deepEqual(rest, { executions: OPERATIONS, keys: OPERATIONS, agreeing: OPERATIONS, others: [], pending: 0 });
  assert.ok(requests >= OPERATIONS * 1.9, `only ${requests} requests: hardly an answer was lost`);
  assert.ok(replays > OPERATIONS / 4, `only ${replays} replays`);
});
