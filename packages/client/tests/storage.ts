import type { KeyStorage } from '@seiriken/client';

/** A `sessionStorage`, and what a private window or a full disk makes of it. */
export class Storage implements KeyStorage {
  readonly entries = new Map<string, string>();

  constructor(readonly broken: Partial<Record<'getItem' | 'setItem' | 'removeItem' | 'key', boolean>> = {}) {}

  get length(): number {
    return this.entries.size;
  }

  getItem(name: string): string | null {
    this.#check('getItem');
    return this.entries.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    this.#check('setItem');
    this.entries.set(name, value);
  }

  removeItem(name: string): void {
    this.#check('removeItem');
    this.entries.delete(name);
  }

  key(index: number): string | null {
    this.#check('key');
    return [...this.entries.keys()][index] ?? null;
  }

  #check(verb: 'getItem' | 'setItem' | 'removeItem' | 'key'): void {
    if (this.broken[verb]) throw new DOMException(`${verb} is refused`, 'QuotaExceededError');
  }
}
