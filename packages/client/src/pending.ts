import type { KeyStorage, Pending } from './types.js';

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
  list(): Pending[];
}

const PREFIX = 'seiriken:';

/**
 * A storage may refuse at any time: full, switched off for private windows, or not there at all. This page's requests
 * are in memory as well, so that a key is at least the same until the page is closed.
 */
export function pendingRequests(given?: KeyStorage): PendingRequests {
  const storage = (): KeyStorage | undefined => given ?? globalThis.sessionStorage;
  // As text, like the storage. An empty text: gone, though the storage did not let go of it.
  const memory = new Map<string, string>();

  const read = (intent: string): Frozen | undefined =>
    tolerant(() => {
      const text = memory.get(intent) ?? tolerant(() => storage()?.getItem(PREFIX + intent));
      // What is not of our form is nobody's request.
      const request = JSON.parse(text!);
      return request.key && request;
    });

  return {
    read,
    write(intent, request) {
      const text = JSON.stringify(request);
      memory.set(intent, text);
      tolerant(() => storage()?.setItem(PREFIX + intent, text));
    },
    remove(intent) {
      memory.set(intent, '');
      tolerant(() => {
        storage()?.removeItem(PREFIX + intent);
        memory.delete(intent);
      });
    },
    list() {
      const intents = new Set(memory.keys());
      tolerant(() => {
        const { length = 0 } = storage() ?? {};
        for (let i = 0; i < length; i++) {
          const name = storage()?.key?.(i);
          if (name?.startsWith(PREFIX)) intents.add(name.slice(PREFIX.length));
        }
      });
      return [...intents].flatMap((intent) => {
        const request = read(intent);
        return request ? { intent, key: request.key, url: request.url, method: request.method } : [];
      });
    },
  };
}

function tolerant<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
