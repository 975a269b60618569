/**
 * The time line of one side: an ordered list that says what happens, and beside it the arrows
 * between page and shop. The list is the whole story, so the drawing is hidden from screen readers.
 */

import { arrowsOf } from './arrows.js';
import { drawing } from './drawing.js';
import { filled, filledText, money } from './language.js';
import { ticketsOf, type Moment, type Wish } from './moments.js';
import { price } from './orders.js';
import { told } from './telling.js';
import { ticket } from './ticket.js';
import type { Words } from './words.en.js';

export interface Timeline {
  draw(moments: readonly Moment[], words: Words): void;
}

export function timeline(frame: HTMLElement): Timeline {
  const list = frame.querySelector('ol')!;
  const arrows = drawing(frame.querySelector('svg')!, list);
  let shown: readonly Moment[] = [];
  let spoken: Words | undefined;

  const place = (): void => arrows.draw(arrowsOf(shown));
  new ResizeObserver(place).observe(frame);

  return {
    draw(moments, words) {
      // What is already there stays, so that nobody who reads it loses the place.
      const kept = words === spoken && moments.length >= shown.length ? shown.length : 0;
      for (const row of [...list.children].slice(kept)) row.remove();
      for (let at = kept; at < moments.length; at += 1) list.append(row(moments, at, words));
      [shown, spoken] = [[...moments], words];
      frame.classList.toggle('empty', moments.length === 0);
      place();
    },
  };
}

function row(moments: readonly Moment[], at: number, words: Words): HTMLLIElement {
  const { sentence, tone, key, wish, ...numbers } = told(moments, at);
  const item = document.createElement('li');
  item.dataset['sentence'] = sentence;
  item.className = tone;
  const text = document.createElement('span');
  text.append(
    ...filled(words.moments[sentence], {
      ...numbers,
      key: key && ticket(key, ticketsOf(moments)),
      order: wish && wishText(wish, words),
    }),
  );
  item.append(text);
  return item;
}

export function wishText({ sku, qty }: Wish, words: Words): string {
  const cake = words.cakes[sku as keyof Words['cakes']] ?? sku;
  return filledText(words.item, { qty, cake, money: money(price([{ sku, qty }])) });
}
