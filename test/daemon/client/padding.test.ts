/**
 * Size classes of class strong: what they are, that inserts fill them exactly, that decoys look and are served like blocks.
 * @module
 */
import test from 'ava';
import * as fc from 'fast-check';
import { shapeOf } from '../../../daemon/client/document-shape.ts';
import { decoyPlace, insertsOf, sealDecoy, sizeClassOf } from '../../../daemon/client/padding.ts';
import { parseUri } from '../../../daemon/client/uri.ts';
import { hexKey, KIND } from '../../../daemon/ids.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { BLOCK_BYTES, BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createFakeWorld, documentBytes, fetchBytes, isSame, publishBytes } from './fake-circuits.ts';

test('sizeClassOf: the smallest class that holds it; at most a quarter and one more; few classes', (t) => {
  t.deepEqual([1, 8, 9, 10, 11, 13, 14, 17, 18].map(sizeClassOf), [8, 8, 10, 10, 13, 13, 17, 17, 22]);
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 1_000_000 }), (inserts) => {
      const size = sizeClassOf(inserts);
      t.true(size >= inserts && size <= inserts * 1.25 + 1);
      t.is(sizeClassOf(size), size);
    }),
  );
  const classes = new Set(Array.from({ length: 30_000 }, (_, i) => sizeClassOf(i + 1)));
  t.true(classes.size <= 40, `${classes.size}`);
});

test('publish strong: the inserts that leave fill a class, for documents of many sizes; fast publishes no decoys', async (t) => {
  for (const blocks of [1, 2, 3, 7, 20, 129]) {
    const bytes = documentBytes(blocks * BLOCK_PAYLOAD_MAX - 5, blocks);
    const strong = createFakeWorld();
    const uri = await publishBytes(strong, bytes, { trafficClass: 'strong' });
    t.is(strong.inserts.length, sizeClassOf(strong.inserts.length), `${blocks} blocks`);
    t.true(isSame(await fetchBytes(strong, strong.client.fetch(uri, { trafficClass: 'strong' })), bytes));
    const fast = createFakeWorld();
    await publishBytes(fast, bytes);
    t.true(fast.inserts.length <= strong.inserts.length);
    if (blocks > 1) t.is(insertsOf(shapeOf(bytes.length), 8), fast.inserts.length);
  }
});

test('decoys: fetchable by whoever has the document, valid blocks to everybody, none like another', async (t) => {
  const world = createFakeWorld();
  const bytes = documentBytes(20 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world, bytes, { trafficClass: 'strong' });
  const parsed = parseUri(uri);
  if (parsed.type !== 'CHK') return t.fail();
  const crypto = testCrypto();
  const inserts = insertsOf(shapeOf(bytes.length), 8);
  const decoys = sizeClassOf(inserts) - inserts;
  t.true(decoys > 0);
  const keys = new Set<string>();
  for (let index = 0; index < decoys; index++) {
    const { key, bytes: block } = sealDecoy(crypto, parsed.cryptoKey, index);
    keys.add(hexKey(key));
    t.is(block.length, BLOCK_BYTES);
    t.true(verifyBlock(crypto, { kind: KIND.chk, key }, block));
    t.deepEqual(world.blocks.get(`${hexKey(key)}/0`), block);
  }
  t.is(keys.size, decoys);
});

test('decoyPlace: every index has a place of its own, where no document of any size has a block', (t) => {
  const seen = new Set([0, 1, 65_535, 65_536, 200_000].map((index) => JSON.stringify(decoyPlace(index))));
  t.is(seen.size, 5);
  t.deepEqual(decoyPlace(65_536), { type: 2, segment: 0xffff_fffe, index: 0 });
});
