/** What this page remembers of a visit, so that a reload in the middle of a round finds it again. */

import type { Moment } from './moments.js';
import type { Plan, SideName } from './round.js';

export type Moments = Record<SideName, Moment[]>;

export interface Visit {
  /** The newest order when it began. */
  since?: string;
  /** The round that goes on. */
  running?: { readonly plan: Plan; readonly moments: Moments };
}

const STORED = 'visit';

export function currentVisit(): Visit {
  try {
    return (JSON.parse(sessionStorage.getItem(STORED) ?? 'null') as Visit | null) ?? {};
  } catch {
    return {};
  }
}

/**
 * Names a round to the shop, whose orders are everybody's. Not counted: a tab that is duplicated
 * would count on from the same number.
 */
export function newName(): string {
  const random = crypto.getRandomValues(new Uint8Array(4));
  return `visit-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export function keepVisit(visit: Visit): void {
  try {
    sessionStorage.setItem(STORED, JSON.stringify(visit));
  } catch {
    // A browser may refuse to store anything: then a reload forgets the drawing.
  }
}
