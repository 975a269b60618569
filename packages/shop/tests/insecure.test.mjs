/** A page without TLS under a name that is not localhost: browsers hold functions back from it. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit } from './visitor.mjs';

let service;
let browser;
before(async () => {
  service = await startService();
  browser = await startBrowser(['--host-resolver-rules=MAP shop.test 127.0.0.1']);
});
after(() => Promise.all([browser.close(), service.stop()]));

const insecureVisit = () => visit(browser, `http://shop.test:${service.port}`);

test('there is no crypto.randomUUID, and an order is made all the same', async () => {
  const visitor = await insecureVisit();
  assert.equal(await visitor.page.evaluate(() => isSecureContext), false);
  assert.equal(await visitor.page.evaluate(() => typeof crypto.randomUUID), 'undefined');
  assert.ok(await visitor.page.isVisible('#insecure'));
  await visitor.order('lost');
  assert.equal((await visitor.side('left')).orders, 2);
  assert.equal((await visitor.side('right')).orders, 1);
  assert.equal((await service.orders('right')).length, 1);
  await visitor.leave();
});

test('a reload in the middle finds its key here too', async () => {
  const visitor = await insecureVisit();
  await visitor.accident('reload');
  assert.equal((await visitor.side('right')).orders, 1);
  assert.ok((await visitor.side('right')).story.includes('replay'));
  await visitor.leave();
});

test('the lines are copied without the clipboard of secure pages', async () => {
  const visitor = await insecureVisit();
  assert.equal(await visitor.page.evaluate(() => typeof navigator.clipboard), 'undefined');
  await visitor.order('well');
  await visitor.page.evaluate(() => {
    addEventListener('copy', () => (document.body.dataset.copied = document.activeElement.value));
  });
  await visitor.page.click('#copy');
  const copied = await visitor.page.locator('body[data-copied]').getAttribute('data-copied');
  assert.match(copied, /^curl -i http:\/\/shop\.test:\d+\/orders \\\n[^]*\ncurl [^]*\n$/);
  await visitor.leave();
});
