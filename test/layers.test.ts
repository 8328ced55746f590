/**
 * Holds the import table of the architecture: a wrong arrow, an ambient clock or a sixth folder is a failing test.
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('..', import.meta.url));
const CODE_FOLDERS = ['crypto', 'config', 'daemon', 'tui', 'test'];
const BASE_FILES = ['daemon/ports.ts', 'daemon/ids.ts', 'daemon/errors.ts', 'daemon/limits.ts'];

/** Layer -> what it may import besides itself and (under daemon, and for tui) the base files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  crypto: [],
  config: [],
  'daemon/wire': ['crypto'],
  'daemon/keys': ['crypto'],
  'daemon/link': ['daemon/wire', 'crypto'],
  'daemon/topology': ['daemon/link', 'daemon/wire', 'crypto'],
  'daemon/store': ['daemon/keys', 'crypto'],
  'daemon/router': ['daemon/topology', 'daemon/store', 'daemon/keys', 'daemon/link', 'daemon/wire', 'crypto'],
  'daemon/onion': ['daemon/router', 'daemon/topology', 'daemon/link', 'daemon/wire', 'crypto'],
  'daemon/client': ['daemon/onion', 'daemon/keys', 'daemon/wire', 'crypto'],
  'daemon/node': [
    'daemon/client',
    'daemon/onion',
    'daemon/router',
    'daemon/store',
    'daemon/topology',
    'daemon/link',
    'daemon/keys',
    'daemon/wire',
    'crypto',
  ],
  'daemon/io': ['crypto'],
  'daemon/api': ['daemon/node', 'daemon/client', 'config'],
  'daemon/cli': ['daemon/api/schema', 'config', 'daemon/client', 'crypto', 'daemon/devnet', 'daemon/main', 'tui'],
  'daemon/devnet': ['daemon/api/schema', 'config'],
  'daemon/main': ['daemon/node', 'daemon/io', 'daemon/api', 'daemon/wire', 'crypto', 'config'],
  tui: ['daemon/api/schema', 'config'],
};
/** What speaks to a node from its surfaces sees these declarations of the layers below, and no code of theirs. */
const TYPES_ONLY_FOR_API = /^daemon\/(link|onion|router|store|topology|wire)\/[a-z]+-types\.ts$/;
const NODE_FILES = [
  'daemon/node.ts',
  'daemon/node-types.ts',
  'daemon/identity.ts',
  'daemon/invites.ts',
  'daemon/settings.ts',
];
const PURE = [
  'crypto',
  'daemon/wire',
  'daemon/keys',
  'daemon/link',
  'daemon/topology',
  'daemon/store',
  'daemon/router',
  'daemon/onion',
  'daemon/client',
  'daemon/node',
];
const AMBIENT =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bset(?:Timeout|Interval|Immediate)\(|\bMath\.random\b|['"]node:(?:net|fs|dgram|http|https|tls|os|child_process|worker_threads|timers)\b|\bprocess\.(?:env|hrtime|nextTick)\b|\bcrypto\.subtle\b/;

function filesBelow(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) found.push(...filesBelow(path));
    else if (/\.(ts|mjs)$/.test(name)) found.push(path);
  }
  return found;
}

function layerOf(path: string): string {
  if (NODE_FILES.includes(path)) return 'daemon/node';
  if (path === 'daemon/main.ts') return 'daemon/main';
  const [top, second] = path.split('/');
  return top === 'daemon' ? `daemon/${second}` : top!;
}

function importsOf(path: string): { target: string; typeOnly: boolean }[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found: { target: string; typeOnly: boolean }[] = [];
  for (const match of text.matchAll(
    /(?:^|\n)\s*(import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|new URL\(\s*'(\.[^']+)'/g,
  )) {
    const specifier = match[3] ?? match[4] ?? match[5];
    if (specifier?.startsWith('.'))
      found.push({ target: relative(root, resolve(root, dirname(path), specifier)), typeOnly: match[2] !== undefined });
  }
  return found;
}

function allowed(from: string, target: string, typeOnly: boolean): boolean {
  const layer = layerOf(from);
  if (BASE_FILES.includes(target)) return layer !== 'crypto' && layer !== 'config';
  const targetLayer = layerOf(target);
  if (targetLayer === layer) return true;
  if (layer === 'daemon/api' && typeOnly && TYPES_ONLY_FOR_API.test(target)) return true;
  const may = MAY_IMPORT[layer] ?? [];
  if (may.includes(targetLayer)) return true;
  return may.includes('daemon/api/schema') && /^daemon\/api\/schema[a-z-]*\.ts$/.test(target);
}

const sources = CODE_FOLDERS.filter((folder) => folder !== 'test').flatMap(filesBelow);

test('imports point one way', (t) => {
  t.true(sources.length > 50, 'the walk found the sources');
  const wrong: string[] = [];
  for (const path of sources) {
    if (BASE_FILES.includes(path)) continue;
    t.truthy(MAY_IMPORT[layerOf(path)], `${path} belongs to a layer of the table`);
    for (const { target, typeOnly } of importsOf(path)) {
      if (!allowed(path, target, typeOnly)) wrong.push(`${path} -> ${target}`);
    }
  }
  t.deepEqual(wrong, []);
});

test('base files import nothing of ours but each other and crypto types', (t) => {
  for (const path of BASE_FILES) {
    for (const { target } of importsOf(path))
      t.true(BASE_FILES.includes(target) || target === 'crypto/provider.ts', `${path} -> ${target}`);
  }
});

test('no ambient time, randomness, timers, sockets, files or environment in the core', (t) => {
  const found: string[] = [];
  for (const path of [...sources.filter((file) => PURE.includes(layerOf(file))), ...BASE_FILES]) {
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .forEach((line, index) => {
        if (!/^\s*(\*|\/\/|\/\*)/.test(line) && AMBIENT.test(line)) found.push(`${path}:${index + 1} ${line.trim()}`);
      });
  }
  t.deepEqual(found, []);
});

test('only io and main bring the core and the outside together', (t) => {
  for (const path of sources.filter((file) => layerOf(file) === 'daemon/io')) {
    for (const { target } of importsOf(path)) t.false(layerOf(target) === 'daemon/node', `${path} -> ${target}`);
  }
});

test('the top level has the five code folders and no sixth', (t) => {
  const folders = readdirSync(root).filter((name) => !name.startsWith('.') && statSync(join(root, name)).isDirectory());
  t.deepEqual(
    folders.filter((name) => !['node_modules', 'dist', 'coverage'].includes(name)).sort(),
    [...CODE_FOLDERS].sort(),
  );
});
