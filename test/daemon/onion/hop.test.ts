/**
 * Layers: lengths, both directions, both sizes, and what a changed byte does.
 * @module
 */
import test from 'ava';
import { bodyOf, COMMAND, newCell } from '../../../daemon/onion/cell.ts';
import {
  addLayer,
  createHop,
  type Hop,
  openAllLayers,
  openLast,
  peelLayer,
  plaintextBytes,
  sealAllLayers,
  sealLast,
} from '../../../daemon/onion/hop.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto('hops');

function hopPairs(count: number): { client: Hop[]; relays: Hop[] } {
  const keys = Array.from({ length: count }, () => ({
    forward: crypto.randomBytes(32).slice(),
    backward: crypto.randomBytes(32).slice(),
  }));
  const copy = (i: number) => ({ forward: keys[i]!.forward.slice(), backward: keys[i]!.backward.slice() });
  return {
    client: keys.map((_, i) => createHop(crypto, copy(i))),
    relays: keys.map((_, i) => createHop(crypto, copy(i))),
  };
}

/** Client to the last of the relays; gives what the last one reads. */
function carryForward(relays: readonly Hop[], cell: Uint8Array, size: 'small' | 'large'): Uint8Array | undefined {
  let moving: Uint8Array | undefined = cell;
  for (let p = 1; p < relays.length && moving !== undefined; p++)
    moving = peelLayer(crypto, relays[p - 1]!, p, moving, size, 99);
  return moving === undefined ? undefined : openLast(relays.at(-1)!, relays.length, moving, size);
}

for (const count of [1, 2, 3]) {
  for (const size of ['small', 'large'] as const) {
    test(`${count} hops, ${size} cells: forward and backward arrive, and every cell on the way has one length`, (t) => {
      const { client, relays } = hopPairs(count);
      const bodyBytes = size === 'small' ? 2_040 : 34_808;
      const room = plaintextBytes(bodyBytes, count);
      t.is(room, bodyBytes - 16 * count);
      for (let round = 0; round < 3; round++) {
        const text = createSeededRandom(`${count}${size}${round}`).bytes(room);
        const cell = newCell(size, 5, COMMAND.relay);
        bodyOf(cell).set(text);
        sealAllLayers(client, cell, size);
        t.deepEqual(carryForward(relays, cell, size), text);

        let back = newCell(size, 5, COMMAND.relay);
        bodyOf(back).set(text);
        sealLast(crypto, relays.at(-1)!, count, back, size);
        for (let p = count - 1; p >= 1; p--) {
          t.is(back.length, bodyBytes + 8);
          back = addLayer(crypto, relays[p - 1]!, p, back, size, 99);
        }
        t.deepEqual(openAllLayers(client, back, size), text);
      }
    });
  }
}

test('peelLayer: the tail is fresh random, not what the hop before put there', (t) => {
  const { client, relays } = hopPairs(3);
  const cell = newCell('small', 5, COMMAND.relay);
  sealAllLayers(client, cell, 'small');
  const second = peelLayer(crypto, relays[0]!, 1, cell, 'small', 99)!;
  const third = peelLayer(crypto, relays[1]!, 2, second, 'small', 98)!;
  t.true(new Set(bodyOf(second).subarray(2_024)).size > 4);
  t.true(new Set(bodyOf(third).subarray(2_008)).size > 8);
  t.notDeepEqual(bodyOf(third).slice(2_024), bodyOf(second).slice(2_024));
});

test('a changed byte anywhere in a layer is refused at the next hop, for good; a changed tail is dropped', (t) => {
  for (const at of [0, 1, 1_000, 2_007, 2_008, 2_023]) {
    const { client, relays } = hopPairs(3);
    const cell = newCell('small', 5, COMMAND.relay);
    sealAllLayers(client, cell, 'small');
    const second = peelLayer(crypto, relays[0]!, 1, cell, 'small', 99)!;
    second[8 + at]! ^= 1;
    t.is(peelLayer(crypto, relays[1]!, 2, second, 'small', 98), undefined);
    second[8 + at]! ^= 1;
    t.is(peelLayer(crypto, relays[1]!, 2, second, 'small', 98), undefined, 'even the true cell comes too late');
  }
  const { client, relays } = hopPairs(3);
  const cell = newCell('small', 5, COMMAND.relay);
  sealAllLayers(client, cell, 'small');
  const second = peelLayer(crypto, relays[0]!, 1, cell, 'small', 99)!;
  second[8 + 2_030]! ^= 1;
  t.truthy(peelLayer(crypto, relays[1]!, 2, second, 'small', 98));
});
