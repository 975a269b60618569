/** What was just sent, as `curl` lines under the time lines. */

import { copy, curl, sent } from './curl.js';
import { filledText, type Words } from './language.js';
import { ticketsOf } from './moments.js';
import { ticket } from './ticket.js';
import type { Moments } from './visit.js';

export function drawCurl(list: HTMLElement, moments: Moments, words: Words): void {
  const rows = (['left', 'right'] as const).flatMap((side) => {
    const tickets = ticketsOf(moments[side]);
    return sent(moments[side]).map((request, index) => {
      const caption = document.createElement('span');
      caption.append(filledText(words.curlCaption[side], { n: index + 1 }), ' ');
      if (request.key) caption.append(ticket(request.key, tickets));
      const line = document.createElement('code');
      line.textContent = curl(request, location.origin);
      const row = document.createElement('li');
      row.append(caption, line);
      return row;
    });
  });
  list.replaceChildren(...rows);
}

export async function copyLines(list: HTMLElement): Promise<void> {
  const lines = [...list.querySelectorAll('code')].map((line) => line.textContent);
  await copy(`${lines.join('\n')}\n`);
}
