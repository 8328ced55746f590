/**
 * Who a node is, over restarts and on disks that refuse.
 * @module
 */
import test from 'ava';
import { LocalError } from '../../daemon/errors.ts';
import { loadIdentity } from '../../daemon/identity.ts';
import { createMemoryDisk } from '../support/memory-disk.ts';
import { testCrypto } from '../support/test-crypto.ts';

const crypto = testCrypto('identity');
const HOUR = 500_000;
const WEEK = 168;

test('a restart gives the same node, the same keys, and a higher sequence', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const first = loadIdentity(crypto, records, HOUR);
  const given = [first.nextSequence(), first.nextSequence()];
  const again = loadIdentity(crypto, records, HOUR);
  t.deepEqual(again.nodeId, first.nodeId);
  t.deepEqual(again.linkKeys(HOUR), first.linkKeys(HOUR));
  t.deepEqual(again.onionKeys(HOUR), first.onionKeys(HOUR));
  given.push(again.nextSequence());
  t.deepEqual(given, [HOUR, HOUR + 1, HOUR + 2]);
});

test('keys turn after a week; for a day the old ones hold beside them', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const identity = loadIdentity(crypto, records, HOUR);
  const [link] = identity.linkKeys(HOUR);
  const [onion, nextOnion] = identity.onionKeys(HOUR);
  t.false(identity.turn(HOUR + WEEK - 1));
  t.true(identity.turn(HOUR + WEEK));
  t.deepEqual(identity.linkKeys(HOUR + WEEK)[1], link);
  t.deepEqual(identity.onionKeys(HOUR + WEEK)[0], nextOnion);
  t.deepEqual(identity.onionKeys(HOUR + WEEK)[2], onion);
  t.is(identity.linkKeys(HOUR + WEEK + 24).length, 1);
  t.deepEqual(loadIdentity(crypto, records, HOUR).linkKeys(HOUR + WEEK), identity.linkKeys(HOUR + WEEK));
});

test('a disk that refuses: a known node starts, no key turns, and sequences rise over restarts all the same', async (t) => {
  const disk = createMemoryDisk();
  const records = await disk.openRecords('node');
  const before = loadIdentity(crypto, records, HOUR).nextSequence();
  disk.failNext('disk_read_only', 1e9);
  const identity = loadIdentity(crypto, records, HOUR + 1_000);
  const [link] = identity.linkKeys(HOUR);
  const given = [before, identity.nextSequence(), identity.nextSequence()];
  t.false(identity.turn(HOUR + 1_000));
  t.deepEqual(identity.linkKeys(HOUR + 1_000), [link!]);

  disk.failNext('disk_read_only', 0);
  t.true(identity.turn(HOUR + 1_001), 'as soon as the disk takes it');
  given.push(loadIdentity(crypto, records, HOUR + 1_002).nextSequence());
  t.deepEqual(
    given,
    given.toSorted((a, b) => a - b),
  );
  t.is(new Set(given).size, given.length);
});

test('a new identity that cannot be kept is none', async (t) => {
  const disk = createMemoryDisk();
  const records = await disk.openRecords('node');
  disk.failNext('disk_read_only', 1);
  const error = t.throws(() => loadIdentity(crypto, records, HOUR), { instanceOf: LocalError });
  t.is(error.code, 'disk_read_only');
});
