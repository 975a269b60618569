/** What each weather and each accident leads to: on the page, and in the shop's own list. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit } from './visitor.mjs';

let service;
let browser;
before(async () => {
  [service, browser] = await Promise.all([startService(), startBrowser()]);
});
after(() => Promise.all([browser.close(), service.stop()]));

/** Runs one round of a fresh visitor; what the page shows must be what the shop has. */
async function round(play) {
  const [left, right] = [await service.orders('left'), await service.orders('right')];
  const visitor = await visit(browser, service.url);
  await play(visitor);
  const sides = { left: await visitor.side('left'), right: await visitor.side('right') };
  await visitor.leave();
  assert.equal(sides.left.orders, (await service.orders('left')).length - left.length);
  assert.equal(sides.right.orders, (await service.orders('right')).length - right.length);
  return sides;
}

test('an answer that is lost is charged twice on the left and once on the right', async () => {
  const { left, right } = await round((visitor) => visitor.order('lost'));
  assert.deepEqual([left.orders, left.judgement, left.tone], [2, 'you were charged twice', 'bad']);
  assert.deepEqual([right.orders, right.judgement, right.tone], [1, 'you were charged once', 'good']);
  assert.deepEqual([left.sum, right.sum], ['2 orders · ¥960', '1 order · ¥480']);
  const told = ['press', 'first', 'made', 'lost', 'waits'];
  assert.deepEqual(left.story, [...told, 'otherKey', 'another', 'delivered']);
  assert.deepEqual(right.story, [...told, 'sameKey', 'replay', 'delivered']);
});

test('an answer that is slow is drawn where it arrives: too late', async () => {
  const { left, right } = await round(async (visitor) => {
    await visitor.order('slow');
    // Perhaps when all is over.
    await Promise.all([visitor.sees('left', 'late'), visitor.sees('right', 'late')]);
  });
  // Once as a rule; on a machine that is slow itself, the second answer may be too late as well.
  const impatient = left.story.filter((moment) => moment === 'impatient').length;
  assert.ok(impatient >= 1 && left.story.includes('another'), `${left.story}`);
  assert.deepEqual([left.orders, right.orders], [1 + impatient, 1], `${left.story}`);
  assert.ok(right.story.includes('impatient') && right.story.includes('replay'), `${right.story}`);
});

test('a double click is one request on the right', async () => {
  const { left, right } = await round((visitor) => visitor.order('double'));
  assert.deepEqual([left.orders, right.orders], [2, 1]);
  assert.deepEqual(right.story, ['press', 'first', 'pressAgain', 'made', 'delivered']);
});

test('a double click by hand is one order too', async () => {
  const { left, right } = await round(async (visitor) => {
    await visitor.choose('well');
    await visitor.page.dblclick('#order');
    await visitor.over();
  });
  assert.deepEqual([left.orders, right.orders], [2, 1]);
});

test('where nothing goes wrong both sides are right', async () => {
  const { left, right } = await round((visitor) => visitor.order('well'));
  assert.deepEqual([left.orders, left.tone], [1, 'good']);
  assert.deepEqual([right.orders, right.tone], [1, 'good']);
});

test('the next order is an order of its own, and the last one is shown alone', async () => {
  const before = await service.orders('right');
  const visitor = await visit(browser, service.url);
  const receipts = new Set();
  for (let round = 1; round <= 3; round += 1) {
    await visitor.order('lost');
    assert.equal((await visitor.side('right')).orders, 1);
    receipts.add(await visitor.page.locator('#right .verdict li').textContent());
    assert.equal((await service.orders('right')).length, before.length + round);
  }
  assert.equal(receipts.size, 3);
  await visitor.leave();
});

test('accident: a new key on every retry', async () => {
  const { left, right } = await round((visitor) => visitor.accident('new-key'));
  assert.deepEqual([left.orders, right.orders], [2, 1]);
  assert.ok(left.story.includes('otherKey') && right.story.includes('sameKey'));
});

test('accident: one key for two orders is refused, and a cake is missing', async () => {
  const { left, right } = await round((visitor) => visitor.accident('one-key'));
  assert.deepEqual([left.orders, left.judgement], [1, 'an order is missing']);
  assert.deepEqual([right.orders, right.judgement], [2, 'both cakes are ordered']);
  assert.ok(left.story.includes('reused'), `${left.story}`);
});

test('accident: two presses at once', async () => {
  const { left, right } = await round((visitor) => visitor.accident('at-once'));
  assert.deepEqual([left.orders, right.orders], [2, 1]);
  assert.ok(right.story.includes('sameKey'), `${right.story}`);
  assert.ok(right.story.includes('replay') || right.story.includes('running'), `${right.story}`);
});

test('accident: a reload in the middle', async () => {
  const { left, right } = await round((visitor) => visitor.accident('reload'));
  assert.deepEqual([left.orders, right.orders], [2, 1]);
  const told = ['press', 'first', 'made'];
  assert.deepEqual(left.story, [...told, 'forgot', 'pressAgain', 'otherKey', 'another', 'delivered']);
  assert.deepEqual(right.story, [...told, 'remembers', 'sameKey', 'replay', 'delivered']);
});

test('accident: no crypto.randomUUID', async () => {
  const { left, right } = await round((visitor) => visitor.accident('insecure'));
  assert.deepEqual([left.orders, left.judgement], [0, 'no cake for you']);
  assert.deepEqual([right.orders, right.judgement], [1, 'you were charged once']);
  assert.deepEqual(left.story, ['press', 'broken']);
});
