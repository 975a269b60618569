/** What was sent, as lines for a shell. */

import type { Moment } from './moments.js';

type Sent = Extract<Moment, { kind: 'leaves' }>;

/** Each request of a side, in the order they left. */
export function sent(moments: readonly Moment[]): Sent[] {
  return moments.filter((moment) => moment.kind === 'leaves');
}

export function curl({ path, key, body }: Sent, origin: string): string {
  const lines = [`curl -i${key === undefined ? ' -X POST' : ''} ${origin}${path}`];
  if (body !== undefined) lines.push(`-H ${quoted('Content-Type: application/json')}`);
  if (key !== undefined) lines.push(`-H ${quoted(`Idempotency-Key: ${key}`)}`);
  if (body !== undefined) lines.push(`-d ${quoted(body)}`);
  return lines.join(' \\\n  ');
}

/** For a POSIX shell, where nothing within single quotes means anything but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The clipboard is for secure pages; the older way works on the others. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
