import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientEvent, createClient, type Options } from '@seiriken/client';
import { attempts } from './pacing.js';
import { answer, serve } from './server.js';

/** Records how long the client means to wait, and ends the operation instead of waiting. */
function impatient(options: Options = {}): { options: Options; waits: number[]; signal: AbortSignal } {
  const waits: number[] = [];
  const controller = new AbortController();
  const onEvent = (event: ClientEvent): void => {
    if (event.type !== 'wait') return;
    waits.push(event.ms);
    controller.abort();
  };
  return { options: { backoff: { base: 1, cap: 1 }, ...options, onEvent }, waits, signal: controller.signal };
}

/** A day on which the clock of the server stands, far from ours. */
const DAY = Date.UTC(2020, 1, 29);

const later = (from: number, seconds: number): string => new Date(from + seconds * 1000).toUTCString();

const FIELDS: [what: string, fields: Record<string, string>, least: number, most: number][] = [
  ['seconds', { 'Retry-After': '7' }, 7_000, 7_000],
  ['a date, by the clock of the server', { Date: later(DAY, 0), 'Retry-After': later(DAY, 9) }, 9_000, 9_000],
  ['a date that is over', { Date: later(DAY, 9), 'Retry-After': later(DAY, 0) }, 0, 1],
  ['nothing', {}, 0, 1],
  ['words', { 'Retry-After': 'in 5 minutes' }, 0, 1],
  ['a number below zero', { 'Retry-After': '-30' }, 0, 1],
  ['a fraction', { 'Retry-After': '1.5' }, 0, 1],
  ['a date that is not of HTTP', { 'Retry-After': '2099-01-01' }, 0, 1],
];

for (const [what, fields, least, most] of FIELDS) {
  test(`Retry-After with ${what}`, async (t) => {
    const server = await serve(t, () => answer(503, null, '', fields));
    const { options, waits, signal } = impatient();
    const outcome = await createClient(options).send(server.url, { signal });
    assert.deepEqual(outcome, { outcome: 'unknown', reason: 'aborted', attempts: 1, key: outcome.key });
    assert.equal(waits.length, 1);
    assert.ok(waits[0]! >= least && waits[0]! <= most, `${waits[0]} ms`);
  });
}

test('Retry-After with a date, where the server shows no clock, is by ours', async (t) => {
  const server = await serve(t, () => answer(503, null, '', { 'Retry-After': later(Date.now(), 20) }));
  const { options, waits, signal } = impatient({
    async fetch(...request) {
      const { status, headers: given } = await fetch(...request);
      const headers = new Headers(given);
      headers.delete('date');
      return new Response(null, { status, headers });
    },
  });
  await createClient(options).send(server.url, { signal });
  // Dates have whole seconds.
  assert.ok(waits[0]! > 15_000 && waits[0]! <= 20_000, `${waits[0]} ms`);
});

test('a server that asks for more time than there is gets no retry, and the outcome is told at once', async (t) => {
  const server = await serve(t, (_, count) => answer(count ? 503 : 429, null, '', { 'Retry-After': '61' }));
  const events: ClientEvent[] = [];
  const client = createClient({ onEvent: (event) => events.push(event) });
  const refused = await client.send(server.url);
  assert.ok(refused.outcome === 'definite' && refused.status === 429);
  const unknown = await client.send(server.url);
  assert.ok(unknown.outcome === 'unknown' && unknown.reason === 'deadline');
  assert.deepEqual(events.map(({ type }) => type), ['attempt', 'answer', 'settled', 'attempt', 'answer', 'settled']);
});

test('no retry begins in the last tenth of the time', async (t) => {
  const server = await serve(t, () => answer(429, null, '', { 'Retry-After': '1' }));
  const outcome = await createClient({ backoff: { base: 1, cap: 1 }, deadline: 1_100 }).send(server.url);
  assert.ok(outcome.outcome === 'definite' && outcome.status === 429);
  assert.equal(server.received.length, 1);
});

test('an attempt has its time, and then counts as one without an answer', async (t) => {
  const server = await serve(t, () => 'hang');
  const outcome = await createClient({ attemptTimeout: 50, ...attempts(2) }).send(server.url);
  assert.deepEqual([outcome.outcome, outcome.attempts], ['unknown', 2]);
  assert.equal(server.received.length, 2);
});

test('the deadline also ends an attempt', async (t) => {
  const server = await serve(t, () => 'hang');
  const outcome = await createClient({ deadline: 50 }).send(server.url);
  assert.ok(outcome.outcome === 'unknown' && outcome.reason === 'deadline');
});

test('the deadline is below half of what the server remembers', async (t) => {
  const server = await serve(t, () => 'hang');
  const outcome = await createClient({ retention: 100 }).send(server.url);
  assert.equal(outcome.outcome, 'unknown');
});

