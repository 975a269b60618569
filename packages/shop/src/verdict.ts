/** What there is in the end: the orders of one side, the money, and whether that is right. */

import { filledText, money, type Words } from './language.js';
import type { Wish } from './moments.js';
import { price, type Order } from './orders.js';
import { wishText } from './timeline.js';

export interface Verdict {
  readonly wishes: readonly Wish[];
  readonly orders: readonly Order[];
  readonly over: boolean;
}

export function drawVerdict(frame: HTMLElement, verdict: Verdict, words: Words): void {
  const { wishes, orders, over } = verdict;
  const right = orders.length === wishes.length;
  const tone = orders.length > wishes.length ? 'bad' : !over ? 'open' : right ? 'good' : 'bad';
  frame.dataset['tone'] = wishes.length === 0 ? 'open' : tone;
  frame.dataset['orders'] = String(orders.length);

  const sum = element('p', 'sum', sumText(orders, words));
  const judgement = element('p', 'judgement', judged(verdict, words));
  const receipts = document.createElement('ul');
  for (const order of orders) receipts.append(element('li', '', receipt(order, words)));
  frame.replaceChildren(sum, judgement, receipts);
}

/** For the ear, in one sentence. */
export function verdictText(verdict: Verdict, words: Words): string {
  const parts = { sum: sumText(verdict.orders, words), judgement: judged(verdict, words) };
  return filledText(words.verdict.spoken, parts);
}

function sumText(orders: readonly Order[], { verdict }: Words): string {
  const n = orders.length;
  const count = filledText(n === 1 ? verdict.count.one : verdict.count.other, { n });
  return `${count} · ${money(price(orders.flatMap((order) => order.items ?? [])))}`;
}

function judged({ wishes, orders, over }: Verdict, { verdict, texts }: Words): string {
  const [wanted, made] = [wishes.length, orders.length];
  if (wanted === 0) return texts.waiting;
  if (made > wanted && made === 2) return verdict.twice;
  if (made > wanted) return filledText(verdict.more, { n: made });
  if (!over) return verdict.pending;
  if (made === 0) return verdict.none;
  if (made < wanted) return verdict.missing;
  return wanted === 1 ? verdict.once : verdict.both;
}

function receipt({ orderId, items = [] }: Order, words: Words): string {
  const [wish] = items;
  const text = wish ? wishText(wish, words) : '';
  return filledText(words.verdict.receipt, { id: orderId.slice(-6), order: text });
}

function element(name: string, className: string, text: string): HTMLElement {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
