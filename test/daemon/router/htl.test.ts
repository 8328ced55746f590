import test from 'ava';
import fc from 'fast-check';
import { HTL_BASE, HTL_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createHtlCoins, drawHtl, nextHtl } from '../../../daemon/router/htl.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

test('drawHtl: every value from 18 to 22 and no other', (t) => {
  const random = createSeededRandom('htl');
  const drawn = new Set(Array.from({ length: 500 }, () => drawHtl(random)));
  t.deepEqual([...drawn].sort(), [18, 19, 20, 21, 22]);
  t.is(HTL_BASE, 18);
});

test('nextHtl: never rises, stays in 0..HTL_MAX, and falls by one below 20 whatever the coin', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 300 }), fc.boolean(), (htl, keepsHigh) => {
      const next = nextHtl(htl, keepsHigh);
      t.true(next >= 0 && next <= HTL_MAX && next <= Math.max(htl, 0));
      if (htl > 0 && htl < 20) t.is(next, htl - 1);
    }),
  );
});

test('nextHtl: from 20 up the coin of the link decides', (t) => {
  for (const htl of [20, 21, 22]) {
    t.is(nextHtl(htl, true), htl);
    t.is(nextHtl(htl, false), htl - 1);
  }
  t.is(nextHtl(19, true), 18);
  t.is(nextHtl(200, true), HTL_MAX);
  t.is(nextHtl(0, false), 0);
});

test('createHtlCoins: one coin per link, the same each time, about half of them heads', (t) => {
  const random = createSeededRandom('coins');
  const coins = createHtlCoins(testCrypto());
  let heads = 0;
  for (let i = 0; i < 400; i++) {
    const link = { exporterSecret: random.bytes(32) } as unknown as Link;
    const coin = coins(link);
    t.is(coins(link), coin);
    t.is(createHtlCoins(testCrypto())({ exporterSecret: link.exporterSecret } as unknown as Link), coin);
    if (coin) heads++;
  }
  t.true(heads > 150 && heads < 250, `${heads} of 400`);
});
