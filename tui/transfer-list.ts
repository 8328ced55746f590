/**
 * Transfers in the order that a person wants them, and how far each is.
 * @module
 */
import type { Status, TransferStatus } from '../daemon/api/schema.ts';

const ENDED_STAGES: readonly string[] = ['done', 'failed', 'cancelled'];

export function doneShare(transfer: TransferStatus): number {
  if (transfer.blocksNeeded === null || transfer.blocksNeeded === 0) return 0;
  return Math.min(1, transfer.blocksHave / transfer.blocksNeeded);
}

/** Whether it moves no more. */
export function hasEnded(transfer: TransferStatus): boolean {
  if (transfer.state !== undefined) return ENDED_STAGES.includes(transfer.state);
  return transfer.error !== null || ENDED_STAGES.includes(transfer.stage);
}

/** Of an entry of the queue its state says it; of any other, that it has not ended. */
export function isMoving(transfer: TransferStatus): boolean {
  return transfer.state === undefined ? !hasEnded(transfer) : transfer.state === 'running';
}

/** Running ones first, the newest of the ended after them. */
export function transfersByInterest(status: Status): readonly TransferStatus[] {
  return [...status.transfers.filter((one) => !hasEnded(one)), ...status.transfers.filter(hasEnded).toReversed()];
}
