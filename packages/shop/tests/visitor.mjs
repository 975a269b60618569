/** A visitor of the page in a real Chromium, who also notices what no visitor sees. */

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const PROGRAM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Without the sandbox, which root cannot have, and without any connection of the browser's own. */
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Network failures and refusals that a lesson brings about are logged by the browser as errors. */
const PART_OF_THE_LESSON = /^Failed to load resource: (the server responded with a status of (409|422|403|400)|net::ERR_INTERNET_DISCONNECTED)/;

export function startBrowser(switches = [], options = {}) {
  return chromium.launch({ executablePath: PROGRAM, args: [...SWITCHES, ...switches], ...options });
}

/**
 * Opens the page in a context of its own. Motion is reduced unless a test is about it: then nothing
 * is seen to travel, and the network takes no time for show.
 */
export async function visit(browser, url, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', reducedMotion: 'reduce', ...options });
  const visitor = new Visitor(context, await context.newPage(), url);
  await visitor.enter();
  return visitor;
}

export class Visitor {
  #faults = [];

  constructor(context, page, url) {
    this.context = context;
    this.page = page;
    this.url = url;
    this.watch(page);
  }

  watch(page) {
    const { origin } = new URL(this.url);
    page.on('pageerror', (error) => this.#faults.push(`error: ${error.message}`));
    page.on('console', (message) => {
      const text = message.text();
      // Also what the policy for content has kept from running is logged as an error.
      // Other addresses of the service have no icon; the browser asks for one.
      const isIcon = message.location().url.endsWith('/favicon.ico');
      const expected = isIcon || PART_OF_THE_LESSON.test(text);
      if (message.type() === 'error' && !expected) this.#faults.push(text);
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.origin !== origin) this.#faults.push(`request: ${url}`);
    });
  }

  async enter() {
    await this.page.goto(this.url);
    await this.page.waitForSelector('body[data-state=idle]');
  }

  async choose(weather) {
    await this.page.check(`input[name=weather][value=${weather}]`);
  }

  /** Presses the big button, and waits for the end. */
  async order(weather) {
    if (weather) await this.choose(weather);
    await this.page.click('#order');
    await this.over();
  }

  async accident(name) {
    await this.page.click(`[data-accident=${name}] button`);
    await this.over();
  }

  /** Until the round that was begun has ended, also when the page is loaded again meanwhile. */
  async over() {
    await this.page.waitForSelector('body[data-state=idle]');
  }

  async side(name) {
    const side = this.page.locator(`#${name}`);
    const verdict = side.locator('.verdict');
    return {
      orders: Number(await verdict.getAttribute('data-orders')),
      tone: await verdict.getAttribute('data-tone'),
      sum: await verdict.locator('.sum').textContent(),
      judgement: await verdict.locator('.judgement').textContent(),
      story: await side.locator('.line li').evaluateAll((rows) => rows.map((row) => row.dataset.sentence)),
    };
  }

  /** When the side's time line comes to a moment of this kind. */
  async sees(side, sentence) {
    await this.page.waitForSelector(`#${side} [data-sentence=${sentence}]`);
  }

  /** When the side's request is on its way to the shop. */
  async sends(side) {
    await this.page.waitForRequest(
      (request) => request.method() === 'POST' && (request.postData() ?? '').includes(`-${side}"`),
    );
  }

  /** Ends the visit: nothing went wrong behind the scenes. */
  async leave() {
    await this.context.close();
    assert.deepEqual(this.#faults, []);
  }
}
