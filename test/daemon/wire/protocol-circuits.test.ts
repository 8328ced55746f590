/**
 * The examples of PROTOCOL.md § 7, read by our code and by the naive decoder.
 * @module
 */
import type { KeyObject } from 'node:crypto';
import test from 'ava';
import { kemKeyPairFromSeed } from '../../../crypto/kem.ts';
import { answerCircuitRequest } from '../../../crypto/ntor.ts';
import { KIND } from '../../../daemon/ids.ts';
import { bodyOf, COMMAND, newCell, readCell } from '../../../daemon/onion/cell.ts';
import { createHop, openLast, peelLayer } from '../../../daemon/onion/hop.ts';
import {
  cellSizeFor,
  decodeExtend,
  decodeFetch,
  decodeFetchAnswer,
  decodeInsert,
  decodeInsertAnswer,
  isExtended,
  RELAY,
  type RelayMessage,
  readRelayMessage,
  writeRelayMessage,
} from '../../../daemon/onion/relay-message.ts';
import { circuitKeys } from '../../support/naive-decoder.ts';
import { ascending, blocks, bytesOf, linesOf, paragraphsOf } from '../../support/protocol-text.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto('protocol circuits');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('there is a cell of every command and size, and each is read', (t) => {
  const cells = linesOf(blocks('cell')[0]!);
  t.deepEqual(
    cells.map(([name, bytes]) => [name, readCell(bytes)?.command, readCell(bytes)?.size]),
    [
      ['create', COMMAND.create, 'small'],
      ['created', COMMAND.created, 'small'],
      ['relay', COMMAND.relay, 'small'],
      ['large', COMMAND.relay, 'large'],
      ['destroy', COMMAND.destroy, 'small'],
    ],
  );
  for (const [, bytes] of cells) t.is(readCell(bytes)!.circuitId, 0x8001_0203);
});

test('the CREATE example is answered by the relay it names, and the CREATED example gives the client those keys', (t) => {
  const { create, created, forward, backward } = paragraphsOf(blocks('circuit')[0]!);
  const privateKey = ascending(32, 0xa0);
  const onionKey = { publicKey: crypto.dhPublicKey(privateKey), privateKey };
  const answer = answerCircuitRequest(crypto, {
    nodeId: create!.slice(0, 32),
    onionKeys: [onionKey],
    data: create!,
  });
  t.like(answer, { position: 2, delay: 0, flags: 0 });

  const x = ascending(32, 0x80);
  const kem = kemKeyPairFromSeed(ascending(64, 0));
  const keys = circuitKeys(Buffer.from(create!), Buffer.from(created!), {
    x25519: new Map([[hex(crypto.dhPublicKey(x)), x]]),
    kem: new Map([[hex(kem.encapsulationKey), kem.decapsulationKey as KeyObject]]),
  });
  t.is(hex(keys.extra), '01020000000000000000000000000000');
  t.deepEqual(new Uint8Array(keys.forward), forward);
  t.deepEqual(new Uint8Array(keys.backward), backward);
});

test('the example of three layers is peeled by two relays and read by the third', (t) => {
  const cell = bytesOf(blocks('layers')[0]!);
  const hops = [0x10, 0x20, 0x30].map((start) =>
    createHop(crypto, { forward: ascending(32, start), backward: new Uint8Array(32) }),
  );
  const second = peelLayer(crypto, hops[0]!, 1, cell, 'small', 1)!;
  const third = peelLayer(crypto, hops[1]!, 2, second, 'small', 2)!;
  const message = readRelayMessage(openLast(hops[2]!, 3, third, 'small')!)!;
  t.is(message.type, RELAY.fetch);
  t.is(message.requestId, 7);
  t.deepEqual(decodeFetch(message.data), { ref: { kind: KIND.chk, key: ascending(32, 0xa0) }, replica: 2 } as never);
});

test('there is an example of every relay message, and each is read and written to the same bytes', (t) => {
  const lines = linesOf(blocks('relay')[0]!);
  t.deepEqual(
    lines.map(([name]) => name),
    Object.keys(RELAY),
  );
  const reads: Record<string, (message: RelayMessage) => unknown> = {
    padding: ({ data }) => data.length === 0 || undefined,
    extend: ({ data }) => decodeExtend(data),
    extended: (message) => isExtended(message) || undefined,
    fetch: ({ data }) => decodeFetch(data),
    insert: ({ data }) => decodeInsert(data),
    data: decodeFetchAnswer,
    inserted: decodeInsertAnswer,
    collision: decodeInsertAnswer,
    failed: decodeFetchAnswer,
  };
  for (const [name, bytes] of lines) {
    const message = readRelayMessage(bytes)!;
    t.is(message.type, RELAY[name as keyof typeof RELAY], name);
    t.is(message.data.length, bytes.length - 8, name);
    t.not(reads[name]!(message), undefined, name);
    const cell = newCell(cellSizeFor(message.data.length, 3)!, 1, COMMAND.relay);
    writeRelayMessage(cell, message.type, message.requestId, [message.data]);
    t.deepEqual(bodyOf(cell).slice(0, bytes.length), bytes, name);
  }
  t.deepEqual(decodeFetchAnswer(readRelayMessage(lines.at(-1)![1])!), {
    type: 'rejectedOverload',
    retryMs: 1_500,
    workBits: 12,
  });
});
