import test from 'ava';
import { LocalError } from '../../../daemon/errors.ts';
import { PEERS_REMEMBERED_MAX } from '../../../daemon/limits.ts';
import { createRememberedPeers } from '../../../daemon/topology/remembered-peers.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createTopologyNet } from './support/topology-net.ts';

async function setUp() {
  const clock = createManualClock();
  const records = await createMemoryDisk().openRecords('node');
  const logged: string[] = [];
  const open = () =>
    createRememberedPeers({ clock, records, log: { write: (_level, _subsystem, text) => logged.push(text) } });
  return { clock, records, logged, open, net: createTopologyNet(40) };
}

test('remember: written a while later, and there again for the next start, newest first', async (t) => {
  const { clock, open, net } = await setUp();
  const peers = open();
  peers.remember(net.describe('a'));
  peers.remember(net.describe('b'));
  peers.upkeep();
  t.deepEqual(open().load(), []);
  await clock.advance(2_000);
  peers.upkeep();
  t.deepEqual(
    open()
      .load()
      .map((row) => [...row.encoded]),
    [[...net.describe('b').encoded], [...net.describe('a').encoded]],
  );
});

test('remember: stops at its cap, the oldest go, over restarts too', async (t) => {
  const { open, net } = await setUp();
  for (let i = 0; i < PEERS_REMEMBERED_MAX + 10; i++) {
    const peers = open();
    peers.load();
    peers.remember(net.describe(`n${i}`));
    peers.flush();
  }
  const left = open().load();
  t.is(left.length, PEERS_REMEMBERED_MAX);
  t.deepEqual([...left[0]!.encoded], [...net.describe(`n${PEERS_REMEMBERED_MAX + 9}`).encoded]);
  t.deepEqual([...left.at(-1)!.encoded], [...net.describe('n10').encoded]);
});

test('forget: gone from disk and from what is still to be written', async (t) => {
  const { open, net } = await setUp();
  const peers = open();
  peers.remember(net.describe('a'));
  peers.flush();
  const [row] = peers.load();
  peers.remember(net.describe('a'));
  peers.forget(row!.key);
  peers.flush();
  t.deepEqual(open().load(), []);
});

test('a disk that fails costs a warning, and the next change writes all', async (t) => {
  const { records, logged, net, clock } = await setUp();
  let broken = true;
  const failing = {
    ...records,
    transaction(work: () => void) {
      if (broken) throw new LocalError('disk_full');
      records.transaction(work);
    },
  };
  const peers = createRememberedPeers({
    clock,
    records: failing,
    log: { write: (_level, _subsystem, text) => logged.push(text) },
  });
  peers.remember(net.describe('a'));
  peers.flush();
  t.is(logged.length, 1);
  broken = false;
  peers.remember(net.describe('b'));
  peers.flush();
  t.is(peers.load().length, 2);
});
