import { attempt } from './attempt.js';
import { decide } from './decide.js';
import { uuidV7 } from './key.js';
import { jitter, now, retryBudget } from './pace.js';
import { type Frozen, pendingRequests } from './pending.js';
import type { Client, ClientEvent, Options, Outcome, Pending, SendInit } from './types.js';

const DAY_MS = 86_400_000;

/** Credentials by the names they usually have. They go out with every attempt and never into the storage. */
const CREDENTIAL = /auth|cookie|token|secret|session|credential|api-?key/i;

/** An operation that goes on in this page. */
interface Operation {
  callers: number;
  stop: AbortController;
  promise: Promise<Outcome>;
}

/** Makes a client. One for a whole page: it is what brings two calls for one intent together. */
export function createClient(options: Options = {}): Client {
  const keyField = options.keyField ?? 'Idempotency-Key';
  const markerField = options.markerField ?? 'Idempotent-Replayed';
  const retention = options.retention ?? DAY_MS;
  // A retry must find the answer of the first attempt still there, with a margin for clocks.
  const deadline = Math.min(options.deadline ?? 60_000, retention / 2);
  const backoff = options.backoff ?? { base: 200, cap: 10_000 };
  const requests = pendingRequests(options.storage);
  const budget = retryBudget();
  const running = new Map<string, Operation>();

  const tell = (event: ClientEvent): void => {
    try {
      options.onEvent?.(event);
    } catch (error) {
      // Whoever watches must not change what happens.
      console.error(error);
    }
  };

  /** Asks until there is a verdict, or no time for another attempt. `harmless`: what is asked has no effect. */
  async function ask(
    request: Omit<Frozen, 'at'>,
    headers: Headers,
    ambiguous: boolean,
    harmless: boolean,
    end: number,
    stop: AbortSignal,
  ): Promise<Outcome> {
    const { key, url, method, body } = request;
    for (let attempts = 1; ; attempts++) {
      tell({ type: 'attempt', key, attempt: attempts });
      const timeout = Math.min(options.attemptTimeout ?? 15_000, end - now());
      const init: RequestInit = { method, headers, body: body ?? null };
      const seen = await attempt(options.fetch ?? fetch, url, init, markerField, timeout, stop);
      if ('failure' in seen) {
        tell({ type: 'failure', key, attempt: attempts, reason: seen.failure });
      } else {
        const { status, marker = null, problem = null } = seen.answer;
        tell({ type: 'answer', key, attempt: attempts, status, marker, problem });
      }

      const definite = (status: number): Outcome => {
        const replayed = 'answer' in seen && seen.answer.marker === 'true';
        return { outcome: 'definite', response: seen.response!, status, replayed, attempts, key };
      };
      const verdict = decide(seen, ambiguous);
      if (verdict.then === 'definite') return definite(verdict.status);
      if (verdict.then === 'unknown') return { outcome: 'unknown', reason: verdict.reason, attempts, key };

      ambiguous = verdict.ambiguous && !harmless;
      let left = end - now();
      let ms = Math.max(jitter(attempts, backoff), seen.retryAfter ?? 0);
      if (ms < left) ms = Math.max(ms, budget.withdraw(left));
      if (!stop.aborted && ms < left) {
        tell({ type: 'wait', key, attempt: attempts, ms });
        await sleep(ms, stop);
        left = end - now();
        if (!stop.aborted && left > 0) continue;
      }
      if (ambiguous) return { outcome: 'unknown', reason: stop.aborted ? 'aborted' : 'deadline', attempts, key };
      if (!stop.aborted && verdict.atDeadline === 'definite' && 'answer' in seen) return definite(seen.answer.status);
      return { outcome: 'not-sent', attempts, key };
    }
  }

  /** One operation from its key to its outcome. */
  async function run(intent: string, url: string, init: SendInit, stop: AbortSignal): Promise<Outcome> {
    const end = now() + deadline;
    let frozen = requests.read(intent);
    // Throws what can never be sent, makes the address complete and adds the content type, before there is a key.
    const checked = frozen ?? new Request(url, { method: init.method ?? 'POST', headers: init.headers ?? {}, body: init.body ?? null });
    const headers = new Headers(init.headers);
    for (const [name, value] of checked.headers) headers.set(name, value);

    const ambiguous = !!(frozen ?? init.resumed);
    let key = frozen?.key ?? init.key ?? '';
    const none = (): Outcome =>
      ambiguous
        ? { outcome: 'unknown', reason: 'aborted', attempts: 0, key }
        : { outcome: 'not-sent', attempts: 0, key };
    if (stop.aborted) return none();
    if (frozen && Date.now() - frozen.at > retention - deadline) {
      return { outcome: 'unknown', reason: 'too-old', attempts: 0, key };
    }
    if (!key && init.prepare) {
      const issuer = { key, url: init.prepare, method: 'POST' };
      const bare = new Headers(headers);
      bare.delete('content-type');
      const issued = await ask({ ...issuer, headers: [] }, bare, false, true, end, stop);
      if (issued.outcome !== 'definite') return none();
      // A refusal, such as 401, is an answer to the operation too: nothing ran.
      if (issued.status >= 400) return issued;
      key = await issuedKey(issued.response);
      if (!key || stop.aborted) return none();
    }
    key ||= (options.newKey ?? uuidV7)();
    headers.set(keyField, key);
    if (!frozen) {
      const kept = [...checked.headers].filter(([name]) => !CREDENTIAL.test(name));
      frozen = { key, url: checked.url, method: checked.method, headers: kept, body: init.body, at: Date.now() };
      // Before the first attempt: from here on the page may be gone at any time.
      requests.write(intent, frozen);
    }
    budget.deposit();
    const ended = await ask(frozen, headers, ambiguous, false, end, stop);
    if (ended.outcome !== 'unknown') requests.remove(intent);
    return ended;
  }

  /** Starts an operation, or joins the one that goes on for this intent. */
  function start(intent: string, url: string, init: SendInit): Promise<Outcome> {
    const { signal } = init;
    let operation = running.get(intent);
    // It is ending because all its callers have left. What comes after it takes up what it leaves.
    if (operation?.stop.signal.aborted) return operation.promise.then(() => start(intent, url, init));
    if (!operation) {
      const stop = new AbortController();
      operation = { callers: 0, stop, promise: undefined! };
      running.set(intent, operation);
    }
    const { stop } = operation;
    const joined = operation;
    joined.callers++;
    const leave = (): void => {
      if (!--joined.callers) stop.abort();
    };
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave);
    joined.promise ??= run(intent, url, init, stop.signal)
      .then((ended) => {
        tell({ type: 'settled', key: ended.key, outcome: ended.outcome });
        return ended;
      })
      .finally(() => running.delete(intent));
    return joined.promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  return {
    send(url, init = {}) {
      const { method = 'POST', key = '', body = '' } = init;
      return start(init.intent ?? [method, url, key, body].join('\n'), url, init);
    },
    async resume(intent, init = {}) {
      const frozen = requests.read(intent);
      if (!frozen && !running.has(intent)) throw new Error(`nothing is pending as ${intent}`);
      return start(intent, frozen?.url ?? '', init);
    },
    pending: () => requests.intents().map((intent) => described(intent, requests.read(intent)!)),
    forget: (intent) => requests.remove(intent),
  };
}

function described(intent: string, { key, url, method }: Frozen): Pending {
  return { intent, key, url, method };
}

/** The key out of `{"idempotencyKey": …}`; none if the answer is not of that form. */
async function issuedKey(response: Response): Promise<string> {
  const { idempotencyKey } = (await response.json().catch(() => ({}))) ?? {};
  return typeof idempotencyKey === 'string' ? idempotencyKey : '';
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener('abort', () => (clearTimeout(timer), resolve()));
  });
}
