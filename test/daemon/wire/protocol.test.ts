/**
 * PROTOCOL.md is normative: every example in it is decoded here, from the very bytes printed there.
 * @module
 */
import test from 'ava';
import { createFlightKeys, decodeMasked } from '../../../daemon/link/flights.ts';
import { createResponder } from '../../../daemon/link/handshake.ts';
import { RecordReader, RecordWriter } from '../../../daemon/link/record.ts';
import { createReplayGuard } from '../../../daemon/link/replay.ts';
import type { Random } from '../../../daemon/ports.ts';
import { decodeMessage, encodeMessage } from '../../../daemon/wire/codec.ts';
import { decodeDescriptor } from '../../../daemon/wire/descriptor.ts';
import { FRAME, readFrames } from '../../../daemon/wire/framing.ts';
import { MESSAGES } from '../../../daemon/wire/messages.ts';
import { ascending, blocks, bytesOf, linesOf, protocolText } from '../../support/protocol-text.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto('protocol test');
const NOW_HOUR = 498_901;

const node = decodeDescriptor(crypto, bytesOf(blocks('descriptor')[0]!), {
  nowHour: NOW_HOUR,
  allowPrivateAddresses: false,
});
const nodeKey = ascending(32, 0x20);

test('every message of the table has one example, which decodes and encodes to the same bytes', (t) => {
  const sections = [...protocolText.matchAll(/### (\w+) (0x[0-9a-f]{2})\n([\s\S]*?)```message\n([\s\S]*?)```/g)];
  t.deepEqual(
    sections.map((section) => section[1]!),
    Object.keys(MESSAGES),
  );
  for (const [, name, number, fields, hex] of sections) {
    const bytes = bytesOf(hex!);
    const message = decodeMessage(bytes);
    t.is(message.type, name as typeof message.type);
    t.is(MESSAGES[message.type].number, Number(number));
    t.deepEqual(encodeMessage(message), bytes, name);
    const stated = [...fields!.matchAll(/- `(\w+)`/g)].map((match) => match[1]!);
    t.deepEqual(stated, Object.keys(MESSAGES[message.type].fields), `fields of ${name}`);
  }
});

test('the descriptor example holds under the rules of the open network', (t) => {
  t.deepEqual(node.identityKey, crypto.signKey(ascending(32, 0)).publicKey);
  t.deepEqual(node.linkKey, crypto.dhPublicKey(nodeKey));
  t.deepEqual(node.addresses, [{ host: '9.9.9.9', port: 9_480 }]);
  t.true(protocolText.includes(`nodeId \`${Buffer.from(node.nodeId).toString('hex')}\``));
});

test('the mask and MAC example', (t) => {
  const example = Object.fromEntries(linesOf(blocks('mask')[0]!));
  const nonce = ascending(16, 0x80);
  const keys = createFlightKeys(crypto, node.nodeId, nonce);
  const masked = keys.mask('holloway mask i', example.plain!);
  t.deepEqual(masked, example.masked);
  t.deepEqual(keys.mac(masked), example.mac);
  t.deepEqual(decodeMasked(example.plain!), { ephemeral: ascending(32, 0xa0), padLength: 300, word: 1 });
});

test('the flight 1 example is answered by the node it was made for, and by no other', (t) => {
  const flight = bytesOf(blocks('flight')[0]!);
  const random: Random = createSeededRandom('protocol test');
  const respond = (linkKey: Uint8Array) =>
    createResponder({
      crypto,
      random,
      ownNodeId: node.nodeId,
      linkKeys: [{ privateKey: linkKey, publicKey: crypto.dhPublicKey(linkKey) }],
      replay: createReplayGuard(undefined, { write: () => {} }),
      decodeDescriptor: () => node,
    }).push(flight);
  const step = respond(nodeKey);
  t.is(step.type, 'send');
  t.true(step.type === 'send' && step.bytes.length >= 1_188 && step.bytes.length <= 1_188 + 1_024);
  t.is(respond(ascending(32, 1)).type, 'failed');
});

test('the record example seals and opens to those bytes, across a rekey', (t) => {
  const lines = linesOf(blocks('record')[0]!);
  const [key, frames1, sealed1, nextKey, frames2, sealed2] = lines.map(([, bytes]) => bytes);
  const writer = new RecordWriter(crypto, key!);
  const seal = (frames: Uint8Array, rekey: boolean): Uint8Array => {
    const record = new Uint8Array(34 + frames.length);
    record.set(frames, 18);
    writer.seal(record, frames.length, rekey);
    return record;
  };
  t.deepEqual(seal(frames1!, true), sealed1!);
  t.deepEqual(seal(frames2!, false), sealed2!);
  t.deepEqual(crypto.hkdf(key!, 'holloway link', 'rekey', 32), nextKey!);
  const reader = new RecordReader(crypto, key!);
  const opened: Uint8Array[] = [];
  reader.push(Uint8Array.of(...sealed1!, ...sealed2!), (plaintext) => {
    opened.push(plaintext);
    if (opened.length === 1) reader.rekey();
    return true;
  });
  t.deepEqual(opened, [frames1!, frames2!]);
});

test('there is an example of every frame, and each is read', (t) => {
  const lines = linesOf(blocks('frame')[0]!);
  t.deepEqual(
    lines.map(([name]) => name),
    Object.keys(FRAME),
  );
  for (const [name, bytes] of lines) {
    const seen: number[] = [];
    readFrames(bytes, (type, body) => {
      seen.push(type, body.length);
      return true;
    });
    t.deepEqual(seen, [FRAME[name as keyof typeof FRAME], bytes.length - 3]);
  }
});
