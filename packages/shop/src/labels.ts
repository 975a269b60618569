/** The words that stand on the page whatever happens: each element says which ones are its own. */

import type { Language, Words } from './language.js';

export function label(words: Words, language: Language): void {
  document.documentElement.lang = language;
  document.title = words.texts.title;
  fill('say', words.texts);
  fill('cake', words.cakes);
  fill('weather', words.weathers);
  for (const button of document.querySelectorAll<HTMLElement>('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset['language'] === language));
  }
  for (const card of document.querySelectorAll<HTMLElement>('[data-accident]')) {
    const { name, why } = words.accidents[card.dataset['accident'] as keyof Words['accidents']];
    card.querySelector('h3')!.textContent = name;
    card.querySelector('p')!.textContent = why;
    card.querySelector('button')!.setAttribute('aria-label', `${words.texts.show}: ${name}`);
  }
}

/** Elements with `data-NAME="which"` get the text of that name. */
function fill(name: string, texts: Record<string, string>): void {
  for (const element of document.querySelectorAll<HTMLElement>(`[data-${name}]`)) {
    element.textContent = texts[element.dataset[name]!] ?? '';
  }
}
