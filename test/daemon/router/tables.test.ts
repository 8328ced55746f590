import test from 'ava';
import { KIND, ringLocation, routingKey } from '../../../daemon/ids.ts';
import {
  COALESCED_MAX,
  DEADLINE_MS_MAX,
  FAILURE_TABLE_MAX,
  FAILURE_TABLE_MS,
  PEER_CLAIMS_MAX,
  PEERS_MAX,
} from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { Counters } from '../../../daemon/router/counters.ts';
import { FailureTable } from '../../../daemon/router/failure-table.ts';
import { isAmongNearest, nearestPeers, ownersOfFetch, ownersWanted } from '../../../daemon/router/owners.ts';
import { Backoff, ClaimTrust, Shares } from '../../../daemon/router/peer-memory.ts';
import { type Asker, PendingTable, refName } from '../../../daemon/router/pending.ts';
import type { Peer } from '../../../daemon/topology/topology-types.ts';

const asker = (htl: number): Asker => ({ link: {} as Link, id: 1, htl, arrivedMs: 0 });

test('PendingTable: an arrival joins only with an HTL strictly greater than the one sent on', (t) => {
  const table = new PendingTable();
  const row = table.open('fetch', 'x', 10, asker(11), undefined);
  t.is(table.join(row, asker(11)), 'joined');
  t.is(table.join(row, asker(10)), 'loop');
  t.is(table.join(row, asker(3)), 'loop');
  t.is(row.askers.length, 2);
});

test('PendingTable: COALESCED_MAX may wait on one row, the next may not', (t) => {
  const table = new PendingTable();
  const row = table.open('fetch', 'x', 10, asker(11), undefined);
  for (let i = 1; i < COALESCED_MAX; i++) t.is(table.join(row, asker(22)), 'joined');
  t.is(row.askers.length, COALESCED_MAX);
  t.is(table.join(row, asker(22)), 'full');
});

test('PendingTable: fetch and insert of one key, and two replicas, are different rows', (t) => {
  const table = new PendingTable();
  const ref = { kind: KIND.chk, key: routingKey(new Uint8Array(32)) };
  t.not(refName(ref, 0), refName(ref, 1));
  const row = table.open('fetch', refName(ref, 0), 10, asker(11), undefined);
  t.is(table.get('insert', refName(ref, 0)), undefined);
  t.is(table.get('fetch', refName(ref, 1)), undefined);
  t.is(table.get('fetch', refName(ref, 0)), row);
  table.close(row);
  t.is(table.size, 0);
});

test('FailureTable: a failed key counts for FAILURE_TABLE_MS, not longer', (t) => {
  const table = new FailureTable();
  table.failKey('x', 1_000);
  t.is(table.keyRemainingMs('x', 1_000), FAILURE_TABLE_MS);
  t.is(table.keyRemainingMs('x', 1_000 + FAILURE_TABLE_MS - 1), 1);
  t.is(table.keyRemainingMs('x', 1_000 + FAILURE_TABLE_MS), 0);
  t.is(table.keyRemainingMs('y', 1_000), 0);
  table.prune(1_000 + FAILURE_TABLE_MS);
  t.is(table.size, 0);
});

test('FailureTable: what one peer said is held against that peer only, and not longer than the table allows', (t) => {
  const table = new FailureTable();
  table.failPeer('x', 'a', 0, 5_000);
  table.failPeer('x', 'b', 0, 600_000);
  t.is(table.peerRemainingMs('x', 'a', 1_000), 4_000);
  t.is(table.peerRemainingMs('x', 'a', 5_000), 0);
  t.is(table.peerRemainingMs('x', 'b', 0), FAILURE_TABLE_MS);
  t.is(table.peerRemainingMs('x', 'c', 0), 0);
  t.is(table.keyRemainingMs('x', 0), 0);
  table.forget('x');
  t.is(table.peerRemainingMs('x', 'b', 0), 0);
});

test('FailureTable: at FAILURE_TABLE_MAX rows the oldest goes; peers in a row have their cap', (t) => {
  const table = new FailureTable();
  for (let i = 0; i < FAILURE_TABLE_MAX; i++) table.failKey(`${i}`, 0);
  t.is(table.size, FAILURE_TABLE_MAX);
  t.true(table.keyRemainingMs('0', 0) > 0);
  table.failKey('one more', 0);
  t.is(table.size, FAILURE_TABLE_MAX);
  t.is(table.keyRemainingMs('0', 0), 0);
  t.true(table.keyRemainingMs('1', 0) > 0);
  for (let i = 0; i <= PEERS_MAX; i++) table.failPeer('z', `${i}`, 0, 1_000);
  t.true(table.peerRemainingMs('z', `${PEERS_MAX - 1}`, 0) > 0);
  t.is(table.peerRemainingMs('z', `${PEERS_MAX}`, 0), 0);
});

