import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, uuidV7 } from '@seiriken/client';
import { attempts } from './pacing.js';
import { answer, type Play, problem, serve } from './server.js';

test('an answer is handed back whole', async (t) => {
  const server = await serve(t, () => answer(201, 'false', '{"orderId":"7"}', { Location: '/orders/7' }));
  const outcome = await createClient().send(server.url);
  assert.ok(outcome.outcome === 'definite');
  const { response } = outcome;
  assert.deepEqual([response.status, response.statusText, response.ok], [201, 'Created', true]);
  assert.equal(response.headers.get('location'), '/orders/7');
  assert.deepEqual(await response.json(), { orderId: '7' });
});

test('a redirection is handed back and not followed', async (t) => {
  const server = await serve(t, () => answer(303, 'false', '', { Location: '/orders/7' }));
  const outcome = await createClient().send(server.url);
  assert.ok(outcome.outcome === 'definite' && outcome.response.headers.get('location') === '/orders/7');
  assert.equal(server.received.length, 1);
});

test('a redirection that a browser hides is an answer with the status 0', async () => {
  const hidden = Object.defineProperties(new Response(), { status: { value: 0 }, type: { value: 'opaqueredirect' } });
  const outcome = await createClient({ fetch: async () => hidden }).send('http://127.0.0.1/orders');
  assert.ok(outcome.outcome === 'definite' && outcome.status === 0 && outcome.response === hidden);
});

test('the names of the fields can be changed', async (t) => {
  const server = await serve(t, () => answer(409, null, '', { 'X-Replay': 'true' }));
  const client = createClient({ keyField: 'PayPal-Request-Id', markerField: 'X-Replay' });
  const outcome = await client.send(server.url);
  assert.ok(outcome.outcome === 'definite' && outcome.replayed);
  assert.equal(server.received[0]!.headers['paypal-request-id'], outcome.key);
  assert.equal(server.received[0]!.headers['idempotency-key'], undefined);
});

test('the key of the operation wins over a header of that name', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const outcome = await createClient({ newKey: () => 'made' }).send(server.url, { headers: { 'idempotency-key': 'stale' } });
  assert.equal(outcome.key, 'made');
  assert.equal(server.received[0]!.key, 'made');
});

test('a key that the server has issued', async (t) => {
  const plays: Play[] = ['reset', answer(201, null, '{"idempotencyKey":"issued","expiresAt":""}'), 'reset', answer(201, 'true')];
  const server = await serve(t, (_, count) => plays[count]!);
  const client = createClient({ backoff: { base: 1, cap: 1 } });
  const headers = { Authorization: 'Bearer 1', 'Content-Type': 'application/json' };
  const outcome = await client.send(server.url, { prepare: `${server.url}/prepare`, body: '{}', headers });
  assert.ok(outcome.outcome === 'definite');
  assert.deepEqual([outcome.key, outcome.attempts], ['issued', 2]);
  assert.deepEqual(
    server.received.map(({ path, key, body }) => [path, key, body]),
    [
      ['/orders/prepare', 'undefined', ''],
      ['/orders/prepare', 'undefined', ''],
      ['/orders', 'issued', '{}'],
      ['/orders', 'issued', '{}'],
    ],
  );
  assert.ok(server.received.every(({ headers }) => headers.authorization === 'Bearer 1'));
  const types = server.received.map(({ headers }) => headers['content-type']);
  assert.deepEqual(types, [undefined, undefined, 'application/json', 'application/json']);
});

test('a key that is not issued: nothing ran, and a refusal is told', async (t) => {
  const plays: Play[] = [answer(401), answer(501), 'reset', answer(200), answer(200, null, 'null'), answer(302)];
  const server = await serve(t, (_, count) => plays[count]!);
  const outcomes: string[] = [];
  for (const _ of plays) {
    const client = createClient(attempts(1));
    const outcome = await client.send(server.url, { prepare: `${server.url}/prepare` });
    outcomes.push(outcome.outcome);
    assert.deepEqual(client.pending(), []);
  }
  assert.deepEqual(outcomes, ['definite', 'not-sent', 'not-sent', 'not-sent', 'not-sent', 'not-sent']);
  assert.ok(server.received.every(({ path }) => path === '/orders/prepare'));
});

test('what can never be sent is rejected, and leaves nothing pending', async () => {
  const client = createClient();
  await assert.rejects(client.send('http://'), TypeError);
  await assert.rejects(client.send('http://127.0.0.1/', { key: 'two\nlines' }), TypeError);
  await assert.rejects(client.send('http://127.0.0.1/', { headers: { 'no name': '' } }), TypeError);
  await assert.rejects(client.send('http://127.0.0.1/', { method: 'GET', body: '{}' }), TypeError);
  assert.deepEqual(client.pending(), []);
});

test('a machine that knows it is offline sends nothing', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const { navigator } = globalThis;
  t.after(() => Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true }));
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true });
  const outcome = await createClient(attempts(3)).send(server.url);
  assert.deepEqual([outcome.outcome, outcome.attempts], ['not-sent', 3]);
  assert.equal(server.received.length, 0);
});

test('problem details that are none do no harm', async (t) => {
  const bodies = ['', 'null', '[]', '{', '"x"', '{"type":"about:blank"}', '{"type":null}'];
  const server = await serve(t, (_, count) => ({ ...(problem(422, '') as object), status: 422, body: bodies[count]! }));
  for (const body of bodies) {
    const outcome = await createClient().send(server.url);
    assert.ok(outcome.outcome === 'definite' && outcome.status === 422, body);
    assert.equal(await outcome.response.text(), body);
  }
});

test('an answer that only looks like problem details is judged by its status', async (t) => {
  const server = await serve(t, () => answer(409, null, '{"type":"#request-in-progress"}'));
  const outcome = await createClient().send(server.url);
  assert.ok(outcome.outcome === 'definite' && outcome.status === 409);
});

test('whoever watches cannot change what happens', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const said = t.mock.method(console, 'error', () => {});
  const onEvent = (): never => {
    throw new Error('a bug of the page');
  };
  assert.equal((await createClient({ onEvent }).send(server.url)).outcome, 'definite');
  assert.equal(said.mock.callCount(), 3);
});

test('keys are UUIDs of version 7, also where crypto.randomUUID is not there', (t) => {
  t.mock.method(crypto, 'randomUUID', () => assert.fail('pages without TLS do not have it'));
  const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const keys = Array.from({ length: 1000 }, () => uuidV7(now));
  const form = new RegExp(`^${now.toString(16).padStart(12, '0').replace(/^.{8}/, '$&-')}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
  for (const key of keys) assert.match(key, form);
  assert.equal(new Set(keys).size, keys.length);
  for (const at of [19, 20, 21, 35]) assert.ok(new Set(keys.map((key) => key[at])).size >= 4, `character ${at}`);
});
