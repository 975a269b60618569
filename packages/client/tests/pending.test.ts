import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@seiriken/client';
import { attempts } from './pacing.js';
import { answer, type Play, problem, type Server, serve } from './server.js';
import { Storage } from './storage.js';

const ORDER = { body: '{"itemId":"cake-001","qty":1}', headers: { 'Content-Type': 'application/json' } };
const ONCE = attempts(1);

const keys = (server: Server): number => new Set(server.received.map(({ key }) => key)).size;

test('the key is in the storage before the first attempt, and gone after the answer', async (t) => {
  const storage = new Storage();
  let stored = '';
  const server = await serve(t, ({ key }) => {
    stored = [...storage.entries.values()].join();
    assert.ok(stored.includes(key));
    return answer(201, 'false');
  });
  await createClient({ storage }).send(server.url, ORDER);
  assert.notEqual(stored, '');
  assert.equal(storage.length, 0);
});

test('every attempt has the same bytes, also after a reload that builds another body', async (t) => {
  const storage = new Storage();
  const plays: Play[] = ['reset', 'truncate', answer(503), answer(201, 'true')];
  const server = await serve(t, (_, count) => plays[count]!);
  const intent = 'the birthday cake';
  const before = createClient({ storage, ...attempts(3) });
  const unknown = await before.send(server.url, { ...ORDER, intent });
  assert.deepEqual([unknown.outcome, unknown.attempts], ['unknown', 3]);

  const after = createClient({ storage });
  const other = { intent, body: '{"itemId":"cake-001","qty":2}', headers: { 'content-type': 'text/plain' } };
  const outcome = await after.send(server.url, other);
  assert.ok(outcome.outcome === 'definite' && outcome.replayed);
  assert.equal(outcome.key, unknown.key);
  const bytes = server.received.map(({ method, path, key, body, headers }) => {
    return JSON.stringify([method, path, key, body, headers['content-type'], headers['content-length']]);
  });
  assert.equal(bytes.length, 4);
  assert.equal(new Set(bytes).size, 1, bytes.join('\n'));
  assert.equal(server.received[0]!.headers['content-type'], 'application/json');
});

test('after a definite answer the same call is a new operation', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const client = createClient();
  const [first, second] = [await client.send(server.url, ORDER), await client.send(server.url, ORDER)];
  assert.notEqual(first.key, second.key);
  assert.equal(keys(server), 2);
});

test('a double click is one request, and both have its outcome', async (t) => {
  const server = await serve(t, () => answer(201, 'false', 'the order'));
  const client = createClient();
  const [first, second] = await Promise.all([client.send(server.url, ORDER), client.send(server.url, ORDER)]);
  assert.equal(server.received.length, 1);
  assert.equal(first, second);
});

test('two operations at once have two keys', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const client = createClient();
  const bodies = ['1', '2'].map((body) => client.send(server.url, { body }));
  const named = ['a', 'b'].map((intent) => client.send(server.url, { ...ORDER, intent }));
  const keyed = ['K', 'L'].map((key) => client.send(server.url, { ...ORDER, key }));
  await Promise.all([...bodies, ...named, ...keyed]);
  assert.equal(keys(server), 6);
});

test('an unknown outcome stays pending and goes on with its key, as one that may have run', async (t) => {
  const plays: Play[] = ['reset', answer(403), answer(201, 'true')];
  const server = await serve(t, (_, count) => plays[count]!);
  const client = createClient(ONCE);
  const unknown = await client.send(server.url, { ...ORDER, intent: 'cake' });
  assert.ok(unknown.outcome === 'unknown' && unknown.reason === 'deadline');
  const { key } = unknown;
  assert.deepEqual(client.pending(), [{ intent: 'cake', key, url: server.url, method: 'POST' }]);

  const refused = await client.resume('cake');
  assert.deepEqual(refused, { outcome: 'unknown', reason: 'refused', attempts: 1, key });
  const outcome = await client.resume('cake');
  assert.ok(outcome.outcome === 'definite' && outcome.key === key);
  assert.deepEqual(client.pending(), []);
  await assert.rejects(client.resume('cake'), /nothing is pending/);
});

test('a reload finds what is pending, by its default name also', async (t) => {
  const storage = new Storage();
  storage.setItem('of somebody else', '{"key":"not ours"}');
  const server = await serve(t, (_, count) => (count ? answer(201, 'true') : 'reset'));
  await createClient({ storage, ...ONCE }).send(server.url, ORDER);

  const reloaded = createClient({ storage });
  const [pending, ...others] = reloaded.pending();
  assert.ok(pending && !others.length);
  const outcome = await reloaded.resume(pending.intent);
  assert.equal(outcome.outcome, 'definite');
  assert.equal(keys(server), 1);
  assert.deepEqual([...storage.entries.keys()], ['of somebody else']);
});

