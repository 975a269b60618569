/**
 * What happens on one side, in the order it happens: the time line, the `curl` lines and the
 * verdict are all drawn from this list, and it survives a reload as JSON.
 */

/** What a visitor wants: one order. */
export interface Wish {
  readonly sku: string;
  readonly qty: number;
}

export type Moment =
  /** The visitor presses the button; `again` is set while the same order is still on its way. */
  | { readonly kind: 'press'; readonly wish: Wish; readonly again: boolean }
  /** A request leaves the page. `key` is absent when it asks the shop to make one. */
  | {
      readonly kind: 'leaves';
      readonly call: number;
      readonly path: string;
      readonly key?: string;
      readonly body?: string;
    }
  /** It reached the shop, which answers. */
  | {
      readonly kind: 'arrives';
      readonly call: number;
      readonly status: number;
      /** The marker `Idempotent-Replayed`: absent on a refusal at the gate. */
      readonly replayed?: string;
      /** What the type of the problem details ends in. */
      readonly problem?: string;
    }
  /** It did not get out: the shop is not running, or the browser went offline meanwhile. */
  | { readonly kind: 'unreached'; readonly call: number }
  /** The client has seen that the browser is offline, and did not even try. */
  | { readonly kind: 'offline' }
  /** The answer has reached the page. */
  | { readonly kind: 'delivered'; readonly call: number }
  /** The answer vanished on its way. */
  | { readonly kind: 'lost'; readonly call: number }
  /** The page stopped waiting for the answer. */
  | { readonly kind: 'impatient'; readonly call: number }
  /** The answer came when nobody was waiting for it any more. */
  | { readonly kind: 'late'; readonly call: number }
  /** The page waits before it sends again. */
  | { readonly kind: 'waits'; readonly ms: number }
  | { readonly kind: 'reloaded'; readonly remembers: boolean }
  /** `crypto.randomUUID` was called where it does not exist. */
  | { readonly kind: 'broken' }
  /** The client ended without knowing what became of the order. */
  | { readonly kind: 'unknown' };

export type Tell = (moment: Moment) => void;

/** The keys of a side in the order of their first use: the first is ticket A, the next B. */
export function ticketsOf(moments: readonly Moment[]): string[] {
  const keys = moments.flatMap((moment) => (moment.kind === 'leaves' ? (moment.key ?? []) : []));
  return [...new Set(keys)];
}
