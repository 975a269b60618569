import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A request as it arrived, to the byte. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  key: string;
  body: string;
}

/** What to do with a request: an answer, or one of the ways to have none. */
export type Play = { status: number; headers?: Record<string, string>; body?: string } | 'reset' | 'truncate' | 'hang';

/** A real server that plays what it is told. */
export interface Server {
  url: string;
  /** An address where nobody listens. */
  closed: string;
  received: Received[];
}

/** Starts one for a test. `play` decides on each request, counted from 0. */
export async function serve(t: Pick<TestContext, 'after'>, play: (request: Received, count: number) => Play | Promise<Play>): Promise<Server> {
  const received: Received[] = [];
  const server = createServer(async (message, reply) => {
    const request = await read(message);
    received.push(request);
    perform(await play(request, received.length - 1), message, reply);
  });
  const port = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}/orders`, closed: await closedAddress(), received };
}

/** An answer as Seiriken gives it. */
export function answer(status: number, marker?: string | null, body = '{}', more: Record<string, string> = {}): Play {
  const marked = marker == null ? {} : { 'Idempotent-Replayed': marker };
  return { status, headers: { 'Content-Type': 'application/json', ...marked, ...more }, body };
}

/** A refusal as Seiriken gives it. */
export function problem(status: number, name: string, members: object = {}, more: Record<string, string> = {}): Play {
  const body = JSON.stringify({ type: `/.well-known/idempotency#${name}`, title: name, status, ...members });
  return { status, headers: { 'Content-Type': 'application/problem+json', ...more }, body };
}

async function read(message: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const { method = '', url: path = '', headers } = message;
  return { method, path, headers, key: String(headers['idempotency-key']), body: Buffer.concat(chunks).toString() };
}

function perform(play: Play, message: IncomingMessage, reply: ServerResponse): void {
  if (play === 'hang') return;
  if (play === 'reset') return void message.socket.resetAndDestroy();
  if (play === 'truncate') {
    reply.writeHead(201, { 'Content-Length': 100, 'Idempotent-Replayed': 'false' });
    reply.write('{"order', () => message.socket.destroy());
    return;
  }
  const { status, headers = {}, body = '' } = play;
  const empty = [204, 205, 304].includes(status);
  reply.writeHead(status, headers).end(empty ? undefined : body);
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function closedAddress(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}/orders`;
}