test('Backoff: as long as the peer asked for; silence doubles; an answer ends the doubling', (t) => {
  const backoff = new Backoff();
  backoff.overloaded('a', 0, 500);
  t.is(backoff.remainingMs('a', 100), 400);
  t.is(backoff.remainingMs('a', 500), 0);
  backoff.silent('b', 0);
  t.is(backoff.remainingMs('b', 0), 1_000);
  backoff.silent('b', 1_000);
  t.is(backoff.remainingMs('b', 1_000), 2_000);
  for (let i = 0; i < 20; i++) backoff.silent('b', 3_000);
  t.is(backoff.remainingMs('b', 3_000), 60_000);
  backoff.heard('b');
  backoff.silent('b', 100_000);
  t.is(backoff.remainingMs('b', 100_000), 1_000);
  backoff.forget('b');
  t.is(backoff.remainingMs('b', 100_000), 0);
});

test('Backoff: a clock with fractions never makes more of it than a message may say', (t) => {
  let rounds = 0;
  for (let nowMs = 0.1; nowMs < 4_000_000; nowMs = nowMs * 1.37 + 0.7) {
    const backoff = new Backoff();
    backoff.overloaded('a', nowMs, DEADLINE_MS_MAX);
    const leftMs = backoff.remainingMs('a', nowMs);
    t.true(
      Number.isInteger(leftMs) && leftMs > DEADLINE_MS_MAX - 2 && leftMs <= DEADLINE_MS_MAX,
      `${nowMs}: ${leftMs}`,
    );
    if (Math.ceil(nowMs + DEADLINE_MS_MAX - nowMs) > DEADLINE_MS_MAX) rounds++;
  }
  t.true(rounds > 0, 'times at which the sum does round up were among them');
});

test('Backoff and ClaimTrust: no more than PEERS_MAX peers, no more than PEER_CLAIMS_MAX doubts each', (t) => {
  const backoff = new Backoff();
  const trust = new ClaimTrust();
  for (let i = 0; i < PEERS_MAX * 2; i++) {
    backoff.silent(`${i}`, 0);
    trust.doubt(`${i}`, 7, 0);
  }
  t.is(backoff.size, PEERS_MAX);
  t.is(trust.size, PEERS_MAX);
  for (let i = 0; i < PEER_CLAIMS_MAX * 2; i++) trust.doubt('a', i, 0);
  t.is(trust.weightsOf('a', 0)!.size, PEER_CLAIMS_MAX);
});

test('ClaimTrust: half the weight per use in vain, dropped after three; success and time restore it', (t) => {
  const trust = new ClaimTrust();
  const weight = (nowMs = 0): number | undefined => trust.weightsOf('a', nowMs)?.get(7);
  trust.doubt('a', 7, 0);
  t.is(weight(), 0.5);
  trust.doubt('a', 7, 0);
  t.is(weight(), 0.25);
  trust.doubt('a', 7, 0);
  t.is(weight(), 0);
  trust.confirm('a', 7);
  t.is(weight(), undefined);
  trust.doubt('a', 7, 0);
  t.is(weight(599_999), 0.5);
  t.is(weight(600_000), undefined);
});

test('Shares: with five peers or more, whoever had 30 of the last 100 requests is over its share', (t) => {
  const shares = new Shares();
  for (let i = 0; i < 29; i++) shares.chosen('a');
  t.false(shares.over(5).has('a'));
  shares.chosen('a');
  t.true(shares.over(5).has('a'));
  t.false(shares.over(4).has('a'));
  for (let i = 0; i < 70; i++) shares.chosen(`${i}`);
  t.true(shares.over(5).has('a'));
  shares.chosen('b');
  t.false(shares.over(5).has('a'));
});

test('ownersWanted: at most 8, at most half of the network, at least one', (t) => {
  t.is(ownersWanted(3, 100), 3);
  t.is(ownersWanted(100, 100), 8);
  t.is(ownersWanted(8, 10), 5);
  t.is(ownersWanted(3, 2), 1);
  t.is(ownersWanted(3, 1), 1);
});

test('ownersOfFetch: records and further replicas have more owners', (t) => {
  const key = routingKey(new Uint8Array(32));
  const options = { owners: 3, ownersReplicated: 8 };
  t.is(ownersOfFetch({ kind: KIND.chk, key }, 0, options), 3);
  t.is(ownersOfFetch({ kind: KIND.chk, key }, 1, options), 8);
  t.is(ownersOfFetch({ kind: KIND.ssk, key }, 0, options), 8);
});

test('nearestPeers and isAmongNearest go by distance over the wrap of the ring, ties by key', (t) => {
  const peers = [
    { key: 'b', location: ringLocation(0.25) },
    { key: 'a', location: ringLocation(0.75) },
    { key: 'c', location: ringLocation(0.96875) },
  ] as Peer[];
  t.deepEqual(
    nearestPeers(peers, ringLocation(0)).map((peer) => peer.key),
    ['c', 'a', 'b'],
  );
  t.true(isAmongNearest(ringLocation(0.125), peers, ringLocation(0), 2));
  t.false(isAmongNearest(ringLocation(0.125), peers, ringLocation(0), 1));
});

test('Counters: the time histogram counts by powers of two and keeps outliers in its last bucket', (t) => {
  const counters = new Counters();
  for (const ms of [0, 1.5, 2, 3, 1_024, 10 ** 9]) counters.answeredAfter(ms);
  const { timeHistogram } = counters.snapshot();
  t.is(timeHistogram.length, 16);
  t.is(timeHistogram[0], 2);
  t.is(timeHistogram[1], 2);
  t.is(timeHistogram[10], 1);
  t.is(timeHistogram[15], 1);
});
