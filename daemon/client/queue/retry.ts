/**
 * When a failed entry of the queue is tried again.
 *
 * Unit    milliseconds; waits double from 5 s to 30 min, the last half of each drawn at random.
 * Why     what says something about the key, the file or the wish itself does not change by waiting; what says something about the network
 *         does. An attempt that only found the node without a network, after a restart, is none: it waits without being counted.
 * @module
 */
import type { UserErrorCode } from '../../errors.ts';
import type { Random } from '../../ports.ts';
import { backOffMs } from '../timing.ts';

const BASE_MS = 5_000;
const MAX_MS = 1_800_000;

const FINAL: ReadonlySet<UserErrorCode> = new Set<UserErrorCode>([
  'usage',
  'bad_uri',
  'bad_manifest',
  'cancelled',
  'collision',
  'exists',
  'is_folder',
  'no_file',
  'no_write',
  'too_large',
]);
const NO_NETWORK: ReadonlySet<UserErrorCode> = new Set<UserErrorCode>(['offline', 'connecting', 'relays_silent']);

export function isFinal(code: UserErrorCode): boolean {
  return FINAL.has(code);
}

export function isWithoutNetwork(code: UserErrorCode): boolean {
  return NO_NETWORK.has(code);
}

/** @param attempts how many have failed, at least 1 */
export function retryDelayMs(random: Random, attempts: number): number {
  return backOffMs(random, BASE_MS, Math.min(attempts - 1, 20), MAX_MS);
}
