import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** The folder of the package, from build/tests. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const BYTES_MAX = 3_000;

const read = (path: string): string => readFileSync(new URL(path, `file://${PACKAGE}`), 'utf8');

function run(program: string, ...words: string[]): string {
  return execFileSync(program, words, { cwd: PACKAGE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('a page that bundles it grows by at most 3 kB', async (t) => {
  const bundle = await build({
    stdin: { contents: "export { createClient } from '@seiriken/client';", resolveDir: PACKAGE },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const bytes = gzipSync(bundle.outputFiles[0]!.contents, { level: 9 }).byteLength;
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= BYTES_MAX, `${bytes} bytes, minified and compressed`);
  assert.ok(bytes > 1_000, 'hardly the whole client');
});

test('the package holds what is built, its page and its licences, and nothing else', () => {
  const [packed] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--silent')) as [{ files: { path: string }[] }];
  const paths = packed.files.map(({ path }) => path);
  const modules = ['attempt', 'client', 'decide', 'index', 'key', 'pace', 'pending', 'types'];
  const built = modules.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]);
  const expected = ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json', ...built];
  assert.deepEqual(paths.sort(), expected.sort());
});

test('it needs no other package', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, unknown>;
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies']) assert.equal(manifest[kind], undefined);
});

test('its licences are those of the project', () => {
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) assert.equal(read(name), read(`../../${name}`), name);
});

test('the examples of its page have the right types', () => {
  const examples = [...read('README.md').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
  assert.ok(examples.length >= 3);
  mkdirSync(`${PACKAGE}build/examples`, { recursive: true });
  examples.forEach((code, i) => writeFileSync(`${PACKAGE}build/examples/${i}.ts`, code));
  const files = examples.map((_, i) => `build/examples/${i}.ts`);
  const options = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2022'];
  const tsc = fileURLToPath(new URL('../bin/tsc', import.meta.resolve('typescript')));
  try {
    run(process.execPath, tsc, '--noEmit', '--ignoreConfig', '--types', '', ...options, ...files);
  } catch (error) {
    assert.fail(String((error as { stdout: string }).stdout));
  }
});
