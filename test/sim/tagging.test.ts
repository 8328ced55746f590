/**
 * The tagging experiment in its short form, and that its detector is no blind one.
 * @module
 */
import test from 'ava';
import { createSeededRandom } from '../support/seeded-random.ts';
import { testCrypto } from '../support/test-crypto.ts';
import tagging from './experiments/tagging.ts';
import { CircuitModel, type Message } from './tagging/circuit-model.ts';
import { TAMPERINGS } from './tagging/tampering.ts';

const options = { runs: 1, nodes: undefined, peers: undefined, short: true, progress: () => {} };
const random = createSeededRandom('tagging test');
const messages = (): Message[] =>
  [1, 2, 3].map((requestId) => ({ requestId, data: random.bytes(50), size: 'small' as const }));

test('sim tagging: in its short form nothing is recognised and every tampered circuit dies', async (t) => {
  const result = await tagging.run({ ...options, seed: 1 });
  t.deepEqual(result.broken, []);
  for (const figure of result.figures) t.true(figure.reached, `${figure.what}: ${figure.measured}`);
  for (const name of Object.keys(TAMPERINGS)) t.true(result.faults[name]! > 10, name);
});

test('tagging model: what is not touched arrives whole, in both directions, at every segment', (t) => {
  for (const direction of ['forward', 'backward'] as const) {
    for (const segment of [0, 1, 2] as const) {
      const circuit = new CircuitModel(testCrypto('tagging'));
      const passage = circuit.carry(direction, messages(), segment, (cells) => cells);
      t.deepEqual(passage.delivered, [1, 2, 3]);
      t.is(passage.deadAt, undefined);
      t.is(passage.forged, 0);
    }
  }
});

test('tagging model: one changed bit is found by the very next hop forward, by the client backward', (t) => {
  const flip = (cells: Uint8Array[]): Uint8Array[] => {
    const cell = cells[1]!.slice();
    cell[500]! ^= 1;
    return [cells[0]!, cell, cells[2]!];
  };
  for (const segment of [0, 1, 2] as const) {
    const forward = new CircuitModel(testCrypto('a')).carry('forward', messages(), segment, flip);
    t.deepEqual([forward.deadAt, forward.delivered, forward.beyond.length], [segment, [1], 1]);
    const backward = new CircuitModel(testCrypto('b')).carry('backward', messages(), segment, flip);
    t.deepEqual([backward.deadAt, backward.delivered], [-1, [1]]);
  }
});
