/** What was just sent, as `curl` lines under the time lines. */

import { copy, curl, sent } from './curl.js';
import { filledText, type Words } from './language.js';
import { ticketsOf } from './moments.js';
import { ticket } from './ticket.js';
import type { Moments } from './visit.js';

export function drawCurl(list: HTMLElement, moments: Moments, words: Words): void {
  const rows = (['left', 'right'] as const).flatMap((side) => {
    const tickets = ticketsOf(moments[side]);
    // As the time line counts them: asking for a key is not a request of its own there.
    let n = 0;
    return sent(moments[side]).map((request) => {
      if (request.key) n += 1;
      const pattern = words.curlCaption[request.key ? 'request' : 'asks'];
      const caption = document.createElement('span');
      caption.append(filledText(pattern, { side: words.curlCaption[side], n }), ' ');
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
