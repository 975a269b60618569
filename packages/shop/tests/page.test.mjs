/** The page itself: for everybody, in both languages, on any width, and closed to the outside. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { startService } from './service.mjs';
import { startBrowser, visit } from './visitor.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let service;
let browser;
before(async () => {
  [service, browser] = await Promise.all([startService(), startBrowser()]);
});
after(() => Promise.all([browser.close(), service.stop()]));

async function violations(page) {
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run());
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

for (const [locale, colorScheme] of [['en-US', 'light'], ['ja-JP', 'dark']]) {
  test(`nothing that axe finds stands in anybody's way: ${locale}, ${colorScheme}`, async () => {
    const visitor = await visit(browser, service.url, { locale, colorScheme });
    assert.deepEqual(await violations(visitor.page), []);
    await visitor.order('lost');
    assert.deepEqual(await violations(visitor.page), []);
    await visitor.accident('one-key');
    assert.deepEqual(await violations(visitor.page), []);
    await visitor.leave();
  });
  for (const width of [360, 1280]) {
    test(`nothing sticks out: ${locale}, ${width} pixels`, async () => {
      const visitor = await visit(browser, service.url, { locale, viewport: { width, height: 800 } });
      await visitor.order('lost');
      const shown = await visitor.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(shown <= width, `${shown} of ${width}`);
      await visitor.leave();
    });
  }
}

test('the browser says which language, and the visitor may choose the other for good', async () => {
  const visitor = await visit(browser, service.url, { locale: 'ja-JP' });
  const { page } = visitor;
  assert.equal(await page.getAttribute('html', 'lang'), 'ja');
  assert.equal(await page.textContent('#left h2'), '送るたびに新しいキー');
  await visitor.order('lost');
  assert.equal((await visitor.side('left')).judgement, '二重に請求された');
  await page.click('[data-language=en]');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  // What has happened is told again in the other language.
  assert.equal((await visitor.side('left')).judgement, 'you were charged twice');
  assert.match(await page.textContent('#left .line li:last-child'), /^The answer is here$/);
  await visitor.enter();
  assert.equal(await page.textContent('#left h2'), 'A new key for every attempt');
  assert.equal(await page.getAttribute('[data-language=en]', 'aria-pressed'), 'true');
  await visitor.leave();
});

test('a browser that wants neither language gets English', async () => {
  const visitor = await visit(browser, service.url, { locale: 'fr-FR' });
  assert.equal(await visitor.page.getAttribute('html', 'lang'), 'en');
  await visitor.leave();
});

test('no text is missing in either language', async () => {
  for (const locale of ['en-US', 'ja-JP']) {
    const visitor = await visit(browser, service.url, { locale });
    const empty = await visitor.page.evaluate(() =>
      [...document.querySelectorAll('[data-say], [data-cake], [data-weather], h3, #order b, .accidents li p')]
        .filter((element) => !element.textContent.trim())
        .map((element) => element.outerHTML),
    );
    assert.deepEqual(empty, []);
    await visitor.leave();
  }
});

test('with the keyboard alone', async () => {
  const visitor = await visit(browser, service.url);
  const { page } = visitor;
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.value);
  const tabTo = async (wanted) => {
    for (let stop = 0; stop < 20; stop += 1) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, 'none', `the focus is not seen on ${await focused()}`);
      if ((await focused()) === wanted) return;
    }
    assert.fail(`no way to ${wanted}`);
  };
  await tabTo('cake-001');
  await page.keyboard.press('ArrowDown');
  await tabTo('lost');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowDown');
  await tabTo('order');
  assert.match(await page.textContent('#order b'), /Cheesecake, ¥450/);
  await page.keyboard.press('Enter');
  await visitor.over();
  assert.equal(await focused(), 'order');
  assert.equal((await visitor.side('left')).sum, '2 orders · ¥900');
  // What a screen reader says at the end.
  assert.equal(
    await page.textContent('#status'),
    'A new key for every attempt: 2 orders · ¥900, you were charged twice. Keeps its key: 1 order · ¥450, you were charged once.',
  );
  await page.focus('[data-accident=one-key] button');
  await page.keyboard.press('Space');
  await visitor.over();
  assert.equal((await visitor.side('left')).judgement, 'an order is missing');
  await visitor.leave();
});

test('the curl lines do what they say', async () => {
  const visitor = await visit(browser, service.url);
  await visitor.order('lost');
  const before = (await service.orders('right')).length;
  const lines = await visitor.page.locator('#curl code').allTextContents();
  assert.equal(lines.length, 4);
  for (const line of lines) {
    const answer = execFileSync('sh', ['-c', line.replace('curl', 'curl -s')], { encoding: 'utf8' });
    assert.match(answer, /^HTTP\/1\.1 201 Created\r\n/);
    assert.match(answer, /idempotent-replayed: true/i);
  }
  assert.equal((await service.orders('right')).length, before);
  await visitor.page.click('#copy');
  // The clipboard answers when it does.
  await visitor.page.locator('#copied', { hasText: /^Copied$/ }).waitFor();
  await visitor.leave();
});

test('at the usual pace requests are seen to travel, and with less motion they are not', async () => {
  for (const [reducedMotion, name] of [['no-preference', 'travel'], ['reduce', 'none']]) {
    const visitor = await visit(browser, service.url, { reducedMotion });
    await visitor.choose('well');
    await visitor.page.click('#order');
    const seen = await visitor.page.waitForFunction(() => {
      const arrow = document.querySelector('#left .arrow.travels');
      return arrow && getComputedStyle(arrow).animationName;
    }, undefined, { polling: 'raf' });
    assert.equal(await seen.jsonValue(), name);
    await visitor.over();
    await visitor.leave();
  }
});

test('the policy keeps out what is not of the page', async () => {
  const visitor = await visit(browser, service.url);
  const { page } = visitor;
  // The same service by another name, hence another origin.
  const elsewhere = `http://localhost:${service.port}/healthz`;
  const got = await page.evaluate(async (address) => {
    const script = document.createElement('script');
    script.textContent = 'document.body.dataset.run = "yes"';
    const style = document.createElement('style');
    style.textContent = 'body { display: none }';
    document.body.append(script, style);
    const reached = await fetch(address, { mode: 'no-cors' }).then(() => true, () => false);
    return { run: document.body.dataset.run, display: getComputedStyle(document.body).display, reached };
  }, elsewhere);
  assert.deepEqual(got, { run: undefined, display: 'block', reached: false });
  // What the browser logs about it is what this test is about.
  await visitor.context.close();
});
