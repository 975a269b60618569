/** English or Japanese: which one, and how a sentence is filled in. */

import { en, type Words } from './words.en.js';
import { ja } from './words.ja.js';

export type { Words };
export const LANGUAGES = { en, ja } satisfies Record<string, Words>;
export type Language = keyof typeof LANGUAGES;

const REMEMBERED = 'language';

/** The one that was chosen here before, else the first that the browser asks for and we speak. */
export function preferred(): Language {
  const wanted = [remembered(), ...navigator.languages.map((tag) => tag.split('-')[0])];
  return wanted.find((tag): tag is Language => tag === 'en' || tag === 'ja') ?? 'en';
}

/** A browser may refuse to remember anything. */
function remembered(): string | null {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

export function remember(language: Language): void {
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // Then it is asked again next time.
  }
}

type Value = string | number | Node | undefined;

/** A sentence as nodes: `{name}` is replaced by its value, which may be an element. */
export function filled(pattern: string, values: Record<string, Value>): (string | Node)[] {
  return pattern.split(/\{(\w+)\}/).map((part, index) => {
    if (index % 2 === 0) return part;
    const value = values[part] ?? '';
    return value instanceof Node ? value : String(value);
  });
}

export function filledText(pattern: string, values: Record<string, string | number>): string {
  return filled(pattern, values).join('');
}

/** Yen have no smaller unit. */
export function money(yen: number): string {
  return `¥${yen.toLocaleString('en')}`;
}
