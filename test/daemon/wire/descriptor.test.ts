import test, { type ExecutionContext } from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { nodeId } from '../../../daemon/ids.ts';
import { DESCRIPTOR_BYTES_MAX } from '../../../daemon/limits.ts';
import { packArray } from '../../../daemon/wire/codec.ts';
import {
  checkStamp,
  type DescriptorFields,
  decodeDescriptor,
  deriveLocation,
  makeStamp,
  nodeIdOf,
  signDescriptor,
} from '../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto('descriptor');
const signKey = crypto.signKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const id = nodeIdOf(crypto, signKey.publicKey);
/** Found by makeStamp for this key: 20 zero bits. */
const STAMP = Uint8Array.from(Buffer.from('0000000000130ed2', 'hex'));
const NOW = 500_000;
const open = { nowHour: NOW, allowPrivateAddresses: false };
const devnet = { nowHour: NOW, allowPrivateAddresses: true };
const PUBLIC = { host: '9.9.9.9', port: 9_480 };
const PRIVATE = { host: '127.3.0.1', port: 9_480 };

function fields(changes: Partial<DescriptorFields> = {}): DescriptorFields {
  const addresses = changes.addresses ?? [PUBLIC];
  const binding = changes.binding ?? BINDING.prefix;
  const bindingIndex = changes.bindingIndex ?? 1;
  return {
    sequence: 3,
    linkKey: new Uint8Array(32).fill(1),
    onionKey: new Uint8Array(32).fill(2),
    nextOnionKey: new Uint8Array(32).fill(3),
    addresses,
    role: ROLE.full,
    location: deriveLocation(crypto, id, binding, addresses[0]!, bindingIndex),
    binding,
    bindingIndex,
    stamp: STAMP,
    version: 'holloway/0.1.0',
    issuedHour: NOW,
    ...changes,
  };
}

function refuses(t: ExecutionContext, bytes: Uint8Array, code: string, rules = open): void {
  t.throws(() => decodeDescriptor(crypto, bytes, rules), { instanceOf: ProtocolError, code });
}

/** An array of any fields, properly signed. */
function signed(values: readonly unknown[]): Uint8Array {
  const body = packArray(values);
  const signature = signKey.sign(Buffer.concat([Buffer.from('holloway descriptor 1'), body]));
  return Uint8Array.from(Buffer.concat([body, signature]));
}

function valuesOf(descriptor: Descriptor): unknown[] {
  const address = Uint8Array.of(9, 9, 9, 9, 0x25, 0x08);
  const location = new Uint8Array(8);
  new DataView(location.buffer).setBigUint64(0, BigInt(descriptor.location * 2 ** 52) << 12n);
  const { sequence, linkKey, onionKey, nextOnionKey, role, binding, bindingIndex, stamp, issuedHour } = descriptor;
  const version = Uint8Array.from(Buffer.from(descriptor.version));
  return [
    ...[1, signKey.publicKey, sequence, linkKey, onionKey, nextOnionKey, [address], role, location, binding],
    ...[bindingIndex, stamp, version, issuedHour],
  ];
}

test('decodeDescriptor(signDescriptor(x)) is x, for public and private addresses', (t) => {
  const given = signDescriptor(crypto, signKey, fields());
  t.deepEqual(decodeDescriptor(crypto, given.encoded, open), given);
  t.deepEqual(given.nodeId, id);
  t.true(given.encoded.length <= DESCRIPTOR_BYTES_MAX);
  const v6 = fields({ addresses: [{ host: '2606:4700::1111', port: 1 }, PUBLIC] });
  t.deepEqual(decodeDescriptor(crypto, signDescriptor(crypto, signKey, v6).encoded, open).addresses, v6.addresses);
  const own = fields({ addresses: [PRIVATE], binding: BINDING.nodeId, stamp: new Uint8Array(8) });
  const local = signDescriptor(crypto, signKey, own);
  t.deepEqual(decodeDescriptor(crypto, local.encoded, devnet), local);
  refuses(t, local.encoded, 'ERR_BINDING');
});

test('decodeDescriptor: every flipped byte and every truncation is refused', (t) => {
  const { encoded } = signDescriptor(crypto, signKey, fields());
  for (let at = 0; at < encoded.length; at++) {
    const changed = encoded.slice();
    changed[at]! ^= 1;
    t.throws(() => decodeDescriptor(crypto, changed, open), { instanceOf: ProtocolError });
    t.throws(() => decodeDescriptor(crypto, encoded.subarray(0, at), open), { instanceOf: ProtocolError });
  }
});

test("decodeDescriptor: the signature must be the identity key's, over this label", (t) => {
  const descriptor = signDescriptor(crypto, signKey, fields());
  const forged = descriptor.encoded.slice();
  const body = forged.subarray(0, forged.length - 64);
  forged.set(signKey.sign(body), body.length); // no label
  refuses(t, forged, 'ERR_SIGNATURE');
  t.deepEqual(signed(valuesOf(descriptor)), descriptor.encoded, 'the hand-made array is the real one');
});

test('decodeDescriptor: fields of a later version are kept in `encoded` and ignored', (t) => {
  const descriptor = signDescriptor(crypto, signKey, fields());
  const bytes = signed([...valuesOf(descriptor), 77, Uint8Array.of(1, 2), [5]]);
  const decoded = decodeDescriptor(crypto, bytes, open);
  t.deepEqual(decoded.encoded, bytes);
  t.deepEqual({ ...decoded, encoded: descriptor.encoded }, descriptor);
});

