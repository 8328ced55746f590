import test from 'ava';
import fc from 'fast-check';
import { type RingLocation, ringLocation } from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/keys/location.ts';
import {
  CLAIM_ERROR,
  CLAIM_UNITS,
  chooseNextHop,
  type HopCandidate,
  type HopQuestion,
} from '../../../daemon/router/next-hop.ts';

function peer(key: string, location: number, claims: number[] = []): HopCandidate {
  return { key, location: ringLocation(location), claims };
}

function ask(own: number, target: number, candidates: HopCandidate[], more: Partial<HopQuestion> = {}) {
  return chooseNextHop({
    ownLocation: ringLocation(own),
    target: ringLocation(target),
    candidates,
    mustBeNearer: true,
    avoid: [],
    weightsOf: () => undefined,
    overShare: new Set(),
    ...more,
  });
}

const place = fc.integer({ min: 0, max: 2 ** 20 - 1 }).map((n) => ringLocation(n / 2 ** 20));
const candidate = fc.record({
  key: fc.integer({ min: 0, max: 0xffff_ffff }).map((n) => n.toString(16).padStart(8, '0')),
  location: place,
  claims: fc.array(fc.integer({ min: 0, max: CLAIM_UNITS - 1 }), { maxLength: 6 }),
});

test('chooseNextHop: without claims it is the nearest peer, and only if nearer than we are', (t) => {
  fc.assert(
    fc.property(place, place, fc.array(candidate, { maxLength: 8 }), (own, target, peers) => {
      const plain = peers.map((one) => ({ ...one, claims: [] }));
      const choice = ask(own, target, plain);
      const best = Math.min(1, ...plain.map((one) => distance(one.location, target)));
      if (best < distance(own, target)) {
        t.is(distance(choice!.peer.location, target), best);
        t.true(choice!.nearer);
        t.is(choice!.claim, undefined);
      } else t.is(choice, undefined);
    }),
  );
});

test('chooseNextHop: a claim is followed only if nearer than we are with the rounding error added', (t) => {
  fc.assert(
    fc.property(place, place, fc.array(candidate, { minLength: 1, maxLength: 8 }), (own, target, peers) => {
      const choice = ask(own, target, peers);
      if (choice?.claim === undefined) return;
      const promised = distance((choice.claim / CLAIM_UNITS) as RingLocation, target) + CLAIM_ERROR;
      t.true(promised < distance(own, target));
      for (const other of peers) t.true(promised <= distance(other.location, target));
    }),
  );
});

test('chooseNextHop: the order in which peers are listed does not matter', (t) => {
  fc.assert(
    fc.property(
      place,
      place,
      fc.uniqueArray(candidate, { selector: (one) => one.key, maxLength: 8 }),
      (own, target, peers) => {
        t.is(ask(own, target, peers)?.peer.key, ask(own, target, [...peers].reverse())?.peer.key);
      },
    ),
  );
});

test('chooseNextHop: looks two hops ahead', (t) => {
  const choice = ask(0.1, 0.5, [peer('a', 0.3), peer('b', 0.2, [2047])]);
  t.is(choice?.peer.key, 'b');
  t.is(choice?.claim, 2047);
});

test('chooseNextHop: a node does not follow its own rounded image', (t) => {
  // 0.25002 rounds to 1024/4096 = 0.25, which is nearer to the target 0.2 than 0.25002 is.
  t.is(ask(0.25002, 0.2, [peer('a', 0.9, [1024])]), undefined);
});

test('chooseNextHop: within 1/2048 of the target claims are not looked at', (t) => {
  const own = 0.5 + 1 / 2048;
  t.is(ask(own, 0.5, [peer('a', 0.9, [2048])]), undefined);
  t.is(ask(own + 0.00001, 0.5, [peer('a', 0.9, [2048])])?.claim, 2048);
});

test('chooseNextHop: doubted claims count for less, dropped ones for nothing', (t) => {
  const peers = [peer('a', 0.3), peer('b', 0.2, [2000])]; // the claim promises 0.0118
  const weights = (weight: number) => (key: string) => (key === 'b' ? new Map([[2000, weight]]) : undefined);
  t.is(ask(0.1, 0.5, peers, { weightsOf: weights(0.5) })?.peer.key, 'b');
  t.is(ask(0.1, 0.5, peers, { weightsOf: weights(1 / 32) })?.peer.key, 'a');
  t.is(ask(0.1, 0.5, peers, { weightsOf: weights(0) })?.peer.key, 'a');
});

test('chooseNextHop: claims that point at the asker or at a peer already tried lead nowhere new', (t) => {
  const peers = [peer('a', 0.3), peer('b', 0.2, [2048])];
  t.is(ask(0.1, 0.5, peers, { avoid: [ringLocation(0.50001)] })?.peer.key, 'a');
  t.is(ask(0.1, 0.5, peers, { avoid: [ringLocation(0.502)] })?.peer.key, 'b');
});

test('chooseNextHop: a peer over its share gives way to another nearer one, but not to none', (t) => {
  const overShare = new Set(['best']);
  t.is(ask(0.1, 0.5, [peer('best', 0.5), peer('good', 0.2)], { overShare })?.peer.key, 'good');
  t.is(ask(0.1, 0.5, [peer('best', 0.5), peer('away', 0.05)], { overShare })?.peer.key, 'best');
});

test('chooseNextHop: an exit sends on even when nobody is nearer', (t) => {
  const peers = [peer('a', 0.3), peer('b', 0.4)];
  t.is(ask(0.5, 0.5, peers), undefined);
  const choice = ask(0.5, 0.5, peers, { mustBeNearer: false });
  t.is(choice?.peer.key, 'b');
  t.false(choice!.nearer);
  t.is(ask(0.5, 0.5, [], { mustBeNearer: false }), undefined);
});

test('chooseNextHop: equal distances are decided by key', (t) => {
  t.is(ask(0.1, 0.5, [peer('b', 0.375), peer('a', 0.625)])?.peer.key, 'a');
});
