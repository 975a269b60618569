/**
 * Builds the shop page: one HTML file that loads nothing, and the Content-Security-Policy that
 * allows what is in it and nothing else. Both are committed and compiled into the program, so that
 * building it needs no Node. `--check` builds and compares instead: the committed page is this one.
 */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const BYTES_MAX = 60_000;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PAGE = here('../../crates/seiriken-server/src/orders/page.html');
const POLICY = here('../../crates/seiriken-server/src/orders/page.policy');

const source = (name) => readFileSync(here(`src/${name}`), 'utf8');

async function script() {
  const { outputFiles } = await build({
    entryPoints: [here('src/main.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
  });
  const { text } = outputFiles[0];
  if (/<\/script|<!--/i.test(text)) throw new Error('the script would end its own element');
  return text.trim();
}

async function style() {
  const { code } = await transform(source('style.css'), { loader: 'css', minify: true, charset: 'utf8', target: 'es2022' });
  return code.trim();
}

/** What a browser hashes is what stands between the tags, to the byte. */
function hash(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const parts = { script: await script(), style: await style() };
const page = source('page.html')
  .replace(/>\s*\n\s*</g, '><')
  .replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
const policy = [
  "default-src 'none'",
  `script-src ${hash(parts.script)}`,
  `style-src ${hash(parts.style)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const bytes = Buffer.byteLength(page);
if (bytes > BYTES_MAX) throw new Error(`the page has ${bytes} bytes, more than ${BYTES_MAX}`);

if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== page || readFileSync(POLICY, 'utf8') !== policy) {
    console.error('The committed shop page is stale. Make it anew: npm --prefix packages run build --workspace shop');
    process.exit(1);
  }
  console.log(`the shop page is up to date (${bytes} bytes)`);
} else {
  writeFileSync(PAGE, page);
  writeFileSync(POLICY, policy);
  console.log(`the shop page has ${bytes} bytes`);
}
