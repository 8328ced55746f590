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
  return transfer.error !== null || ENDED_STAGES.includes(transfer.stage);
}

/** Running ones first, the newest of the ended after them. */
export function transfersByInterest(status: Status): readonly TransferStatus[] {
  return [...status.transfers.filter((one) => !hasEnded(one)), ...status.transfers.filter(hasEnded).toReversed()];
}
