import test from 'ava';
import type { Status, TransferStatus } from '../../daemon/api/schema.ts';
import { whySlow } from '../../tui/why-slow.ts';
import { fixtureStatus, fixtureTransfers } from '../support/status-fixture.ts';

const running = fixtureTransfers()[1]!;
const says = test.macro({
  exec(
    t,
    transfer: Partial<TransferStatus>,
    change: (status: Status) => Partial<Status>,
    pattern: RegExp,
    isFault: boolean,
  ) {
    const status = fixtureStatus();
    const reason = whySlow({ ...running, ...transfer }, { ...status, ...change(status) });
    t.regex(reason.text, pattern);
    t.is(reason.isFault, isFault);
  },
  title: (given = '') => `whySlow: ${given}`,
});
const same = (): Partial<Status> => ({});
const circuits =
  (part: Partial<Status['circuits']>) =>
  (status: Status): Partial<Status> => ({ circuits: { ...status.circuits, ...part } });

test('a healthy one', says, {}, same, /nothing holds it back/, false);
test('one that waits', says, { stage: 'waiting' }, same, /behind 2 that run/, false);
test('too few relays', says, {}, circuits({ usableRelays: 2 }), /2 of 3 relays/, true);
test('no guard', says, {}, circuits({ guardUp: false }), /guard does not answer/, true);
test('no circuit', says, { exits: 0 }, circuits({ ready: 0 }), /no circuit stands; 2/, true);
test('missed blocks', says, { blocksHave: 30, blocksMissed: 10 }, same, /25% .* missed/, true);
test('silence', says, { bytesPerSec: 0 }, same, /4 blocks asked, none came/, true);
test('few exits', says, { exits: 5 }, same, /only 5 exits/, true);
test('an ended one', says, { state: 'done' }, circuits({ guardUp: false }), /has ended/, false);
test(
  'a full line',
  says,
  {},
  ({ peers }) => ({ peers: { ...peers, list: peers.list.map((peer) => ({ ...peer, queuedBytes: 900_000 })) } }),
  /our line is full: 10M/,
  true,
);
