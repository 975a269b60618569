import { readFileSync } from 'node:fs';
import type { Seen } from '@seiriken/client';

/** One line of vectors/retries.json, which says what its members mean. */
export interface Vector {
  name: string;
  resumed?: boolean;
  attempts: (Seen & { answer?: { location?: string } })[];
  then: 'retry' | 'definite' | 'unknown';
  atDeadline?: 'definite' | 'unknown' | 'definite-nothing-sent';
  status?: number;
}

/** The vectors that both clients keep to. */
export function vectors(): Vector[] {
  // From build/tests, where this runs.
  const file = new URL('../../../../vectors/retries.json', import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
  return vectors;
}

/** The outcome that a vector's `atDeadline` stands for. */
export function atDeadline(vector: Vector): 'definite' | 'not-sent' | 'unknown' {
  const { atDeadline } = vector;
  if (!atDeadline) throw new Error(`${vector.name}: a retry needs atDeadline`);
  return atDeadline === 'definite-nothing-sent' ? 'not-sent' : atDeadline;
}
