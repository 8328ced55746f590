/**
 * How often each fault class really fired: a class whose counter stands at zero was not tested, whatever its settings said.
 * @module
 */
export const FAULT_CLASSES = [
  'latency', // deliveries that took longer than the quickest the link can do
  'bandwidth', // writes that waited for the wire
  'lossRetransmitted', // segments lost below the stream and sent again later
  'duplicatedBelow', // segments that came twice and were dropped by the stream
  'reorderedBelow', // segments that overtook others and were held until the gap closed
  'corruptedBelow', // segments whose checksum failed: sent again
  'corruptedThrough', // segments whose damage the checksum missed: the stream carries changed bytes
  'splitDelivery', // writes that arrived in two pieces
  'linkCut',
  'stall',
  'oneWayCut',
  'partition',
  'swizzleClog',
  'heldByBlock', // deliveries that waited for one of the four above to end
  'dialRefused',
  'dialLost',
  'crash',
  'cleanStop',
  'restart',
  'unsyncedWriteLost',
  'tornWrite',
  'bitRot',
  'diskFull',
  'clockJump',
  'suspend',
  'liarMessage', // claims of false locations that honest nodes took in
  'blackHoleSwallowed', // requests a black hole took and never answered
  'poisonedBlock', // blocks sent with a byte changed
  'sybilJoined',
] as const;

export type FaultClass = (typeof FAULT_CLASSES)[number];
export type FaultCounters = Record<FaultClass, number>;

export function createFaultCounters(): FaultCounters {
  return Object.fromEntries(FAULT_CLASSES.map((name) => [name, 0])) as FaultCounters;
}

/** Only what fired, plus those that were meant to fire and did not. */
export function reportFaults(counters: FaultCounters, meant: readonly FaultClass[] = []): Record<string, number> {
  return Object.fromEntries(
    FAULT_CLASSES.filter((name) => counters[name] > 0 || meant.includes(name)).map((name) => [name, counters[name]]),
  );
}

export function addFaults(into: FaultCounters, more: FaultCounters): void {
  for (const name of FAULT_CLASSES) into[name] += more[name];
}
