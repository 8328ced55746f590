import test from 'ava';
import { Documents, UNWATCHED_MS } from '../../../../daemon/api/gateway/documents.ts';
import { createFilter } from '../../../../daemon/api/gateway/filter/run.ts';
import {
  GATEWAY_DOCUMENTS_MAX,
  GATEWAY_FILTER_BYTES_MAX,
  GATEWAY_FILTER_WAITING_MAX,
  GATEWAY_KEPT_BYTES_MAX,
  GATEWAY_WHOLE_BYTES_MAX,
} from '../../../../daemon/limits.ts';
import { createLibrary, testKey } from '../../../support/gateway.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const never = new AbortController().signal;

function world() {
  const clock = createManualClock();
  const library = createLibrary(clock);
  return { clock, library, documents: new Documents({ client: library, clock, trafficClass: 'fast' }) };
}

test('Documents: one fetch for all who ask; kept for minutes, then gone', async (t) => {
  const { clock, library, documents } = world();
  library.shelf.set(testKey(1), { bytes: new Uint8Array(100_000).fill(7) });
  const held = documents.open(testKey(1));
  t.is(documents.open(testKey(1)), held);
  await held.until(100_000, never);
  t.is(held.slice(0, 100_000).length, 100_000);
  t.is(library.asked.length, 1);
  t.is(documents.keptBytes, 100_000);
  await clock.advance(300_000);
  t.is(documents.find(testKey(1)), held);
  await clock.advance(400_000);
  t.is(documents.find(testKey(1)), undefined);
  t.is(documents.keptBytes, 0);
});

test('Documents: a failure is told, and forgotten after seconds', async (t) => {
  const { clock, documents } = world();
  const held = documents.open(testKey(1));
  await t.throwsAsync(held.opened, { code: 'not_found' } as never);
  await t.throwsAsync(held.until(1, never), { code: 'not_found' } as never);
  t.is(documents.open(testKey(1)), held);
  await clock.advance(10_000);
  t.not(documents.open(testKey(1)), held);
  documents.close();
});

test('Documents: what nobody watches is stopped, what somebody watches goes on', async (t) => {
  const { clock, library, documents } = world();
  const gate = new Promise<void>(() => {});
  for (const number of [1, 2]) library.shelf.set(testKey(number), { bytes: new Uint8Array(9), metadataGate: gate });
  documents.open(testKey(1));
  const release = documents.open(testKey(2)).watch();
  await clock.advance(UNWATCHED_MS + 6_000);
  t.deepEqual(library.cancelled, ['0000000000000001']);
  release();
  await clock.advance(UNWATCHED_MS + 6_000);
  t.is(library.cancelled.length, 2);
});

test('Documents: at most so many, of which those in use stay', (t) => {
  const { library, documents } = world();
  const gate = new Promise<void>(() => {});
  for (let i = 0; i < GATEWAY_DOCUMENTS_MAX; i++) {
    library.shelf.set(testKey(i), { bytes: new Uint8Array(1), metadataGate: gate });
    documents.open(testKey(i)).watch();
  }
  t.throws(() => documents.open(testKey(1_000)), { code: 'busy' } as never);
  documents.close();
});

test('Documents: kept bytes have a cap; past it the oldest go, and what is in use makes the next one stream', async (t) => {
  const { library, documents } = world();
  const bytes = new Uint8Array(GATEWAY_WHOLE_BYTES_MAX);
  const fitting = GATEWAY_KEPT_BYTES_MAX / GATEWAY_WHOLE_BYTES_MAX;
  for (let i = 0; i <= fitting; i++) {
    library.shelf.set(testKey(i), { bytes });
    const held = documents.open(testKey(i));
    await held.until(1, never);
    await held.until(bytes.length, never);
    t.true(documents.keptBytes <= GATEWAY_KEPT_BYTES_MAX);
  }
  t.is(documents.find(testKey(0)), undefined, 'the oldest has gone');
  for (const held of documents.list()) held.watch();
  library.shelf.set(testKey(100), { bytes });
  const streamed = documents.open(testKey(100));
  await streamed.until(10, never);
  t.false(streamed.isWhole);
  let read = 0;
  for await (const part of streamed.read(0, 200_000, never)) read += part.length;
  t.is(read, 200_000);
  documents.close();
});

test('Documents: of a large folder only the list; of a large document the head', async (t) => {
  const { library, documents } = world();
  const half = new Uint8Array(GATEWAY_WHOLE_BYTES_MAX / 2 + 1);
  library.shelf.set(testKey(1), { files: { a: half, b: half } });
  const folder = documents.open(testKey(1));
  await folder.opened;
  t.true(folder.isListOnly);
  t.deepEqual(folder.span('b'), { offset: half.length, sizeBytes: half.length });
  t.is(folder.keptBytes, 0);
  t.deepEqual(library.cancelled, ['0000000000000001'], 'its transfer has ended');
  library.shelf.set(testKey(2), { bytes: new Uint8Array(GATEWAY_WHOLE_BYTES_MAX + 1) });
  const large = documents.open(testKey(2));
  await large.until(10, never);
  t.true(large.keptBytes < 5_000);
  t.true(library.bytesRead < 100_000);
  documents.close();
});

test('Filter: a thread of its own; too large and too many are refused', async (t) => {
  const filter = createFilter(createManualClock());
  const page = { rootPath: '/KSK@w', path: '/KSK@w/p', loadOthers: false };
  const job = { kind: 'html', charset: undefined, page } as const;
  t.regex((await filter.run({ ...job, bytes: Buffer.from('<p onclick=x>y') })).text, /<p>y<\/p>/);
  await t.throwsAsync(filter.run({ ...job, bytes: new Uint8Array(GATEWAY_FILTER_BYTES_MAX + 1) }), {
    code: 'unsafe_content',
  } as never);
  const many = Array.from({ length: GATEWAY_FILTER_WAITING_MAX + 1 }, () =>
    filter.run({ ...job, bytes: Buffer.from('x') }),
  );
  await t.throwsAsync(filter.run({ ...job, bytes: Buffer.from('x') }), { code: 'busy' } as never);
  t.is((await Promise.all(many)).length, GATEWAY_FILTER_WAITING_MAX + 1);
  await filter.close();
});

test('Filter: a page that takes too long ends its thread, and the next page is filtered', async (t) => {
  const clock = createManualClock();
  const filter = createFilter(clock);
  const page = { rootPath: '/KSK@w', path: '/KSK@w/p', loadOthers: false };
  const run = (text: string) => filter.run({ kind: 'html', charset: undefined, page, bytes: Buffer.from(text) });
  await run('<p>its thread has started');
  // Every <b> is opened again in each of the paragraphs: a third of a second of work, and the clock is faster.
  const slow = run('<b><p>'.repeat(20_000));
  const next = run('<p>next');
  await clock.advance(10_001);
  await t.throwsAsync(slow, { code: 'unsafe_content' } as never);
  t.regex((await next).text, /next/);
  await filter.close();
});