test('a fetch that does not heed its signal holds nothing up', async () => {
  const client = createClient({ fetch: () => new Promise(() => {}), attemptTimeout: 10, ...attempts(2) });
  const outcome = await client.send('http://127.0.0.1/orders');
  assert.deepEqual([outcome.outcome, outcome.attempts], ['unknown', 2]);
});

test('the waits are random, below a bound that doubles up to the cap', async (t) => {
  const server = await serve(t, () => answer(503));
  const most: number[] = [];
  const one = async (): Promise<void> => {
    const waits: number[] = [];
    const client = createClient({
      backoff: { base: 2, cap: 5 },
      deadline: 2_000,
      onEvent: (event) => event.type === 'wait' && waits.push(event.ms),
    });
    await client.send(server.url);
    waits.slice(0, 50).forEach((ms, i) => (most[i] = Math.max(most[i] ?? 0, ms)));
  };
  await Promise.all(Array.from({ length: 8 }, one));
  assert.ok(most[0]! <= 2 && most[1]! <= 4, `${most}`);
  assert.ok(Math.max(...most) <= 5 && Math.max(...most) > 4, `${most}`);
  assert.equal(new Set(most).size, most.length);
});

test('the retries of one client have a budget: a hundred at once, then ten a second', async (t) => {
  const server = await serve(t, () => answer(503));
  let waits: number[] = [];
  const onEvent = (event: ClientEvent): void => void (event.type === 'wait' && waits.push(event.ms));
  const client = createClient({ backoff: { base: 1, cap: 1 }, deadline: 4_000, onEvent });
  const began = performance.now();
  const outcome = await client.send(server.url);
  const seconds = (performance.now() - began) / 1000;
  assert.equal(outcome.outcome, 'unknown');
  assert.ok(waits.length >= 100, `${waits.length} retries: starved`);
  assert.ok(waits.length <= 101 + 10 * seconds, `${waits.length} retries in ${seconds} s`);
  assert.ok(Math.max(...waits) > 50, 'no retry had to wait for its turn');
});

test('an abort in the middle of an attempt leaves the outcome unknown, and the key pending', async (t) => {
  const controller = new AbortController();
  const server = await serve(t, () => {
    controller.abort();
    return 'hang';
  });
  const client = createClient();
  const outcome = await client.send(server.url, { signal: controller.signal });
  assert.deepEqual(outcome, { outcome: 'unknown', reason: 'aborted', attempts: 1, key: outcome.key });
  assert.equal(client.pending()[0]!.key, outcome.key);
});

test('an abort before anything was sent is no operation', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const client = createClient();
  const outcome = await client.send(server.url, { signal: AbortSignal.abort() });
  assert.deepEqual([outcome.outcome, outcome.attempts], ['not-sent', 0]);

  // Refused to do it now, so nothing ran either.
  const refusing = await serve(t, () => answer(429));
  const { options, signal } = impatient();
  assert.equal((await createClient(options).send(refusing.url, { signal })).outcome, 'not-sent');
  assert.equal(server.received.length, 0);
  assert.deepEqual(client.pending(), []);
});

test('an abort when an attempt is told of comes in time to send nothing', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const controller = new AbortController();
  const client = createClient({ onEvent: () => controller.abort() });
  const outcome = await client.send(server.url, { signal: controller.signal });
  assert.deepEqual(outcome, { outcome: 'not-sent', attempts: 1, key: outcome.key });
  assert.equal(server.received.length, 0);
});

test('an abort of what may have run before says unknown, though this time nothing was sent', async (t) => {
  const server = await serve(t, () => 'reset');
  const client = createClient(attempts(1));
  await client.send(server.url, { intent: 'cake' });
  const outcome = await client.resume('cake', { signal: AbortSignal.abort() });
  assert.ok(outcome.outcome === 'unknown' && outcome.reason === 'aborted' && outcome.attempts === 0);
  assert.equal(client.pending().length, 1);
  assert.equal(server.received.length, 1);
});

test('an abort ends the operation when it is the last caller that leaves', async (t) => {
  const [first, second] = [new AbortController(), new AbortController()];
  const server = await serve(t, (_, count) => {
    first.abort();
    return count ? answer(201, 'true') : answer(503);
  });
  const client = createClient({ backoff: { base: 1, cap: 1 } });
  const both = [first, second].map(({ signal }) => client.send(server.url, { signal }));
  const [one, two] = await Promise.all(both);
  assert.equal(one!.outcome, 'definite', 'one of two callers has left, and the other still waits');
  assert.equal(one, two);
  second.abort();
});

test('a call that comes while the last caller leaves takes the operation up', async (t) => {
  const controller = new AbortController();
  const server = await serve(t, (_, count) => {
    if (count) return answer(201, 'true');
    controller.abort();
    next = client.send(server.url);
    return 'hang';
  });
  const client = createClient();
  let next: ReturnType<typeof client.send> | undefined;
  const left = await client.send(server.url, { signal: controller.signal });
  const outcome = await next!;
  assert.equal(left.outcome, 'unknown');
  assert.ok(outcome.outcome === 'definite' && outcome.key === left.key);
});
