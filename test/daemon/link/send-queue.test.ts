import test from 'ava';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, RECORD_PLAINTEXT_MAX } from '../../../daemon/limits.ts';
import { SendQueue } from '../../../daemon/link/send-queue.ts';
import { FRAME } from '../../../daemon/wire/framing.ts';

const NAMES = Object.fromEntries(Object.entries(FRAME).map(([name, type]) => [type, name]));

function fill(
  queue: SendQueue,
  counts: { messages?: number; messageBytes?: number; small?: number; large?: number },
): void {
  for (let i = 0; i < (counts.messages ?? 0); i++) queue.pushMessage(new Uint8Array(counts.messageBytes ?? 20));
  for (let i = 0; i < (counts.small ?? 0); i++) queue.pushCell(new Uint8Array(CELL_SMALL_BYTES));
  for (let i = 0; i < (counts.large ?? 0); i++) queue.pushCell(new Uint8Array(CELL_LARGE_BYTES));
}

function counted(queue: SendQueue, reserved = 0): Record<string, number> {
  const { frames, bytes } = queue.take(reserved);
  const counts: Record<string, number> = {};
  for (const { type } of frames) counts[NAMES[type]!] = (counts[NAMES[type]!] ?? 0) + 1;
  const sum = frames.reduce((total, { body }) => total + body.length + 3, 0);
  if (sum !== bytes || bytes > RECORD_PLAINTEXT_MAX - reserved) throw new Error('a record that does not add up');
  return counts;
}

test('take: 31 small cells fill a record, or a large one with 14 small ones', (t) => {
  const queue = new SendQueue();
  fill(queue, { small: 40 });
  t.deepEqual(counted(queue), { smallCell: 31 });
  t.deepEqual(counted(queue), { smallCell: 9 });
  t.true(queue.isEmpty);
  fill(queue, { small: 14, large: 1 });
  t.deepEqual(counted(queue), { smallCell: 14, largeCell: 1 });
});

test('take: no cell passes another, whatever their sizes: one nonce counter runs through both', (t) => {
  const queue = new SendQueue();
  const sizes = Array.from({ length: 60 }, (_, i) => (i % 4 === 1 ? CELL_LARGE_BYTES : CELL_SMALL_BYTES));
  sizes.forEach((size, i) => {
    queue.pushCell(new Uint8Array(size).fill(i));
    if (i % 3 === 0) queue.pushMessage(new Uint8Array(32_800));
  });
  const seen: number[] = [];
  while (!queue.isEmpty)
    for (const { type, body } of queue.take(0).frames) if (type !== FRAME.message) seen.push(body[0]!);
  t.deepEqual(seen, [...sizes.keys()]);
});

test('take: a flood of messages and a flood of cells both move in every two records', (t) => {
  const queue = new SendQueue();
  fill(queue, { messages: 40, messageBytes: 32_800, large: 40 });
  for (let i = 0; i < 10; i++) {
    const first = counted(queue);
    const second = counted(queue);
    t.true((first.message ?? 0) + (second.message ?? 0) >= 1);
    t.true((first.largeCell ?? 0) + (second.largeCell ?? 0) >= 1);
  }
});

test('take: messages and small cells take turns; a long message waits one record at most', (t) => {
  const queue = new SendQueue();
  fill(queue, { small: 200, messages: 3, messageBytes: 32_800 });
  const first = counted(queue);
  t.true((first.message ?? 0) === 1 && first.smallCell! >= 14);
  for (let i = 0; i < 10 && !queue.isEmpty; i++) {
    fill(queue, { small: 40, large: 1 });
    counted(queue);
  }
  t.deepEqual(
    queue.take(0).frames.filter(({ type }) => type === FRAME.message),
    [],
    'all three left although cells kept coming',
  );
});

test('take: order within a kind is kept, bytes are counted, reserved room stays free', (t) => {
  const queue = new SendQueue();
  for (let i = 0; i < 50; i++) queue.pushCell(new Uint8Array(CELL_SMALL_BYTES).fill(i));
  t.is(queue.bytes, 50 * (CELL_SMALL_BYTES + 3));
  const seen = [...queue.take(3_000).frames, ...queue.take(0).frames].map(({ body }) => body[0]);
  t.deepEqual(
    seen,
    Array.from({ length: 50 }, (_, i) => i),
  );
  t.is(queue.bytes, 0);
  fill(queue, { large: 2, messages: 1 });
  queue.clear();
  t.true(queue.isEmpty);
  t.deepEqual(counted(queue), {});
});
