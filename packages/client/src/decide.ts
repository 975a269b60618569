import type { UnknownReason } from './types.js';

/** What a client reads in an answer. */
export interface Answer {
  status: number;
  /** The value of `Idempotent-Replayed`. */
  marker?: string | null;
  /** What the `type` of the problem details ends in. */
  problem?: string | null;
  /** Of `response-not-kept`: the status that the work was answered with. */
  recordedStatus?: number | null;
}

/** What came of an attempt. `not-sent`: no connection came about. `no-answer`: it may have been sent. */
export type Seen =
  | { failure: 'not-sent' | 'no-answer'; answer?: undefined }
  | { answer: Answer; failure?: undefined };

/** What to do after it. */
export type Verdict =
  | { then: 'definite'; status: number }
  | { then: 'unknown'; reason: UnknownReason }
  /** `ambiguous`: something may have run by now. `atDeadline`: the outcome when there is no time for a retry. */
  | { then: 'retry'; ambiguous: boolean; atDeadline: 'definite' | 'not-sent' | 'unknown' };

/**
 * Decides after an attempt. `ambiguous`: an earlier attempt, of an earlier process also, may have run.
 * `refused`: a server has turned one away.
 *
 * A refusal at the gate carries no marker and speaks of its own attempt alone. After an ambiguous one it
 * must not be told as the outcome: the user would try again with a new key, and pay twice. `key-expired` adds
 * that what was done with the key is forgotten, and what was turned away may have come again, from a proxy say.
 */
export function decide(seen: Seen, ambiguous: boolean, refused?: unknown): Verdict {
  if (!seen.answer) return again(ambiguous || seen.failure !== 'not-sent', 'not-sent');
  const { status, marker, problem, recordedStatus } = seen.answer;
  if (problem === 'response-not-kept') return settled(recordedStatus! >= 200 ? recordedStatus! : 500);
  if (status < 400) return settled(status);
  if (problem === 'outcome-unknown') return { then: 'unknown', reason: 'server-error' };
  // Stored for ever: asking again would bring the same answer.
  if (marker === 'true') return settled(status);
  // Refusals to do it now. They free the key, so that also a marked one is worth a retry.
  if (status === 425 || status === 429) {
    return { then: 'retry', ambiguous, atDeadline: ambiguous && marker == null ? 'unknown' : 'definite' };
  }
  if ([500, 502, 503, 504].includes(status)) return again(true);
  if (status >= 500 || marker != null) return settled(status);
  if (status === 408 || (status === 409 && problem === 'request-in-progress')) return again(true);
  const doubtful = ambiguous || (refused && problem === 'key-expired');
  return doubtful ? { then: 'unknown', reason: 'refused' } : settled(status);
}

/** No retry. A server error says neither that it ran nor that it did not. */
function settled(status: number): Verdict {
  return status < 500 ? { then: 'definite', status } : { then: 'unknown', reason: 'server-error' };
}

function again(ambiguous: boolean, unless?: 'not-sent'): Verdict {
  return { then: 'retry', ambiguous, atDeadline: ambiguous ? 'unknown' : unless! };
}
