/** The orders that exist, as the shop itself lists them. */

import type { Wish } from './moments.js';

export interface Order {
  readonly orderId: string;
  readonly userId?: string;
  readonly items?: readonly Wish[];
}

interface List {
  readonly orders: readonly Order[];
  readonly next: string | null;
}

const PAGE = 200;

/** The newest order of all, which marks where a visit begins. */
export async function newestOrder(): Promise<string | undefined> {
  const { orders } = await list('limit=1');
  return orders[0]?.orderId;
}

/** What `user` has ordered after `since`, oldest first. The list is everybody's, newest first. */
export async function ordersOf(user: string, since: string | undefined): Promise<Order[]> {
  const own: Order[] = [];
  let after = '';
  for (;;) {
    const { orders, next } = await list(`limit=${PAGE}${after}`);
    const end = orders.findIndex((order) => order.orderId === since);
    const visit = end < 0 ? orders : orders.slice(0, end);
    own.unshift(...visit.filter((order) => order.userId === user).reverse());
    if (end >= 0 || !next) return own;
    after = `&after=${next}`;
  }
}

async function list(query: string): Promise<List> {
  const answer = await fetch(`/orders?${query}`);
  if (!answer.ok) throw new Error(`GET /orders: ${answer.status}`);
  return (await answer.json()) as List;
}

/** In yen, by the piece. */
export const PRICES: Record<string, number> = { 'cake-001': 480, 'cake-002': 450, 'cake-003': 520 };

export function price(wishes: readonly Wish[]): number {
  return wishes.reduce((sum, { sku, qty }) => sum + (PRICES[sku] ?? 0) * qty, 0);
}
