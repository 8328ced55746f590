/**
 * What one GiB of document costs its publisher and its reader, stage by stage, on one core: everything that the client does to bytes.
 *
 * Unit    MiB/s of document bytes and CPU-s/GiB, medians of rounds; the share is of the stages that a plain document goes through.
 * Why     `bench -- transfer` measures the whole way over ten daemons; here is what of it is the client's own, and which stage is worth work.
 *         Repair is measured apart: a fetch without loss has none.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createCrypto } from '../../crypto/engine.ts';
import { erasureEncode, erasureReconstruct } from '../../crypto/erasure.ts';
import { createSha256Stream } from '../../crypto/sha256-stream.ts';
import { openBlock, type SealedBlock, sealBlock } from '../../daemon/client/client-chk.ts';
import { placeOf } from '../../daemon/client/splitfile/fetch.ts';
import { KIND } from '../../daemon/ids.ts';
import { compress, decompress } from '../../daemon/io/zstd.ts';
import { verifyBlock } from '../../daemon/keys/verify.ts';
import { BLOCK_PAYLOAD_MAX, COMPRESSED_PIECE_BYTES, SEGMENT_DATA_BLOCKS_MAX } from '../../daemon/limits.ts';

const ROUNDS = 7;
const MIB = 1024 * 1024;
const SEGMENT_MIB = (SEGMENT_DATA_BLOCKS_MAX * BLOCK_PAYLOAD_MAX) / MIB;

interface Measured {
  readonly stage: string;
  readonly cpuS: number;
  readonly megabytes: number;
}

export async function run(): Promise<void> {
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => new Uint8Array(randomBytes(length)) });
  const secret = crypto.randomBytes(32);
  const data = Array.from({ length: SEGMENT_DATA_BLOCKS_MAX }, () => crypto.randomBytes(BLOCK_PAYLOAD_MAX));
  const checks = erasureEncode(data, data.length);
  const all = [...data, ...checks];
  const place = (index: number) => placeOf(0, index, data.length);
  const sealed: SealedBlock[] = all.map((payload, index) => sealBlock(crypto, secret, place(index), payload));

  print('publish, a segment of 128 + 128 blocks', [
    measure('whole-file hash', () => hashAll(data)),
    measure('check blocks', () => erasureEncode(data, data.length)),
    measure('seal and routing key', () =>
      all.map((payload, index) => sealBlock(crypto, secret, place(index), payload)),
    ),
  ]);
  print('fetch, nothing lost', [
    measure('verify by key', () =>
      sealed.slice(0, data.length).map(({ key, bytes }) => verifyBlock(crypto, { kind: KIND.chk, key }, bytes)),
    ),
    measure('open', () =>
      sealed.slice(0, data.length).map(({ bytes }, index) => openBlock(crypto, secret, place(index), bytes)),
    ),
    measure('whole-file hash', () => hashAll(data)),
  ]);
  print(
    'repair, data blocks lost',
    [10, 64, 128].map((lost) =>
      measure(`${lost} of 128`, () =>
        erasureReconstruct(
          all.map((block, index) => (index < lost ? undefined : block)),
          data.length,
        ),
      ),
    ),
    false,
  );
  const text = textOf(COMPRESSED_PIECE_BYTES);
  const frame = compress(text);
  print(
    `compression of text, to ${((100 * frame.length) / text.length).toFixed(0)} %`,
    [
      measure('compress', () => compress(text), COMPRESSED_PIECE_BYTES / MIB),
      measure('decompress', () => decompress(frame, text.length), COMPRESSED_PIECE_BYTES / MIB),
    ],
    false,
  );
}

function hashAll(blocks: readonly Uint8Array[]): Uint8Array {
  const hash = createSha256Stream();
  for (const block of blocks) hash.update(block);
  return hash.digest();
}

/** Words in an order that repeats nowhere for long. */
function textOf(length: number): Uint8Array {
  const words = 'the of and a node key block route hop near far store keep ask answer circuit relay ring lane'.split(
    ' ',
  );
  const draws = randomBytes(length);
  let text = '';
  for (let i = 0; text.length < length; i++) text += `${words[draws[i]! % words.length]} `;
  return new Uint8Array(Buffer.from(text.slice(0, length)));
}

function measure(stage: string, work: () => unknown, megabytes: number = SEGMENT_MIB): Measured {
  work(); // compiled and warm
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1e6);
  }
  times.sort((a, b) => a - b);
  return { stage, cpuS: times[ROUNDS >> 1]!, megabytes };
}

function print(title: string, rows: readonly Measured[], shares = true): void {
  const total = rows.reduce((sum, { cpuS }) => sum + cpuS, 0);
  console.log(`\n${title.padEnd(40)} MiB/s  CPU-s/GiB${shares ? '  share' : ''}`);
  for (const { stage, cpuS, megabytes } of rows) {
    const share = shares ? `  ${((100 * cpuS) / total).toFixed(0).padStart(4)} %` : '';
    console.log(
      `  ${stage.padEnd(38)} ${(megabytes / cpuS).toFixed(0).padStart(5)}  ${((cpuS / megabytes) * 1024).toFixed(2).padStart(9)}${share}`,
    );
  }
  if (!shares) return;
  const megabytes = rows[0]!.megabytes;
  console.log(
    `  ${'together'.padEnd(38)} ${(megabytes / total).toFixed(0).padStart(5)}  ${((total / megabytes) * 1024).toFixed(2).padStart(9)}`,
  );
}
