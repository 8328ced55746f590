/**
 * Why a running transfer is no faster: the first thing that holds it back, as far as this node can tell, and what to do.
 *
 * Shape   whySlow(transfer, status) -> one sentence, and whether something is wrong. Checked in the order in which bytes would meet it.
 * Why     a rate alone leaves a person guessing between their own line, the circuits, and holders that are gone; the numbers that tell them
 *         apart are all in the same picture.
 * Source  ux § 1.1 (every number says whether it is normal and what to do).
 * @module
 */
import type { Status, TransferStatus } from '../daemon/api/schema.ts';
import { formatBytes, formatCount, formatShare } from './format.ts';
import { hasEnded } from './transfer-list.ts';

export interface Reason {
  readonly text: string;
  readonly isFault: boolean;
}

const RELAYS_MIN = 3;
const EXITS_MIN = 8;
const QUEUE_LONG_BYTES = 4 * 1024 * 1024;

export function whySlow(transfer: TransferStatus, status: Status): Reason {
  const { circuits, peers } = status;
  const fault = (text: string): Reason => ({ text, isFault: true });
  const fine = (text: string): Reason => ({ text, isFault: false });
  if (hasEnded(transfer)) return fine('it has ended');
  if (transfer.state === 'paused') return fine('paused: space lets it go on, from where it stands');
  if (transfer.state === 'waiting')
    return fault(`attempt ${transfer.attempts ?? 1} came to nothing; it is begun again by itself, R does it now`);
  if (transfer.stage === 'waiting') {
    const before = status.transfers.filter((one) => !hasEnded(one) && one.stage !== 'waiting').length;
    return fine(`waits for its turn behind ${formatCount(before)} that run; K ends one`);
  }
  if (circuits.usableRelays < RELAYS_MIN)
    return fault(`${circuits.usableRelays} of ${RELAYS_MIN} relays known: no circuit can stand yet`);
  if (!circuits.guardUp) return fault('the guard does not answer: another takes over within a minute');
  if (circuits.ready === 0 && transfer.exits === 0)
    return fault(`no circuit stands; ${circuits.building} are being built (tab 6)`);
  const queued = peers.list.reduce((sum, peer) => sum + peer.queuedBytes, 0);
  if (queued > QUEUE_LONG_BYTES)
    return fault(`our line is full: ${formatBytes(queued)} wait to be sent (tab 2, Queue)`);
  const answered = transfer.blocksHave + transfer.blocksMissed;
  if (transfer.blocksMissed > answered * 0.2 && answered >= 10)
    return fault(`${formatShare(transfer.blocksMissed, answered)} of the blocks asked were missed: holders are gone`);
  if (transfer.bytesPerSec === 0 && transfer.blocksInFlight > 0)
    return fault(`${formatCount(transfer.blocksInFlight)} blocks asked, none came for 5 s: exits or holders are slow`);
  if (transfer.exits > 0 && transfer.exits < EXITS_MIN)
    return fault(`only ${transfer.exits} exits share it; ${EXITS_MIN} or more go faster, once more relays are known`);
  return fine('nothing holds it back here: the exits and holders set the pace');
}
