/** The page against a service that was started otherwise. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit } from './visitor.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

async function against(options, play) {
  const service = await startService(...options);
  try {
    const visitor = await visit(browser, service.url);
    await play(visitor, service);
    await visitor.leave();
  } finally {
    await service.stop();
  }
}

async function lostAnswerIsOrderedOnce(visitor, service) {
  await visitor.order('lost');
  assert.equal((await visitor.side('left')).orders, 2);
  assert.equal((await visitor.side('right')).orders, 1);
  assert.equal((await service.orders('right')).length, 1);
}

test('with SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  try {
    await against(['--store', `sqlite:${join(folder, 'orders.db')}`], lostAnswerIsOrderedOnce);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('where keys must have a date', () => against(['--keys', 'dated'], lostAnswerIsOrderedOnce));

test('where only issued keys are taken, both sides ask for them', () =>
  against(['--keys', 'issued'], async (visitor, service) => {
    await lostAnswerIsOrderedOnce(visitor, service);
    const { left, right } = { left: await visitor.side('left'), right: await visitor.side('right') };
    const asked = ({ story }) => story.filter((sentence) => sentence === 'asks').length;
    assert.deepEqual([asked(left), asked(right)], [2, 1]);
    const lines = await visitor.page.locator('#curl code').allTextContents();
    assert.equal(lines.filter((line) => line.endsWith('/orders/prepare')).length, 3);
    for (const accident of ['one-key', 'at-once', 'reload']) await visitor.accident(accident);
    assert.equal((await visitor.side('right')).orders, 1);
  }));

test('where a second request waits for the first', () =>
  against(['--processing-time', '500ms', '--on-concurrent', 'wait=5s'], async (visitor) => {
    await visitor.accident('at-once');
    const { orders, story } = await visitor.side('right');
    assert.equal(orders, 1);
    assert.ok(story.includes('replay') && !story.includes('running'), `${story}`);
  }));

test('where it must be known whose order it is, the page says why it cannot order', () =>
  against(['--identity', 'header=x-user'], async (visitor, service) => {
    await visitor.order('lost');
    assert.match(await visitor.page.textContent('#trouble'), /^The shop refuses with 403/);
    assert.deepEqual(await service.orders('left'), []);
    assert.deepEqual(await service.orders('right'), []);
  }));

test('orders of other visits are not shown', () =>
  against([], async (visitor, service) => {
    await visitor.order('well');
    const other = await visit(browser, service.url);
    await other.order('lost');
    assert.equal((await other.side('left')).orders, 2);
    assert.equal((await other.side('right')).orders, 1);
    await other.leave();
  }));

test('a shop that has gone away is said to be away', async () => {
  const service = await startService();
  const visitor = await visit(browser, service.url);
  await service.stop();
  await visitor.page.click('#order');
  await visitor.sees('left', 'unknown');
  await visitor.sees('right', 'unreached');
  await visitor.page.waitForFunction(() => document.querySelector('#trouble').textContent !== '');
  await visitor.context.close();
});
