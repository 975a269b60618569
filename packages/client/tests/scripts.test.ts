import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type ClientEvent, createClient, type Outcome } from '@seiriken/client';
import { answer, type Play, problem, serve } from './server.js';
import { attempts } from './pacing.js';
import { atDeadline, type Vector, vectors } from './vectors.js';

/** The ways in which an answer is lost. */
const LOSSES = ['reset', 'truncate', 'hang'] as const;
type Loss = (typeof LOSSES)[number];

function play(vector: Vector, count: number, loss: Loss): Play {
  const seen = vector.attempts[Math.min(count, vector.attempts.length - 1)]!;
  if (!seen.answer) return loss;
  const { status, marker, problem: name, ...members } = seen.answer;
  return name ? problem(status, name, members) : answer(status, marker);
}

/** Sends one operation to a server that plays the vector, then `after` it. */
async function act(t: TestContext, vector: Vector, loss: Loss, after?: Play): Promise<{ outcome: Outcome; events: ClientEvent[] }> {
  const events: ClientEvent[] = [];
  let sent = 0;
  let line = new AbortController();
  const server = await serve(t, () => {
    const next = after && sent > vector.attempts.length ? after : play(vector, sent - 1, loss);
    // An answer that never comes is given up when the request is there, not after some time.
    if (next === 'hang') line.abort();
    return next;
  });
  const client = createClient({
    // What never comes to a connection is sent to where nobody listens.
    fetch: (_, init) => {
      const seen = vector.attempts[Math.min(sent, vector.attempts.length - 1)]!;
      const closed = seen.failure === 'not-sent' && !(after && sent >= vector.attempts.length);
      sent++;
      line = new AbortController();
      const signal = AbortSignal.any([init!.signal!, line.signal]);
      return fetch(closed ? server.closed : server.url, { ...init, signal });
    },
    // One retry more than the vector has attempts, and after that no time for another.
    ...attempts(vector.attempts.length + 1),
    onEvent: (event) => events.push(event),
  });
  const resumed = vector.resumed ? { resumed: true } : {};
  const outcome = await client.send(server.url, { body: '{"itemId":"cake-001"}', ...resumed });
  return { outcome, events };
}

describe('the vectors, played by a server', () => {
  for (const vector of vectors()) {
    const lossy = vector.attempts.some((seen) => seen.failure === 'no-answer');
    for (const loss of lossy ? LOSSES : LOSSES.slice(0, 1)) {
      const name = lossy ? `${vector.name} (${loss})` : vector.name;
      if (vector.then === 'retry') {
        test(`at the deadline: ${name}`, async (t) => {
          const { outcome, events } = await act(t, vector, loss);
          assert.equal(outcome.outcome, atDeadline(vector));
          assert.equal(outcome.attempts, vector.attempts.length + 1, 'no retry');
          if (outcome.outcome === 'definite') assert.equal(outcome.status, vector.status);
          if (outcome.outcome === 'unknown') assert.equal(outcome.reason, 'deadline');
          assert.ok(events.some((event) => event.type === 'wait'));
        });
        test(`answered in the end: ${name}`, async (t) => {
          const { outcome } = await act(t, vector, loss, answer(201, 'true'));
          assert.ok(outcome.outcome === 'definite' && outcome.status === 201 && outcome.replayed);
          assert.equal(outcome.attempts, vector.attempts.length + 1);
        });
      } else {
        test(`settled: ${name}`, async (t) => {
          const { outcome, events } = await act(t, vector, loss);
          assert.equal(outcome.outcome, vector.then);
          assert.equal(outcome.attempts, vector.attempts.length, 'a retry too many, or too few');
          if (outcome.outcome === 'definite') {
            assert.equal(outcome.status, vector.status);
            assert.equal(outcome.response.status, vector.status);
            assert.equal(outcome.replayed, vector.attempts.at(-1)!.answer!.marker === 'true');
          }
          const told = events.filter((event) => event.type === 'answer' || event.type === 'failure');
          assert.equal(told.length, vector.attempts.length);
          assert.deepEqual(events.at(-1), { type: 'settled', key: outcome.key, outcome: vector.then });
        });
      }
    }
  }
});

test('what was not kept is told by its status and its place, without a body', async (t) => {
  const vector = vectors().find(({ attempts }) => attempts[0]?.answer?.location)!;
  const { outcome } = await act(t, vector, 'reset');
  assert.ok(outcome.outcome === 'definite');
  assert.equal(outcome.response.headers.get('location'), vector.attempts[0]!.answer!.location);
  assert.equal(await outcome.response.text(), '');
});
