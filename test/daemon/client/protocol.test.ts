/**
 * The document formats of PROTOCOL.md § 9: its examples decode to what its text says, and encode to the same bytes.
 * @module
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { FrameReader } from '../../../daemon/client/compression.ts';
import { dataBlocksOf, shapeOf } from '../../../daemon/client/document-shape.ts';
import { keywordBucket, keywordSecret, openKeyword } from '../../../daemon/client/keyword.ts';
import { decodeListing, encodeListing, type Listing } from '../../../daemon/client/listing.ts';
import { decodeTop, encodeManifest, type ManifestNode } from '../../../daemon/client/manifest.ts';
import {
  decodeTarget,
  encodeTarget,
  openRecord,
  ownSubspace,
  sealRecord,
} from '../../../daemon/client/signed-record.ts';
import { CODEC, parseUri, printUri } from '../../../daemon/client/uri.ts';
import { KIND, routingKey } from '../../../daemon/ids.ts';
import { createInlineCompute } from '../../../daemon/io/worker-compute.ts';
import { keywordWorkBits } from '../../../daemon/keys/node-keyword.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const text = readFileSync(new URL('../../../daemon/wire/PROTOCOL.md', import.meta.url), 'utf8');

function example(name: string): string {
  const found = [...text.matchAll(new RegExp(`\`\`\`${name}\\n([^\`]*)\`\`\``, 'g'))];
  if (found.length !== 1) throw new Error(`${found.length} examples of ${name}`);
  return found[0]![1]!.trim();
}

/** `a1*426` stands for the byte a1, 426 times. */
function bytesOf(name: string): Uint8Array {
  const parts = example(name)
    .split(/\s+/)
    .map((part) => part.replace(/^(..)\*(\d+)$/, (_, byte: string, count: string) => byte.repeat(Number(count))));
  return Uint8Array.from(Buffer.from(parts.join(''), 'hex'));
}

const key = (byte: number) => routingKey(new Uint8Array(32).fill(byte));

test('the manifest', (t) => {
  const node: ManifestNode = {
    level: 0,
    top: {
      sizeBytes: 1_000_000,
      sha256: new Uint8Array(32).fill(3),
      codec: CODEC.zstd,
      storedBytes: 10_000,
      isListing: false,
      contentType: 'text/plain',
      name: undefined,
    },
    segments: [{ dataCount: 1, keys: [key(0xa0), key(0xa1), key(0xa2), key(0xa3)] }],
    children: [],
  };
  t.deepEqual(decodeTop(bytesOf('manifest'), CODEC.zstd).node, node);
  t.deepEqual(encodeManifest(node), bytesOf('manifest'));
});

test('the data blocks of each segment', (t) => {
  for (const line of example('segments').split('\n')) {
    const [sizeBytes, ...wanted] = line.split(' ').map(Number);
    const shape = shapeOf(sizeBytes!);
    t.deepEqual(
      Array.from({ length: shape.segments }, (_, segment) => dataBlocksOf(shape, segment)),
      wanted,
    );
  }
});

test('compressed pieces', async (t) => {
  const frames = new FrameReader(createInlineCompute(), 40);
  frames.push(bytesOf('pieces'));
  t.deepEqual(await frames.next(), new Uint8Array(40).fill(0x41));
  t.true(frames.ended);
});

test('the URI', (t) => {
  const uri = parseUri(example('uri'));
  t.like(uri, {
    type: 'CHK',
    routingKey: key(1),
    cryptoKey: new Uint8Array(32).fill(2),
    keyType: 1,
    codec: CODEC.zstd,
  });
  t.is(printUri(uri), example('uri'));
});

test('the listing of a directory', (t) => {
  const listing: Listing = {
    documents: [{ routingKey: key(0xa0), cryptoKey: key(0xa1), keyType: 1, codec: CODEC.none, sizeBytes: 100 }],
    files: [
      { path: 'a', document: 0, offset: 5, sizeBytes: 3 },
      { path: 'b/c', document: 0, offset: 0, sizeBytes: 0 },
    ],
    defaultPath: 'b/c',
  };
  t.deepEqual(decodeListing(bytesOf('listing')), listing);
  t.deepEqual(encodeListing(listing), bytesOf('listing'));
});

for (const [named, kind, name, version] of [
  ['sskrecord', KIND.ssk, 'essay.txt', 0],
  ['pointerrecord', KIND.pointer, 'blog', 7],
] as const) {
  test(`the ${named}: opens, says where it leads, and is sealed to the same bytes`, (t) => {
    const crypto = testCrypto('protocol');
    const space = ownSubspace(crypto, key(1), key(2));
    const target = { routingKey: key(3), cryptoKey: key(4), keyType: 1, codec: CODEC.none } as const;
    const record = bytesOf(named);
    const opened = openRecord(crypto, kind, space, name, record)!;
    t.is(opened.version, version);
    t.deepEqual(decodeTarget(opened.content), { ...target });
    const sealed = sealRecord(crypto, kind, space, name, version, encodeTarget(target));
    t.deepEqual(sealed.bytes, record);
    t.true(verifyBlock(crypto, sealed.ref, record));
  });
}

test('the keyword record: verified by any node, opened by whoever knows the word', (t) => {
  const crypto = testCrypto('protocol');
  const bucket = keywordBucket(crypto, keywordSecret(crypto, 'bees'), 3);
  const record = bytesOf('keywordrecord');
  t.true(verifyBlock(crypto, bucket.ref, record));
  t.true(keywordWorkBits(crypto, record) >= 12);
  t.like(openKeyword(crypto, bucket, record), {
    sizeBytes: 70_000,
    contentType: 'text/plain',
    title: 'On bees',
    day: 20_000,
  });
});
