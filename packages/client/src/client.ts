import { attempt, type Caller } from './attempt.js';
import { decide } from './decide.js';
import { uuidV7 } from './key.js';
import { jitter, now, retryBudget } from './pace.js';
import { pendingRequests } from './pending.js';
import type { Client, ClientEvent, Options, Outcome, SendInit, UnknownReason } from './types.js';

/** Credentials, by the names they usually have. They go out with every attempt and never into the storage. */
const CREDENTIAL = /auth|cookie|token|secret|session|credential|api-?key/i;

/** An operation that goes on in this page, and how many wait for it. */
interface Operation extends Caller {
  callers: number;
  promise?: Promise<Outcome>;
}

/** Makes a client. One for a whole page: it is what brings two calls for one intent together. */
export function createClient(options: Options = {}): Client {
  const {
    keyField = 'Idempotency-Key',
    markerField = 'Idempotent-Replayed',
    deadline: wanted = 60_000,
    attemptTimeout = 15_000,
    backoff = { base: 200, cap: 10_000 },
    retention = 86_400_000,
    newKey = uuidV7,
  } = options;
  // A retry must find the first attempt's answer still there, with a margin for clocks.
  const deadline = Math.min(wanted, retention / 2);
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

  /** Asks until there is a verdict, or no time for another attempt. `ambiguous`: it may have run already. */
  async function ask(
    { key, url, method, body = null }: { key: string; url: string; method: string; body?: string | null | undefined },
    headers: Headers,
    ambiguous: boolean,
    end: number,
    caller: Caller,
  ): Promise<Outcome> {
    let refused: unknown;
    for (let attempts = 1; ; attempts++) {
      const place = { key, attempt: attempts };
      tell({ type: 'attempt', ...place });
      const timeout = Math.min(attemptTimeout, end - now());
      const seen = await attempt(options.fetch ?? fetch, url, { method, headers, body }, markerField, timeout, caller);
      const { answer, failure, response } = seen;
      if (answer) {
        const { status, marker, problem } = answer;
        tell({ type: 'answer', ...place, status, marker, problem });
      } else {
        tell({ type: 'failure', ...place, reason: failure });
      }

      const verdict = decide(seen, ambiguous, refused);
      refused ||= answer;
      let outcome: Outcome['outcome'];
      if (verdict.then === 'retry') {
        ambiguous = verdict.ambiguous;
        // An attempt that the deadline cuts short would turn a plain 429 into something that may have run.
        const left = end - now() - deadline / 10;
        const ms = budget.turn(Math.max(jitter(attempts, backoff), seen.retryAfter ?? 0), left);
        if (!caller.gone && ms < Infinity) {
          // Before it is told: whoever hears of it may leave at once.
          const paused = pause(ms, caller);
          tell({ type: 'wait', ...place, ms });
          await paused;
          if (!caller.gone && now() < end) continue;
        }
        outcome = caller.gone && !ambiguous ? 'not-sent' : verdict.atDeadline;
      } else {
        outcome = verdict.then;
      }

      const counted = { attempts, key };
      if (outcome === 'definite') {
        return { outcome, response: response!, status: response!.status, replayed: answer!.marker === 'true', ...counted };
      }
      if (outcome === 'not-sent') return { outcome, ...counted };
      const reason = verdict.then === 'unknown' ? verdict.reason : caller.gone ? 'aborted' : 'deadline';
      return { outcome, reason, ...counted };
    }
  }

  /** One operation, from its key to its outcome. */
  async function run(intent: string, url: string, init: SendInit, caller: Caller): Promise<Outcome> {
    const end = now() + deadline;
    let frozen = requests.read(intent);
    const { method = 'POST', headers: given = {}, body } = init;
    // Throws what can never be sent, completes the address and adds the content type, all before there is a key.
    const request = frozen ?? new Request(url, { method, headers: given, body: body ?? null });
    const headers = new Headers(given);
    for (const [name, value] of request.headers) headers.set(name, value);

    const ambiguous = !!(frozen ?? init.resumed);
    let key = frozen?.key ?? init.key ?? '';
    const unsent = (reason: UnknownReason): Outcome => {
      const counted = { attempts: 0, key };
      return ambiguous ? { outcome: 'unknown', reason, ...counted } : { outcome: 'not-sent', ...counted };
    };
    if (caller.gone) return unsent('aborted');
    if (frozen && Date.now() - frozen.at > retention - deadline) return unsent('too-old');
    if (!key && init.prepare) {
      const issuer = { key, url: init.prepare, method: 'POST' };
      const bare = new Headers(headers);
      bare.delete('content-type');
      const issued = await ask(issuer, bare, false, end, caller);
      // Issuing has no effect, so whatever came of it, nothing ran.
      if (issued.outcome !== 'definite') return unsent('aborted');
      // A refusal, such as 401, is an answer to the operation too.
      if (issued.status >= 400) return issued;
      key = await issuedKey(issued.response);
      if (!key || caller.gone) return unsent('aborted');
    }
    key ||= newKey();
    headers.set(keyField, key);
    if (!frozen) {
      const kept = [...request.headers].filter(([name]) => !CREDENTIAL.test(name));
      frozen = { key, url: request.url, method: request.method, headers: kept, body, at: Date.now() };
      // Before the first attempt: from here on the page may be gone at any time.
      requests.write(intent, frozen);
    }
    budget.deposit();
    const ended = await ask(frozen, headers, ambiguous, end, caller);
    if (ended.outcome !== 'unknown') requests.remove(intent);
    return ended;
  }

  /** Starts an operation, or joins the one that goes on for this intent. */
  function start(intent: string, url: string, init: SendInit): Promise<Outcome> {
    const { signal } = init;
    const operation: Operation = running.get(intent) ?? { callers: 0, gone: false, cut() {} };
    // It is ending, because all its callers have left. What comes after it takes up what it leaves.
    if (operation.gone) return operation.promise!.then(() => start(intent, url, init));
    running.set(intent, operation);
    operation.callers++;
    const leave = (): void => {
      operation.gone = !--operation.callers;
      if (operation.gone) operation.cut();
    };
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave);
    operation.promise ??= run(intent, url, init, operation)
      .then((ended) => {
        tell({ type: 'settled', key: ended.key, outcome: ended.outcome });
        return ended;
      })
      .finally(() => running.delete(intent));
    return operation.promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  return {
    send(url, init = {}) {
      const { method = 'POST', key = '', body = '' } = init;
      return start(init.intent ?? [method, url, key, body].join('\n'), url, init);
    },
    async resume(intent, init = {}) {
      if (!requests.read(intent) && !running.has(intent)) throw new Error(`nothing is pending as ${intent}`);
      return start(intent, '', init);
    },
    pending: requests.list,
    forget: requests.remove,
  };
}

/** The key out of `{"idempotencyKey": …}`; none if the answer is not of that form. */
async function issuedKey(response: Response): Promise<string> {
  const { idempotencyKey } = (await response.json().catch(() => null)) ?? {};
  return typeof idempotencyKey === 'string' ? idempotencyKey : '';
}

function pause(ms: number, caller: Caller): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    caller.cut = () => (clearTimeout(timer), resolve());
  });
}
