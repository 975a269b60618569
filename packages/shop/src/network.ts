/**
 * A bad network, made of a good one: a `fetch` that really sends, and then loses or delays the
 * answer. What is lost is the answer, never the request: the shop has acted, and the page does not
 * know it. That is the case that keys are for.
 */

import type { Tell } from './moments.js';

export interface Weather {
  /** Held: it is still on its way when the page goes away. */
  readonly answers: 'well' | 'lost' | 'slow' | 'held';
  /** Every answer has an even chance; otherwise it is always the first one of each order. */
  readonly random: boolean;
}

/** How long things take on the way, in milliseconds. */
export interface Pace {
  /** From the page to the shop, and back. */
  readonly journey: number;
  /** A slow answer's way back: longer than the page's patience. */
  readonly detour: number;
  /** How long the page waits for an answer while answers are slow. */
  readonly patience: number;
}

/** Slow enough to be watched. */
export const WATCHABLE: Pace = { journey: 700, detour: 3200, patience: 2000 };
/** For who has asked for less motion: nothing is seen to travel, so nothing need take time. */
export const STILL: Pace = { journey: 40, detour: 600, patience: 300 };

type Fetch = typeof fetch;

/** Numbers for calls that are not used again after a reload, since the time line lives on. */
let calls = Math.floor(performance.timeOrigin);

export function badNetwork(real: Fetch, weather: Weather, pace: Pace, tell: Tell): Fetch {
  let answers = 0;

  const isBad = (): boolean => {
    answers += 1;
    return weather.random ? Math.random() < 0.5 : answers === 1;
  };

  const travel = async (url: string, init: RequestInit, call: number): Promise<Response> => {
    const { pathname: path } = new URL(url, location.href);
    const key = new Headers(init.headers).get('idempotency-key') ?? undefined;
    const body = typeof init.body === 'string' ? init.body : undefined;
    tell({ kind: 'leaves', call, path, ...(key && { key }), ...(body && { body }) });
    await pause(pace.journey);

    // Without its signal: a client that stops waiting does not stop what it has already sent.
    const { signal, ...sent } = init;
    const answer = await really(real, url, sent, () => tell({ kind: 'unreached', call }));
    const replayed = answer.headers.get('idempotent-replayed') ?? undefined;
    const problem = await problemOf(answer);
    tell({
      kind: 'arrives',
      call,
      status: answer.status,
      ...(replayed && { replayed }),
      ...(problem && { problem }),
    });

    // Only answers about an order are lost: a key that was asked for and lost costs nobody.
    const bad = key !== undefined && weather.answers !== 'well' && isBad();
    if (bad && weather.answers === 'lost') {
      await pause(pace.journey / 2);
      tell({ kind: 'lost', call });
      throw new TypeError('the answer was lost on its way');
    }
    if (bad && weather.answers === 'held') await new Promise(() => {});
    await pause(bad ? pace.detour : pace.journey);
    tell({ kind: signal?.aborted ? 'late' : 'delivered', call });
    return answer;
  };

  return (input, init = {}) => {
    calls += 1;
    const call = calls;
    const url = input instanceof Request ? input.url : String(input);
    const answer = travel(url, init, call);
    const { signal } = init;
    if (!signal) return answer;
    let left = false;
    const abandoned = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        if (!left) tell({ kind: 'impatient', call });
        reject(signal.reason);
      });
    });
    // What nobody waits for any more still travels, and its failure is nobody's.
    const settled = () => {
      left = true;
    };
    answer.then(settled, settled);
    return Promise.race([answer, abandoned]);
  };
}

/** The whole answer is read here, so that what arrives after this is no longer cut short. */
async function really(real: Fetch, url: string, init: RequestInit, failed: () => void) {
  try {
    const answer = await real(url, init);
    const body = await answer.arrayBuffer();
    return new Response(body, answer);
  } catch (error) {
    failed();
    throw error;
  }
}

async function problemOf(answer: Response): Promise<string | undefined> {
  if (!answer.headers.get('content-type')?.startsWith('application/problem+json')) return undefined;
  const { type } = (await answer.clone().json()) as { type?: string };
  return type?.split('#')[1];
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
