/** What a client can be told; every member has a default. */
export interface Options {
  /** Sends a request; the `fetch` of the platform, unless one of your own adds cookies, logs or a proxy. */
  fetch?: typeof fetch;
  /** Keeps what is pending. `sessionStorage` where there is one; else memory, which a reload empties. */
  storage?: KeyStorage;
  /** How long one operation may take with all its retries, in ms. Default 60 000. */
  deadline?: number;
  /** How long one attempt may take, up to the last byte of its answer, in ms. Default 15 000. */
  attemptTimeout?: number;
  /** A retry waits a random time below `base * 2^attempt`, and below `cap`, in ms. Default 200 and 10 000. */
  backoff?: { base: number; cap: number };
  /** The field that carries the key. Default `Idempotency-Key`. */
  keyField?: string;
  /** The field that tells a replay from a first answer. Default `Idempotent-Replayed`. */
  markerField?: string;
  /** How long the server remembers a key, in ms. An older one is not sent again. Default 24 hours. */
  retention?: number;
  /** Makes a key. Default: a UUID of version 7, which knows its age. It is sent as it is. */
  newKey?: () => string;
  /** Hears what happens, for a page that shows it. */
  onEvent?: (event: ClientEvent) => void;
}

/** The part of the Web Storage interface that is used. Without `key` and `length`, `pending` knows this page's only. */
export interface KeyStorage {
  getItem(k: string): string | null;
  setItem(k: string, v: string): void;
  removeItem(k: string): void;
  key?(i: number): string | null;
  readonly length?: number;
}

/** One operation. */
export interface SendInit {
  /** Default `POST`. */
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** What the user wants done, as a name. Default: method, URL and body. While it is pending its first request counts. */
  intent?: string;
  /** A key made elsewhere, for a new intent. */
  key?: string;
  /** Somebody may have sent `key` before: a refusal then says nothing about that attempt. */
  resumed?: boolean;
  /** The address that issues keys by POST (`{"idempotencyKey": …}`), asked before the first attempt. */
  prepare?: string;
  /** Ends the operation early; of several callers with one intent, the last one's abort does. */
  signal?: AbortSignal;
}

/** What is passed again when a pending operation goes on: credentials are never stored. */
export interface ResumeInit {
  /** Fills in what was not stored; stored fields stay as they were. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** How an operation ended. `attempts` counts those of this call. */
export type Outcome =
  /** The server has answered, and the answer stands. In a browser a redirection has the status 0. */
  | { outcome: 'definite'; response: Response; status: number; replayed: boolean; attempts: number; key: string }
  /** Certainly nothing ran. */
  | { outcome: 'not-sent'; attempts: number; key: string }
  /** It may have run, or may still run. The key is kept; `send` or `resume` asks again with it. */
  | { outcome: 'unknown'; reason: UnknownReason; attempts: number; key: string };

/**
 * Why an outcome is not known:
 * `deadline`: the time was over. `aborted`: the caller ended it. `refused`: a refusal, after an attempt that may have
 * run. `server-error`: the server has failed or does not know it either, and asking again does not help.
 * `too-old`: the server may have forgotten the key, so it was not sent again.
 */
export type UnknownReason = 'deadline' | 'aborted' | 'refused' | 'server-error' | 'too-old';

/** What a page can draw. While a key is being issued, `key` is empty. */
export type ClientEvent =
  | { type: 'attempt'; key: string; attempt: number }
  | { type: 'answer'; key: string; attempt: number; status: number; marker: string | null; problem: string | null }
  | { type: 'failure'; key: string; attempt: number; reason: 'no-answer' | 'not-sent' }
  | { type: 'wait'; key: string; attempt: number; ms: number }
  | { type: 'settled'; key: string; outcome: Outcome['outcome'] };

/** An operation whose outcome this page does not know yet. */
export interface Pending {
  intent: string;
  key: string;
  url: string;
  method: string;
}

/** Sends operations so that each takes effect once. */
export interface Client {
  /** Sends it until its outcome is known or its time is over. Rejects only what can never be sent, such as a bad URL. */
  send(url: string, init?: SendInit): Promise<Outcome>;
  /** What was sent, perhaps by the page before a reload, and has no definite answer. */
  pending(): Pending[];
  /** Goes on with a pending operation: same key, same bytes. Rejects when nothing is pending under this name. */
  resume(intent: string, init?: ResumeInit): Promise<Outcome>;
  /** Drops what is pending; whether it ran must be known from elsewhere. */
  forget(intent: string): void;
}
