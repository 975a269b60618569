/** The real program, on a free port and with a store of its own. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const PROGRAM = join(TARGET, 'debug', process.platform === 'win32' ? 'seiriken.exe' : 'seiriken');

/** Starts it; `stop` ends it. Everything it logs is shown when a test needs it. */
export async function startService(...options) {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: cargo build -p seiriken-server`);
  const store = options.includes('--store') ? [] : ['--store', 'memory:'];
  const words = ['orders', '--listen', '127.0.0.1:0', ...store, ...options];
  const service = spawn(PROGRAM, words, { stdio: ['ignore', 'pipe', 'inherit'], env: { RUST_LOG: 'error' } });
  const ended = new Promise((resolve) => service.once('exit', resolve));
  const url = await new Promise((resolve, reject) => {
    let said = '';
    service.stdout.on('data', (chunk) => {
      said += chunk;
      const line = /listening on (\S+)\n/.exec(said);
      if (line) resolve(line[1]);
    });
    service.once('error', reject);
    service.once('exit', (status) => reject(new Error(`the service ended with ${status}`)));
  });
  return {
    url,
    port: new URL(url).port,
    /** The orders of one side of all visits, asked past the page. */
    async orders(side) {
      const answer = await fetch(`${url}/orders?limit=1000`);
      const { orders } = await answer.json();
      return orders.filter(({ userId }) => userId?.endsWith(`-${side}`));
    },
    async stop() {
      service.kill('SIGTERM');
      await ended;
    },
  };
}
