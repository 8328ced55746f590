/**
 * Documents at acceptance size: what is published comes back the same with a third of the network gone, a range asks for what it needs, what is
 * lost is healed, and a home tells nothing.
 *
 * Shape   round trips, range and home on ten real daemons; the losses, exact to the block, in the network of one Map that the tests of the
 *         client use, because no daemon offers to forget a block. DOCUMENTS_LOSSES_ONLY=1 ends after those.
 * Source  issue "Documents", Done 1, 2 and 4; ux § 2 "Resume".
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkBlocksFor, dataBlocksOf, shapeOf } from '../../daemon/client/document-shape.ts';
import { BLOCK_PAYLOAD_MAX } from '../../daemon/limits.ts';
import { chunked, createFakeWorld, type FakeWorld, PUBLISH } from '../daemon/client/fake-circuits.ts';
import { cli, type Devnet, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const MIB = 1024 * 1024;
const NODES = 10;
const SIZES = [0, 1, BLOCK_PAYLOAD_MAX - 1, BLOCK_PAYLOAD_MAX, BLOCK_PAYLOAD_MAX + 1, MIB, 100 * MIB];
const FOLDER_FILES = 2_000;
const RANGE_OF_BYTES = 200 * MIB;
const KILLED = [4, 6, 8];
/** Two segments' data blocks, the top block and a leaf of each. */
const RANGE_BLOCKS_MAX = 2 * 128 + 3;
/** Of 35 % of one large document, each of another. */
const DRAWS = 5;
const SECRET_NAME = 'a name nobody may read';

export async function run(seed: number): Promise<LongResult> {
  const lines: string[] = [];
  const random = createSeededRandom(seed);
  let held = await healing(random, lines);
  if (process.env.DOCUMENTS_LOSSES_ONLY === '1') return { held, lines };
  const devnet = await startDevnet(NODES);
  try {
    held = (await onDevnet(devnet, random, lines)) && held;
  } finally {
    await devnet.down();
  }
  return { held, lines };
}

async function onDevnet(
  devnet: Devnet,
  random: ReturnType<typeof createSeededRandom>,
  lines: string[],
): Promise<boolean> {
  let held = true;
  const check = (what: string, holds: boolean): void => {
    lines.push(`${holds ? 'held  ' : 'MISSED'} ${what}`);
    held &&= holds;
  };
  const documents: { readonly path: string; readonly uri: string; readonly what: string }[] = [];
  const publish = async (path: string, what: string): Promise<string> => {
    const result = await cli(['publish', path, '--home', devnet.home(1), '--progress', 'none']);
    if (result.code !== 0) throw new Error(`publish of ${what} ended with ${result.code}: ${result.stderr}`);
    lines.push(`       ${what} published in ${(result.tookMs / 1_000).toFixed(1)} s`);
    documents.push({ path, uri: result.stdout.trim(), what });
    return result.stdout.trim();
  };
  for (const size of SIZES) {
    const path = join(devnet.dir, `${SECRET_NAME} ${size}`);
    writeBytes(path, size, random);
    await publish(path, `${size} bytes`);
  }
  const folder = join(devnet.dir, 'folder');
  for (let i = 0; i < FOLDER_FILES; i++) {
    const below = join(folder, `${i % 20}`);
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `file ${i}.txt`), random.bytes(Math.floor(random.unit() * 2_000)));
  }
  await publish(folder, `a folder of ${FOLDER_FILES} files`);
  const large = join(devnet.dir, 'large');
  writeBytes(large, RANGE_OF_BYTES, random);
  const largeUri = await publish(large, `${RANGE_OF_BYTES} bytes`);
  documents.pop();

  const from = RANGE_OF_BYTES / 2 - 12_345;
  const part = join(devnet.dir, 'part');
  const ranged = await cli([
    'fetch',
    largeUri,
    '--range',
    `${from}-${from + MIB - 1}`,
    '-o',
    part,
    '--home',
    devnet.home(2),
    '--json',
    '--progress',
    'none',
  ]);
  const { blocksAsked = Number.POSITIVE_INFINITY } =
    ranged.code === 0 ? (JSON.parse(ranged.stdout) as { blocksAsked?: number }) : {};
  const isSame = ranged.code === 0 && readFileSync(part).equals(readFileSync(large).subarray(from, from + MIB));
  check(
    `1 MiB in the middle of ${RANGE_OF_BYTES} bytes asked for ${blocksAsked} blocks`,
    isSame && blocksAsked <= RANGE_BLOCKS_MAX,
  );

  devnet.kill(...KILLED);
  for (const { path, uri, what } of documents) {
    const out = join(devnet.dir, 'back', what);
    mkdirSync(join(devnet.dir, 'back'), { recursive: true });
    const result = await cli(['fetch', uri, '-o', out, '--home', devnet.home(2), '--progress', 'none']);
    const same = result.code === 0 && digestOf(out) === digestOf(path);
    check(`${what} back after ${KILLED.length} of ${NODES} were killed: ${(result.tookMs / 1_000).toFixed(1)} s`, same);
    if (result.code !== 0) lines.push(`       ${result.stderr.split('\n')[0]}`);
  }
  for (const i of [1, 2]) {
    const told = wordsIn(devnet.home(i), [SECRET_NAME, ...documents.flatMap(({ uri }) => uri.slice(4).split(','))]);
    check(
      `home ${i} holds no name and no part of a key in the clear${told === undefined ? '' : `: ${told}`}`,
      told === undefined,
    );
  }
  return held;
}

