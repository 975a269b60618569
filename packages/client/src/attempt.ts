import type { Seen } from './decide.js';
import { retryAfter } from './pace.js';

/** What came of an attempt, with the answer itself. */
export type Attempted = Seen & {
  /** Whole, and ready to be read. */
  response?: Response;
  /** What the server asks to wait before the next attempt, in ms. */
  retryAfter?: number;
};

/** In Node: codes of a connection that never came about. Browsers do not tell. */
const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

/** Sends a request once. Never rejects: a failure is something seen, like an answer. */
export async function attempt(
  send: typeof fetch,
  url: string,
  init: RequestInit,
  markerField: string,
  timeout: number,
  stop: AbortSignal,
): Promise<Attempted> {
  // The one case in which a browser knows that nothing will leave the machine.
  if (globalThis.navigator?.onLine === false) return { failure: 'not-sent' };
  const end = new AbortController();
  const cut = (): void => end.abort();
  const timer = setTimeout(cut, timeout);
  stop.addEventListener('abort', cut);
  try {
    // Also a `fetch` that does not heed its signal must not hold the operation up.
    const ended = new Promise<never>((_, reject) => end.signal.addEventListener('abort', reject));
    const exchange = async (): Promise<Attempted> => {
      // A redirection is an answer. Followed, it could repeat the operation elsewhere or show its key to a stranger.
      const head = await send(url, { ...init, redirect: 'manual', signal: end.signal });
      // An answer that is cut short is none, so it must be read to its end in here.
      return read(head, await head.arrayBuffer(), markerField);
    };
    return await Promise.race([exchange(), ended]);
  } catch (error) {
    const code = (error as { cause?: { code?: string } } | null)?.cause?.code;
    return { failure: NOT_CONNECTED.includes(code!) ? 'not-sent' : 'no-answer' };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', cut);
  }
}

function read(head: Response, bytes: ArrayBuffer, markerField: string): Attempted {
  const { status, headers } = head;
  const marker = headers.get(markerField);
  const details = headers.get('content-type')?.includes('problem+json') ? problemOf(bytes) : {};
  const problem = details.type?.split(/[#/]/).pop() ?? null;
  const answer = { status, marker, problem, recordedStatus: details.recordedStatus ?? null };
  let response = head;
  if (problem === 'response-not-kept') {
    const location = details.location;
    response = whole(null, details.recordedStatus!, new Headers(location ? { location } : {}), head);
  } else if (status) {
    response = whole(bytes.byteLength ? bytes : null, status, headers, head);
  }
  return { answer, response, retryAfter: retryAfter(headers) };
}

/** The answer again, its body read. A status that no `Response` may have is none that is handed back. */
function whole(body: ArrayBuffer | null, status: number, headers: Headers, head: Response): Response {
  if (!(status >= 200 && status < 600)) return head;
  return new Response(body, { status, headers, statusText: head.statusText });
}

interface Problem {
  type?: string;
  recordedStatus?: number;
  location?: string;
}

/** The members of problem details (RFC 9457) that matter, if they are what they should be. */
function problemOf(bytes: ArrayBuffer): Problem {
  try {
    const { type, recordedStatus, location } = JSON.parse(new TextDecoder().decode(bytes));
    return { type: `${type}`, recordedStatus: +recordedStatus, location };
  } catch {
    return {};
  }
}
