import type { Answer, Seen } from './decide.js';
import { retryAfter } from './pace.js';

/** What came of an attempt, with the answer itself. */
export type Attempted =
  | (Extract<Seen, { failure: string }> & { response?: undefined; retryAfter?: undefined })
  | {
      answer: Required<Answer>;
      failure?: undefined;
      /** Whole, and ready to be read. */
      response: Response;
      /** What the server asks to wait before the next attempt, in ms. */
      retryAfter: number;
    };

/** Whoever waits for an operation. There is one thing at a time that they wait for: an attempt, or the pause after it. */
export interface Caller {
  gone: boolean;
  /** Ends what goes on at the moment. */
  cut(): void;
}

/** In Node: codes of a connection that never came about. Browsers do not tell. */
const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

/** Sends a request once. Never rejects: a failure is something seen, like an answer. */
export async function attempt(
  send: typeof fetch,
  url: string,
  init: RequestInit,
  markerField: string,
  timeout: number,
  caller: Caller,
): Promise<Attempted> {
  // Offline is the one case in which a browser knows that nothing will leave the machine.
  if (caller.gone || globalThis.navigator?.onLine === false) return { failure: 'not-sent' };
  const end = new AbortController();
  caller.cut = () => end.abort();
  const timer = setTimeout(caller.cut, timeout);
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
  }
}

/** Also checks that it is an answer: a status that HTTP does not have throws, like an answer that is cut short. */
function read(head: Response, bytes: ArrayBuffer, markerField: string): Attempted {
  const { status, statusText, headers } = head;
  const { type, recordedStatus, location } = problemOf(headers, bytes);
  const problem = type?.split(/[#/]/).pop() ?? null;
  const answer = { status, marker: headers.get(markerField), problem, recordedStatus: recordedStatus ?? null };
  const body = bytes.byteLength ? bytes : null;
  const response =
    problem === 'response-not-kept'
      ? new Response(null, { status: recordedStatus!, headers: location ? { location } : {} })
      : // A redirection that a browser hides has the status 0, which only it may make.
        status ? new Response(body, { status, statusText, headers }) : head;
  return { answer, response, retryAfter: retryAfter(headers) };
}

interface Problem {
  type?: string;
  recordedStatus?: number;
  location?: string;
}

/** The members of problem details (RFC 9457) that matter. */
function problemOf(headers: Headers, bytes: ArrayBuffer): Problem {
  try {
    const details = headers.get('content-type')!.includes('problem+json');
    return details ? { ...JSON.parse(new TextDecoder().decode(bytes)) } : {};
  } catch {
    return {};
  }
}
