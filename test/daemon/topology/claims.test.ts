import test from 'ava';
import fc from 'fast-check';
import { PEER_CLAIMS_MAX } from '../../../daemon/limits.ts';
import { CLAIM_UNITS, createClaims, roundedLocations } from '../../../daemon/topology/claims.ts';
import type { PeerEntry } from '../../../daemon/topology/peering.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function fakePeer(key: string, location: number, sent: number[][]): PeerEntry {
  const link = { sendMessage: (message: { locations: number[] }) => sent.push(message.locations) > 0 };
  return { key, location, link, claims: [] } as unknown as PeerEntry; // claims need nothing else of a peer
}

test('roundedLocations: within half a unit, sorted, each once, never more than the cap', (t) => {
  const many = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(many, (locations) => {
      const units = roundedLocations(locations.map((location) => ({ location })));
      t.true(units.length <= PEER_CLAIMS_MAX);
      t.deepEqual(
        units,
        [...new Set(units)].sort((a, b) => a - b),
      );
      for (const unit of units) {
        t.true(unit >= 0 && unit < CLAIM_UNITS);
        const near = locations.some((at) => {
          const off = Math.abs(at * CLAIM_UNITS - unit);
          return Math.min(off, CLAIM_UNITS - off) <= 0.5;
        });
        t.true(near);
      }
    }),
  );
});

test('a peer is told at once, then on change after 1 s, 5 s, 30 s and ten minutes, never of itself', async (t) => {
  const clock = createManualClock();
  const sent: number[][] = [];
  const told = fakePeer('told', 0.5, sent);
  const peers = [told];
  const claims = createClaims({ clock, peers: () => peers });
  const times: number[] = [];
  claims.peerUp(told);
  t.deepEqual(sent, [[]]);
  for (let second = 0; second < 1_500; second++) {
    peers.push(fakePeer(`other-${second}`, second / 4_096, []));
    if (peers.length > 40) peers.splice(1, 1);
    const before = sent.length;
    claims.upkeep();
    if (sent.length > before) times.push(second);
    await clock.advance(1_000);
  }
  t.deepEqual(times, [1, 6, 36, 636, 1_236]);
  t.true(sent.every((locations) => !locations.includes(2_048)));
});

test('nothing is said while nothing changed', async (t) => {
  const clock = createManualClock();
  const sent: number[][] = [];
  const told = fakePeer('told', 0.5, sent);
  const claims = createClaims({ clock, peers: () => [told] });
  claims.peerUp(told);
  await clock.advance(3_600_000);
  claims.upkeep();
  t.is(sent.length, 1);
});
