/** What this page remembers of a visit, so that a reload in the middle of a round finds it again. */

import type { Moment } from './moments.js';
import type { Plan, SideName } from './round.js';

export type Moments = Record<SideName, Moment[]>;

export interface Visit {
  /** Names this visit to the shop: orders are everybody's. */
  readonly name: string;
  /** The newest order when it began. */
  since?: string;
  rounds: number;
  /** The round that goes on. */
  running?: { readonly plan: Plan; readonly moments: Moments };
}

const STORED = 'visit';

export function currentVisit(): Visit {
  const stored = read();
  if (stored) return stored;
  const random = crypto.getRandomValues(new Uint8Array(3));
  const name = `visit-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  return { name, rounds: 0 };
}

function read(): Visit | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

export function keepVisit(visit: Visit): void {
  try {
    sessionStorage.setItem(STORED, JSON.stringify(visit));
  } catch {
    // A browser may refuse to store anything: then a reload forgets the drawing.
  }
}
