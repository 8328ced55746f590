import test from 'ava';
import { BLOCK_TYPE, type BlockPlace, openBlock, sealBlock } from '../../../daemon/client/client-chk.ts';
import { KIND } from '../../../daemon/ids.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { BLOCK_BYTES, BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto();
const secret = new Uint8Array(32).fill(9);
const place: BlockPlace = { type: BLOCK_TYPE.data, segment: 3, index: 5 };

test('sealBlock: the layout is that of the formats, and the key its labelled hash', (t) => {
  const payload = Uint8Array.of(1, 2, 3);
  const { key, bytes } = sealBlock(crypto, secret, place, payload);
  t.is(bytes.length, BLOCK_BYTES);
  t.true(verifyBlock(crypto, { kind: KIND.chk, key }, bytes));
  t.deepEqual([...key], [...crypto.sha256('holloway chk', bytes)]);
  const info = Buffer.concat([Buffer.from('holloway block'), Buffer.from('00000000030005', 'hex')]);
  const plain = crypto.aeadKey(crypto.hkdf(secret, '', info, 32)).open(new Uint8Array(12), bytes, new Uint8Array(0))!;
  t.is(Buffer.from(plain.subarray(0, 16)).toString('hex'), '01000000000000030000000300050000');
  t.deepEqual([...plain.subarray(16, 20)], [1, 2, 3, 0]);
  t.true(plain.subarray(20).every((byte) => byte === 0));
});

test('openBlock: gives back what was sealed, at every size that fits', (t) => {
  for (const size of [0, 1, BLOCK_PAYLOAD_MAX]) {
    const payload = new Uint8Array(size).fill(7);
    const opened = openBlock(crypto, secret, place, sealBlock(crypto, secret, place, payload).bytes)!;
    t.is(opened.payloadBytes, size);
    t.is(opened.padded.length, BLOCK_PAYLOAD_MAX);
    t.deepEqual(opened.padded.subarray(0, size), payload);
  }
});

test('openBlock: another secret, place, type or codec, a changed bit or a cut block opens nothing', (t) => {
  const { bytes } = sealBlock(crypto, secret, place, Uint8Array.of(1));
  t.truthy(openBlock(crypto, secret, place, bytes));
  t.is(openBlock(crypto, new Uint8Array(32), place, bytes), undefined);
  t.is(openBlock(crypto, secret, { ...place, type: BLOCK_TYPE.manifest }, bytes), undefined);
  t.is(openBlock(crypto, secret, { ...place, segment: 4 }, bytes), undefined);
  t.is(openBlock(crypto, secret, { ...place, index: 6 }, bytes), undefined);
  t.is(openBlock(crypto, secret, place, bytes, 1), undefined);
  for (const at of [0, 20_000, BLOCK_BYTES - 1]) {
    const changed = bytes.slice();
    changed[at] = changed[at]! ^ 1;
    t.is(openBlock(crypto, secret, place, changed), undefined);
  }
  t.is(openBlock(crypto, secret, place, bytes.subarray(1)), undefined);
  t.is(openBlock(crypto, secret, place, new Uint8Array(0)), undefined);
});

test('openBlock: a sealed header that lies about its length, place, format, flags or reserved bytes is refused', (t) => {
  const header = Buffer.from('01000000000000010000000300050000', 'hex');
  const info = Buffer.concat([Buffer.from('holloway block'), Buffer.from('00000000030005', 'hex')]);
  const seal = (changed: Buffer): Uint8Array => {
    const plain = new Uint8Array(BLOCK_BYTES - 16);
    plain.set(changed);
    return crypto.aeadKey(crypto.hkdf(secret, '', info, 32)).seal(new Uint8Array(12), plain, new Uint8Array(0));
  };
  t.is(openBlock(crypto, secret, place, seal(header))?.payloadBytes, 1);
  for (const at of [0, 1, 2, 3, 4, 8, 11, 12, 13, 14, 15]) {
    const changed = Buffer.from(header);
    changed[at] = changed[at]! ^ 2;
    t.is(openBlock(crypto, secret, place, seal(changed)), undefined, `byte ${at}`);
  }
  const over = Buffer.from(header);
  over.writeUInt32BE(BLOCK_PAYLOAD_MAX + 1, 4);
  t.is(openBlock(crypto, secret, place, seal(over)), undefined);
});
