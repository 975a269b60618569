/** Says in words what a moment is: which sentence, what is filled in, and how it is coloured. */

import { ticketsOf, type Moment, type Wish } from './moments.js';
import type { Words } from './words.en.js';

export interface Told {
  readonly sentence: keyof Words['moments'];
  readonly tone: 'plain' | 'good' | 'bad' | 'wait';
  readonly n?: number;
  readonly key?: string;
  readonly status?: number;
  readonly seconds?: number;
  readonly wish?: Wish;
}

type Leaves = Extract<Moment, { kind: 'leaves' }>;
type Arrives = Extract<Moment, { kind: 'arrives' }>;

/** What `moments[at]` is, given what was before it. */
export function told(moments: readonly Moment[], at: number): Told {
  const moment = moments[at]!;
  switch (moment.kind) {
    case 'press':
      return moment.again
        ? { sentence: 'pressAgain', tone: 'plain' }
        : { sentence: 'press', tone: 'plain', wish: moment.wish };
    case 'leaves':
      return leaves(moments.slice(0, at), moment);
    case 'arrives':
      return arrives(moments.slice(0, at), moment);
    case 'waits':
      return { sentence: 'waits', tone: 'plain', seconds: Math.max(0.1, Math.round(moment.ms / 100) / 10) };
    case 'reloaded':
      return moment.remembers
        ? { sentence: 'remembers', tone: 'good' }
        : { sentence: 'forgot', tone: 'bad' };
    case 'delivered':
      return { sentence: 'delivered', tone: 'plain' };
    case 'impatient':
    case 'late':
      return { sentence: moment.kind, tone: 'wait' };
    default:
      return { sentence: moment.kind, tone: 'bad' };
  }
}

function leaves(before: readonly Moment[], { key }: Leaves): Told {
  if (!key) return { sentence: 'asks', tone: 'plain' };
  const n = 1 + before.filter((moment) => moment.kind === 'leaves' && moment.key).length;
  if (n === 1) return { sentence: 'first', tone: 'plain', n, key };
  const known = ticketsOf(before).includes(key);
  return { sentence: known ? 'sameKey' : 'otherKey', tone: 'plain', n, key };
}

function arrives(before: readonly Moment[], { call, status, replayed, problem }: Arrives): Told {
  const request = before.find((moment) => moment.kind === 'leaves' && moment.call === call);
  const asked = request?.kind === 'leaves' && !request.key;
  if (asked) return { sentence: status === 201 ? 'issued' : 'other', tone: 'plain', status };
  if (status === 201) {
    if (replayed === 'true') return { sentence: 'replay', tone: 'good' };
    const wanted = before.filter((moment) => moment.kind === 'press' && !moment.again).length;
    const made = before.filter((moment) => moment.kind === 'arrives' && isOrder(moment)).length;
    return made < wanted ? { sentence: 'made', tone: 'good' } : { sentence: 'another', tone: 'bad' };
  }
  if (problem === 'request-in-progress') return { sentence: 'running', tone: 'wait' };
  if (problem === 'key-reused') return { sentence: 'reused', tone: 'bad' };
  if (problem === 'identity-unknown') return { sentence: 'stranger', tone: 'bad' };
  return { sentence: 'other', tone: 'bad', status };
}

/** A key that was made is answered without the marker. */
function isOrder({ status, replayed }: Arrives): boolean {
  return status === 201 && replayed === 'false';
}
