import type { KeyStorage } from './types.js';

/** A request, frozen before its first attempt: every retry has the same key and the same bytes. */
export interface Frozen {
  key: string;
  url: string;
  method: string;
  headers: [string, string][];
  body?: string | undefined;
  /** When it was made, by the clock of this machine, in ms. */
  at: number;
}

/** The requests without a definite answer, by intent. */
export interface PendingRequests {
  read(intent: string): Frozen | undefined;
  write(intent: string, request: Frozen): void;
  remove(intent: string): void;
  intents(): string[];
}

const PREFIX = 'seiriken:';

/**
 * A storage may refuse at any time: full, switched off for private windows, or not there at all. What it does not
 * take stays in memory, so that the key is at least the same until the page is closed.
 */
export function pendingRequests(given?: KeyStorage): PendingRequests {
  const storage = (): KeyStorage => given ?? globalThis.sessionStorage;
  // What the storage did not do. An empty text: it could not remove this one.
  const memory = new Map<string, string>();
  // Of this page. A storage need not be able to list what it holds.
  const own = new Set<string>();

  const read = (intent: string): Frozen | undefined =>
    attempt(() => {
      const text = memory.get(intent) ?? attempt(() => storage().getItem(PREFIX + intent));
      const request = JSON.parse(text || 'null') as Frozen | null;
      return request?.key ? request : undefined;
    });

  return {
    read,
    write(intent, request) {
      const text = JSON.stringify(request);
      own.add(intent);
      memory.set(intent, text);
      attempt(() => {
        storage().setItem(PREFIX + intent, text);
        // Some storages of private windows forget without a word.
        if (storage().getItem(PREFIX + intent) === text) memory.delete(intent);
      });
    },
    remove(intent) {
      own.delete(intent);
      memory.set(intent, '');
      attempt(() => {
        storage().removeItem(PREFIX + intent);
        memory.delete(intent);
      });
      // Where there is no storage at all, nothing can come back.
      if (!attempt(storage)) memory.delete(intent);
    },
    intents() {
      const intents = new Set(own);
      attempt(() => {
        for (let i = 0; i < (storage().length ?? 0); i++) {
          const name = storage().key?.(i);
          if (name?.startsWith(PREFIX)) intents.add(name.slice(PREFIX.length));
        }
      });
      return [...intents].filter(read);
    },
  };
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
