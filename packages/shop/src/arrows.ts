/** Which arrows a time line has: from one moment to another, between the page and the shop. */

import type { Moment } from './moments.js';

export interface Arrow {
  readonly id: string;
  readonly to: 'shop' | 'page';
  /** The moments at its ends; no end yet while it travels. */
  readonly from: number;
  readonly end: number | undefined;
  readonly fate: 'request' | 'made' | 'replay' | 'refused' | 'lost' | 'late' | 'unreached';
}

export function arrowsOf(moments: readonly Moment[]): Arrow[] {
  const arrows: Arrow[] = [];
  const find = (call: number, kinds: string[], from: number): number | undefined => {
    const at = moments.findIndex(
      (moment, index) => index > from && 'call' in moment && moment.call === call && kinds.includes(moment.kind),
    );
    return at < 0 ? undefined : at;
  };
  /** What is on its way when the page goes away ends there. */
  const cut = (from: number): number | undefined => {
    const at = moments.findIndex((moment, index) => index > from && moment.kind === 'reloaded');
    return at < 0 ? undefined : at;
  };
  moments.forEach((moment, from) => {
    if (moment.kind !== 'leaves') return;
    const { call } = moment;
    const end = find(call, ['arrives', 'unreached'], from);
    const reached = end === undefined ? undefined : moments[end]!;
    const gone = end === undefined ? cut(from) : undefined;
    const broken = reached?.kind === 'unreached' || gone !== undefined;
    const fate = broken ? 'unreached' : 'request';
    arrows.push({ id: `${from}-shop`, to: 'shop', from, end: end ?? gone, fate });
    if (reached?.kind !== 'arrives') return;
    const back = find(call, ['delivered', 'lost', 'late'], end!) ?? cut(end!);
    const last = back === undefined ? undefined : moments[back]!.kind;
    const lost = last === 'lost' || last === 'reloaded';
    arrows.push({
      id: `${from}-page`,
      to: 'page',
      from: end!,
      end: back,
      fate: lost ? 'lost' : last === 'late' ? 'late' : answer(reached),
    });
  });
  return arrows;
}

function answer({ status, replayed }: Extract<Moment, { kind: 'arrives' }>): Arrow['fate'] {
  if (status >= 400) return 'refused';
  return replayed === 'true' ? 'replay' : 'made';
}