/** Losses of exact shares, in a network that keeps only what it was given. */
async function healing(random: ReturnType<typeof createSeededRandom>, lines: string[]): Promise<boolean> {
  let held = true;
  for (const [what, bytes, share, each] of [
    ['45 % of each segment', 20 * MIB, 0.45, true],
    ...Array.from({ length: DRAWS }, () => ['35 % of all', 100 * MIB, 0.35, false] as const),
  ] as const) {
    const world = createFakeWorld({ windowBlocks: 64 });
    const document = random.bytes(bytes);
    const published = await world.settled(world.client.publish(chunked(document), PUBLISH).result);
    if (published.status === 'rejected') throw published.reason;
    const order = [...new Set(world.inserts.map(({ key }) => key))];
    const single = order.filter((key) => !world.blocks.has(`${key}/1`));
    const lost = each
      ? segmentsOf(single, bytes).flatMap((segment) => pick(random, segment, share))
      : pick(random, single, share);
    for (const key of lost) world.blocks.delete(`${key}/0`);
    const first = await fetchOnce(world, published.value, document);
    const missing = lost.filter((key) => !world.blocks.has(`${key}/0`)).length;
    const before = world.fetches.length;
    const second = await fetchOnce(world, published.value, document);
    const asked = world.fetches.length - before;
    const missed = world.client.transfers().at(-1)!.blocksMissed;
    const holds = first === undefined && second === undefined && missed === 0;
    lines.push(
      `${holds ? 'held  ' : 'MISSED'} ${what} of ${bytes} bytes (${lost.length} blocks) lost: ${first ?? 'fetched'}, ${missing} not healed; ` +
        `the next fetch asked ${asked} times and missed ${missed}`,
    );
    held &&= holds;
  }
  return held;
}

/** What went wrong; undefined: the same bytes came back. */
async function fetchOnce(world: FakeWorld, uri: string, document: Uint8Array): Promise<string | undefined> {
  const hash = createHash('sha256');
  const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
  const read = async (): Promise<void> => {
    for await (const chunk of transfer.content) hash.update(chunk);
  };
  const outcome = await world.settled(read());
  await world.clock.advance(130_000); // as long as a finished fetch may still put back
  if (outcome.status === 'rejected') return String(outcome.reason);
  return hash.digest('hex') === createHash('sha256').update(document).digest('hex') ? undefined : 'other bytes';
}

/** Blocks of a segment leave together, in random order. */
function segmentsOf(keys: readonly string[], sizeBytes: number): string[][] {
  const shape = shapeOf(sizeBytes);
  let at = 0;
  return Array.from({ length: shape.segments }, (_, segment) => {
    const from = at;
    const dataBlocks = dataBlocksOf(shape, segment);
    at += dataBlocks + checkBlocksFor(dataBlocks);
    return keys.slice(from, at);
  });
}

function pick(random: ReturnType<typeof createSeededRandom>, keys: readonly string[], share: number): string[] {
  const left = [...keys];
  return Array.from({ length: Math.floor(keys.length * share) }, () => {
    return left.splice(Math.floor(random.unit() * left.length), 1)[0]!;
  });
}

function writeBytes(path: string, size: number, random: ReturnType<typeof createSeededRandom>): void {
  writeFileSync(path, '');
  for (let at = 0; at < size; at += 4 * MIB)
    writeFileSync(path, random.bytes(Math.min(4 * MIB, size - at)), { flag: 'a' });
}

/** Of a file its content, of a folder also every name in it. */
function digestOf(path: string): string {
  const hash = createHash('sha256');
  const add = (at: string, name: string): void => {
    hash.update(name);
    if (!statSync(at).isDirectory()) hash.update(readFileSync(at));
    else for (const inner of readdirSync(at).sort()) add(join(at, inner), `${name}/${inner}`);
  };
  add(path, '');
  return hash.digest('hex');
}

/** The file that holds one of the words as it is. */
function wordsIn(home: string, words: readonly string[]): string | undefined {
  for (const name of readdirSync(home, { recursive: true }) as string[]) {
    const path = join(home, name);
    if (words.some((word) => name.includes(word))) return name;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || /\.blocks$/.test(name)) continue; // ciphertext of the store, as large as the disk
    const content = readFileSync(path);
    if (words.some((word) => content.includes(word))) return name;
  }
  return undefined;
}
