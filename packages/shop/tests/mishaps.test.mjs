/** What happens to real pages: each time the right side has exactly one order in the end. */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit, Visitor } from './visitor.mjs';

let service;
let browser;
let visitor;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

// The payment takes a second, so that what is done meanwhile is done while the order is pending.
beforeEach(async () => {
  service = await startService('--processing-time', '1s');
  visitor = await visit(browser, service.url);
  await visitor.choose('well');
});
afterEach(() => service.stop());

/** Presses the button, and waits until the order is on its way to the shop. */
async function press(by = visitor) {
  const sent = Promise.all([by.sends('left'), by.sends('right')]);
  await by.page.click('#order');
  await sent;
}

async function orderedOnce(by = visitor) {
  await by.over();
  assert.equal((await by.side('right')).orders, 1);
  assert.equal((await service.orders('right')).length, 1);
  await by.leave();
}

test('a reload while it is pending', async () => {
  await press();
  await visitor.page.reload();
  await visitor.sees('right', 'remembers');
  await visitor.sees('left', 'forgot');
  await visitor.sees('right', 'sameKey');
  await orderedOnce();
});

test('three reloads while it is pending', async () => {
  await press();
  for (let reload = 0; reload < 3; reload += 1) {
    const sent = visitor.sends('right');
    await visitor.page.reload();
    await sent;
  }
  await orderedOnce();
});

test('going elsewhere and back while it is pending', async () => {
  await press();
  await visitor.page.goto(`${service.url}/healthz`);
  await visitor.page.goBack();
  await visitor.sees('right', 'remembers');
  await orderedOnce();
});

test('a browser that goes offline and comes back', async () => {
  await visitor.context.setOffline(true);
  await visitor.page.click('#order');
  await visitor.sees('right', 'offline');
  await visitor.sees('left', 'unknown');
  assert.deepEqual(await service.orders('right'), []);
  await visitor.context.setOffline(false);
  await visitor.sees('right', 'made');
  await orderedOnce();
});

test('two tabs: an order each', async () => {
  const second = new Visitor(visitor.context, await visitor.context.newPage(), service.url);
  await second.enter();
  await second.choose('well');
  await Promise.all([press(visitor), press(second)]);
  await Promise.all([visitor.over(), second.over()]);
  assert.equal((await visitor.side('right')).orders, 1);
  assert.equal((await second.side('right')).orders, 1);
  const orders = await service.orders('right');
  assert.equal(new Set(orders.map(({ userId }) => userId)).size, 2);
  assert.equal(orders.length, 2);
  await visitor.leave();
  await second.leave();
});

test('a tab that is duplicated while it is pending: one order in both', async () => {
  await press();
  const opened = visitor.context.waitForEvent('page');
  // A page that opens another gives it a copy of its session, as duplicating a tab does.
  await visitor.page.evaluate(() => void window.open(location.href));
  const copy = new Visitor(visitor.context, await opened, service.url);
  await copy.sees('right', 'remembers');
  await copy.over();
  assert.equal((await copy.side('right')).orders, 1);
  await visitor.over();
  assert.equal((await service.orders('right')).length, 1);
  // What either of them orders next is an order of its own, and neither shows the other's.
  for (const tab of [visitor, copy]) {
    await tab.order('well');
    assert.equal((await tab.side('right')).orders, 1);
  }
  assert.equal((await service.orders('right')).length, 3);
  await visitor.leave();
});

test('two presses at once while the shop is busy: 409, then the first answer', async () => {
  await visitor.accident('at-once');
  const { story } = await visitor.side('right');
  assert.ok(story.indexOf('running') < story.indexOf('replay'), `${story}`);
  assert.ok(story.includes('running'), `${story}`);
  await orderedOnce();
});

test('an impatient visitor: more presses while it is on its way', async () => {
  await press();
  await visitor.page.click('#order');
  await visitor.page.click('#order');
  await visitor.over();
  assert.equal((await visitor.side('left')).judgement, 'you were charged 3 times');
  await orderedOnce();
});
