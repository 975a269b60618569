/** Draws what the page knows. Nothing is decided here, and nothing is remembered but the drawing. */

import { drawCurl } from './by-hand.js';
import { filledText, money, type Words } from './language.js';
import type { Wish } from './moments.js';
import { price, type Order } from './orders.js';
import type { Accident, SideName } from './round.js';
import { timeline } from './timeline.js';
import { drawVerdict, verdictText, type Verdict } from './verdict.js';
import type { Moments } from './visit.js';

export interface Shown {
  readonly words: Words;
  /** False until the buttons do something. */
  readonly ready: boolean;
  readonly busy: boolean;
  /** The latest round, also when it is over. */
  readonly accident: Accident;
  readonly wishes: readonly Wish[];
  readonly moments: Moments;
  readonly orders: Record<SideName, readonly Order[]>;
  /** What the big button would order. */
  readonly wish: Wish;
}

export const SIDES = ['left', 'right'] as const;

export const one = <E extends HTMLElement>(selector: string): E =>
  document.querySelector<E>(selector)!;

export function view(): { draw(shown: Shown): void } {
  const lines = { left: timeline(one('#left .line')), right: timeline(one('#right .line')) };
  return {
    draw(shown) {
      const { words, accident, moments, ready, busy } = shown;
      document.body.dataset['state'] = !ready ? 'loading' : busy ? 'busy' : 'idle';
      one('#why').textContent = words.accidents[accident].why;
      one('#why').hidden = accident === 'order';
      one('#order b').textContent = orderLabel(shown);
      for (const side of SIDES) {
        one(`#${side} h2`).textContent = words.accidents[accident][side];
        lines[side].draw(moments[side], words);
        drawVerdict(one(`#${side} .verdict`), verdict(shown, side), words);
      }
      // Not `disabled`: whoever has the focus there would lose it.
      for (const button of document.querySelectorAll('[data-accident] button')) {
        button.setAttribute('aria-disabled', String(busy));
      }
      drawCurl(one('#curl'), moments, words);
      say('#status', busy ? words.texts.wait : outcome(shown));
      say('#trouble', trouble(shown));
    },
  };
}

function orderLabel({ words, busy, accident, wish }: Shown): string {
  if (busy) return accident === 'order' ? words.texts.pressAgain : words.texts.wait;
  const cake = words.cakes[wish.sku as keyof Words['cakes']];
  return filledText(words.order, { qty: wish.qty, cake, money: money(price([wish])) });
}

function verdict({ wishes, orders, busy }: Shown, side: SideName): Verdict {
  return { wishes, orders: orders[side], over: !busy };
}

function outcome(shown: Shown): string {
  const { words, accident, wishes } = shown;
  if (wishes.length === 0) return '';
  return filledText(words.over, {
    leftTitle: words.accidents[accident].left,
    left: verdictText(verdict(shown, 'left'), words),
    rightTitle: words.accidents[accident].right,
    right: verdictText(verdict(shown, 'right'), words),
  });
}

/** What is wrong with the server that this page talks to, or with the way to it. */
function trouble({ words, moments }: Shown): string {
  const { stranger, refused, offline } = words.texts;
  const answers = [...moments.left, ...moments.right].filter(({ kind }) => kind === 'arrives');
  for (const answer of answers) {
    if (answer.kind !== 'arrives' || answer.status < 400) continue;
    if (answer.problem === 'identity-unknown') return stranger;
    // These two are part of the lesson.
    if (![409, 422].includes(answer.status)) return filledText(refused, { status: answer.status });
  }
  const unreached = SIDES.every((side) => moments[side].some(({ kind }) => kind === 'unreached'));
  return unreached && answers.length === 0 ? offline : '';
}

/** A live region is read out when its text changes, so the same text is not set twice. */
function say(selector: string, text: string): void {
  const region = one(selector);
  if (region.textContent !== text) region.textContent = text;
}