test('credentials are sent and never stored; a reload passes them again', async (t) => {
  const storage = new Storage();
  const secrets = {
    Authorization: 'Bearer hush-1',
    'X-Api-Key': 'hush-2',
    'Proxy-Authorization': 'hush-3',
    'X-CSRF-Token': 'hush-4',
    'X-Session-Id': 'hush-5',
  };
  const server = await serve(t, (_, count) => (count ? answer(201, 'true') : 'reset'));
  const headers = { ...ORDER.headers, 'X-Colour': 'red', ...secrets };
  await createClient({ storage, ...ONCE }).send(server.url, { ...ORDER, headers, intent: 'cake' });
  const stored = [...storage.entries.values()].join();
  assert.ok(stored.includes('x-colour') && !stored.includes('hush'), stored);

  await createClient({ storage }).resume('cake', { headers: { ...secrets, 'X-Colour': 'blue' } });
  for (const { headers } of server.received) {
    for (const [name, value] of Object.entries(secrets)) assert.equal(headers[name.toLowerCase()], value);
    assert.equal(headers['x-colour'], 'red');
  }
  assert.equal(server.received.length, 2);
});

for (const verb of ['getItem', 'setItem', 'removeItem', 'key'] as const) {
  test(`a storage whose ${verb} throws loses no operation`, async (t) => {
    const plays: Play[] = ['reset', answer(201, 'true'), answer(201, 'false')];
    const server = await serve(t, (_, count) => plays[count]!);
    const client = createClient({ storage: new Storage({ [verb]: true }), ...ONCE });
    const unknown = await client.send(server.url, ORDER);
    assert.equal(client.pending().length, 1);
    const outcome = await client.send(server.url, ORDER);
    assert.ok(outcome.outcome === 'definite' && outcome.key === unknown.key);
    assert.deepEqual(client.pending(), []);
    assert.notEqual((await client.send(server.url, ORDER)).key, unknown.key, 'an old key for a new operation');
  });
}

test('a storage that cannot list what it holds still keeps it', async (t) => {
  const { entries } = new Storage();
  const storage = {
    getItem: (name: string) => entries.get(name) ?? null,
    setItem: (name: string, value: string) => void entries.set(name, value),
    removeItem: (name: string) => void entries.delete(name),
  };
  const server = await serve(t, (_, count) => (count ? answer(201, 'true') : 'reset'));
  const client = createClient({ storage, ...ONCE });
  const unknown = await client.send(server.url, ORDER);
  assert.equal(client.pending().length, 1);
  assert.equal((await createClient({ storage }).send(server.url, ORDER)).key, unknown.key);
  assert.equal(entries.size, 0);
});

test('what stands in the storage and is no request is none', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  for (const text of ['', 'null', '{', '"key"', '{"url":"/"}']) {
    const storage = new Storage();
    storage.setItem('seiriken:cake', text);
    const client = createClient({ storage });
    assert.deepEqual(client.pending(), []);
    assert.equal((await client.send(server.url, { ...ORDER, intent: 'cake' })).outcome, 'definite');
    assert.equal(storage.length, 0);
  }
});

test('what nobody got to is not pending', async (t) => {
  const server = await serve(t, () => answer(201, 'false'));
  const storage = new Storage();
  const client = createClient({ storage, ...ONCE });
  const outcome = await client.send(server.closed, ORDER);
  assert.deepEqual(outcome, { outcome: 'not-sent', attempts: 1, key: outcome.key });
  assert.equal(storage.length, 0);
});

test('what was forgotten is a new operation the next time', async (t) => {
  const server = await serve(t, (_, count) => (count ? answer(201, 'false') : 'reset'));
  const client = createClient(ONCE);
  const unknown = await client.send(server.url, { ...ORDER, intent: 'cake' });
  client.forget('cake');
  assert.deepEqual(client.pending(), []);
  assert.notEqual((await client.send(server.url, { ...ORDER, intent: 'cake' })).key, unknown.key);
});

test('a key that the server may have forgotten is not sent again', async (t) => {
  const server = await serve(t, () => 'reset');
  const storage = new Storage();
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1) });
  const unknown = await createClient({ storage, ...ONCE }).send(server.url, { ...ORDER, intent: 'cake' });
  const later = createClient({ storage, retention: 3_600_000, ...ONCE });

  t.mock.timers.tick(58 * 60_000);
  assert.equal((await later.resume('cake')).attempts, 1);
  t.mock.timers.tick(2 * 60_000);
  const { key } = unknown;
  assert.deepEqual(await later.resume('cake'), { outcome: 'unknown', reason: 'too-old', attempts: 0, key });
  assert.equal(server.received.length, 2);
  assert.equal(later.pending().length, 1);
});

test('one key for two orders is refused by the server, and that is an outcome', async (t) => {
  const server = await serve(t, (_, count) => (count ? problem(422, 'key-reused') : answer(201, 'false')));
  const client = createClient();
  const first = await client.send(server.url, { body: '1', key: 'K' });
  const second = await client.send(server.url, { body: '2', key: 'K' });
  assert.deepEqual([first.outcome, second.outcome], ['definite', 'definite']);
  assert.ok(second.outcome === 'definite' && second.status === 422);
  assert.deepEqual(server.received.map(({ key }) => key), ['K', 'K']);
});