test('decodeDescriptor: 512 bytes at most', (t) => {
  const descriptor = signDescriptor(crypto, signKey, fields());
  const room = DESCRIPTOR_BYTES_MAX - descriptor.encoded.length - 2; // the added field's own header
  t.is(decodeDescriptor(crypto, signed([...valuesOf(descriptor), new Uint8Array(room)]), open).encoded.length, 512);
  refuses(t, signed([...valuesOf(descriptor), new Uint8Array(room + 1)]), 'ERR_MALFORMED');
});

test('decodeDescriptor: 72 hours and 6 of skew, at and over', (t) => {
  const { encoded } = signDescriptor(crypto, signKey, fields());
  for (const nowHour of [NOW - 6, NOW, NOW + 78]) {
    t.is(decodeDescriptor(crypto, encoded, { ...open, nowHour }).issuedHour, NOW);
  }
  for (const nowHour of [NOW - 7, NOW + 79]) refuses(t, encoded, 'ERR_EXPIRED', { ...open, nowHour });
});

test('decodeDescriptor: what an address, a location and an identity may claim', (t) => {
  const encode = (changes: Partial<DescriptorFields>): Uint8Array =>
    signDescriptor(crypto, signKey, fields(changes)).encoded;
  refuses(t, encode({ addresses: [PRIVATE] }), 'ERR_BINDING');
  refuses(t, encode({ addresses: [PUBLIC, PRIVATE] }), 'ERR_BINDING');
  refuses(t, encode({ binding: BINDING.nodeId }), 'ERR_BINDING');
  refuses(t, encode({ binding: BINDING.nodeId }), 'ERR_BINDING', devnet);
  refuses(t, encode({ stamp: new Uint8Array(8) }), 'ERR_BINDING');
  refuses(t, encode({ stamp: new Uint8Array(8) }), 'ERR_BINDING', devnet);
  refuses(t, encode({ addresses: [{ host: '224.0.0.1', port: 1 }] }), 'ERR_BINDING', devnet);
  const elsewhere = deriveLocation(crypto, id, BINDING.prefix, PUBLIC, 2);
  refuses(t, encode({ location: elsewhere, bindingIndex: 1 }), 'ERR_BINDING');
  t.is(decodeDescriptor(crypto, encode({ location: elsewhere, bindingIndex: 2 }), open).location, elsewhere);
});

test('decodeDescriptor: fields out of their bounds are ERR_MALFORMED although signed', (t) => {
  const values = valuesOf(signDescriptor(crypto, signKey, fields()));
  const change = (index: number, value: unknown): Uint8Array => signed(values.with(index, value));
  t.is(decodeDescriptor(crypto, signed(values), open).sequence, 3);
  for (const [index, value] of [
    [0, 2],
    [1, new Uint8Array(31)],
    [2, new Uint8Array(4)],
    [6, []],
    [6, [new Uint8Array(6), new Uint8Array(6), new Uint8Array(6)]],
    [6, [Uint8Array.of(9, 9, 9, 9, 0, 0)]],
    [6, [new Uint8Array(7)]],
    [7, 4],
    [8, new Uint8Array(8).fill(0xff)],
    [9, 3],
    [10, 4],
    [11, new Uint8Array(7)],
    [12, Uint8Array.of(0x1b, 0x5b)],
    [12, new Uint8Array(33).fill(0x61)],
  ] as [number, unknown][]) {
    refuses(t, change(index, value), 'ERR_MALFORMED');
  }
  refuses(t, signed(values.slice(0, -1)), 'ERR_MALFORMED');
});

test('signDescriptor throws RangeError for fields of ours that break their bounds', (t) => {
  t.throws(() => signDescriptor(crypto, signKey, fields({ version: 'tab\t' })), { instanceOf: RangeError });
  t.throws(() => signDescriptor(crypto, signKey, fields({ addresses: [{ host: 'example.org', port: 1 }] })), {
    instanceOf: RangeError,
  });
});

test('deriveLocation: the prefix gives the top 24 bits, the node id the rest', (t) => {
  const other = nodeId(crypto.sha256('other'));
  const top = (host: string, index: number, node = id): number =>
    Math.floor(deriveLocation(crypto, node, BINDING.prefix, { host, port: 1 }, index) * 2 ** 24);
  const low = (host: string, index: number, node = id): number =>
    (deriveLocation(crypto, node, BINDING.prefix, { host, port: 1 }, index) * 2 ** 52) % 2 ** 28;
  t.is(top('9.9.9.1', 0), top('9.9.9.200', 0));
  t.is(top('9.9.9.1', 0), top('9.9.9.1', 0, other));
  t.not(top('9.9.9.1', 0), top('9.9.8.1', 0));
  t.not(top('9.9.9.1', 0), top('9.9.9.1', 1));
  t.is(top('2606:4700:1::1', 0), top('2606:4700:2::2', 0));
  t.not(top('2606:4700::1', 0), top('2606:4701::1', 0));
  t.is(low('9.9.9.1', 0), low('1.2.3.4', 3));
  t.not(low('9.9.9.1', 0), low('9.9.9.1', 0, other));
  const alone = deriveLocation(crypto, id, BINDING.nodeId, PUBLIC, 0);
  t.is((alone * 2 ** 52) % 2 ** 28, low('9.9.9.1', 0));
  t.is(alone, deriveLocation(crypto, id, BINDING.nodeId, PRIVATE, 3));
});

test('makeStamp: finds what checkStamp accepts, for that key alone', (t) => {
  const stamp = makeStamp(crypto, signKey.publicKey, 8);
  t.true(checkStamp(crypto, signKey.publicKey, stamp, 8));
  t.false(checkStamp(crypto, signKey.publicKey, stamp));
  t.true(checkStamp(crypto, signKey.publicKey, STAMP));
  t.false(checkStamp(crypto, new Uint8Array(32), STAMP));
});
