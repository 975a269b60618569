/** The page is frozen with its order pending, and thawed: Playwright usually switches that off. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit } from './visitor.mjs';

let service;
let browser;
before(async () => {
  service = await startService('--processing-time', '1s');
  browser = await startBrowser([], { ignoreDefaultArgs: ['--disable-back-forward-cache'] });
});
after(() => Promise.all([browser.close(), service.stop()]));

test('back to a page that was kept with its order pending: one order', async () => {
  const visitor = await visit(browser, service.url);
  await visitor.choose('well');
  await visitor.page.evaluate(() => {
    addEventListener('pageshow', ({ persisted }) => (document.body.dataset.kept = String(persisted)));
  });
  const sent = visitor.sends('right');
  await visitor.page.click('#order');
  await sent;
  await visitor.page.goto(`${service.url}/healthz`);
  await visitor.page.goBack({ waitUntil: 'commit' });
  await visitor.page.waitForSelector('body[data-kept=true]');
  await visitor.over();
  assert.equal((await visitor.side('right')).orders, 1);
  assert.equal((await service.orders('right')).length, 1);
  await visitor.leave();
});
