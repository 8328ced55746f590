/**
 * What the store's tests share: blocks that prove themselves, and a store over any disk.
 * @module
 */
import { createHash } from 'node:crypto';
import { type BlockRef, KIND, type Replica, type RingLocation, ringLocation } from '../../../daemon/ids.ts';
import { chkRoutingKey } from '../../../daemon/keys/node-chk.ts';
import { sskRoutingKey } from '../../../daemon/keys/node-ssk.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { BLOCK_BYTES, POINTER_RECORD_BYTES, SSK_RECORD_BYTES } from '../../../daemon/limits.ts';
import type { Clock, Disk, Log } from '../../../daemon/ports.ts';
import { openStore } from '../../../daemon/store/block-store.ts';
import type { BlockStore, ManagedStore, OwnedPage } from '../../../daemon/store/store-types.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

export const crypto = testCrypto('store');

export interface Block {
  readonly ref: BlockRef;
  readonly bytes: Uint8Array;
}

/** The same number gives the same block. */
export function block(number: number): Block {
  const bytes = new Uint8Array(BLOCK_BYTES);
  const seed = createHash('sha256').update(`block ${number}`).digest();
  for (let at = 0; at < BLOCK_BYTES; at += seed.length) bytes.set(seed, at);
  return { ref: { kind: KIND.chk, key: chkRoutingKey(crypto, bytes)! }, bytes };
}

export function blocks(first: number, count: number): Block[] {
  return Array.from({ length: count }, (_, index) => block(first + index));
}

/** Byte for byte. AVA's deepEqual takes a hundred times as long over a block. */
export function isSame(found: Uint8Array | undefined, wanted: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, wanted) === 0;
}

/** A signed record under the key pair that `subspace` gives; other `content`, other bytes under the same key. */
export function sskRecord(subspace: number, content: number): Block {
  const { signKey, record } = recordStart(subspace, SSK_RECORD_BYTES, KIND.ssk);
  record.fill(content, 80, 90);
  return sealRecord(signKey, record, {
    kind: KIND.ssk,
    key: sskRoutingKey(crypto, 'holloway ssk', signKey.publicKey, ENC_NAME),
  });
}

export function pointerRecord(subspace: number, version: number, content = 0): Block {
  const { signKey, record } = recordStart(subspace, POINTER_RECORD_BYTES, KIND.pointer);
  new DataView(record.buffer).setBigUint64(68, BigInt(version));
  record.fill(content, 100, 110);
  const key = sskRoutingKey(crypto, 'holloway pointer', signKey.publicKey, ENC_NAME);
  return sealRecord(signKey, record, { kind: KIND.pointer, key });
}

const ENC_NAME = new Uint8Array(32).fill(9);

function recordStart(subspace: number, length: number, kind: number) {
  const signKey = crypto.signKey(createHash('sha256').update(`subspace ${subspace}`).digest());
  const record = new Uint8Array(length);
  record.set([1, 1, kind, 0]);
  record.set(signKey.publicKey, 4);
  record.set(ENC_NAME, 36);
  return { signKey, record };
}

function sealRecord(signKey: ReturnType<typeof crypto.signKey>, record: Uint8Array, ref: BlockRef): Block {
  const signed = record.subarray(0, record.length - 64);
  record.set(signKey.sign(Buffer.concat([Buffer.from('holloway ssk 1'), signed])), signed.length);
  return { ref, bytes: record };
}

export interface TestStoreOptions {
  /** Slots; 64 unless told. */
  readonly slots?: number;
  readonly ownLocation?: () => RingLocation;
  readonly logged?: string[];
  readonly random?: string;
  readonly clock?: Clock;
  readonly passphrase?: string | undefined;
  readonly keepsSize?: boolean;
  readonly onLost?: (ref: BlockRef, replica: Replica) => void;
}

/** Time that jumps to the next timer as soon as nothing else is to be done. */
export function createPromptClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer(delayMs, fire) {
      const due = setImmediate(() => {
        nowMs += delayMs;
        fire();
      });
      return { cancel: () => clearImmediate(due) };
    },
  };
}

export interface Owned {
  readonly ref: BlockRef;
  readonly replica: Replica;
}

/** All pages of what a store owns. */
export async function ownedRefs(store: BlockStore): Promise<Owned[]> {
  const found: Owned[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: OwnedPage = await store.owned(from);
    found.push(...page.held);
    from = page.next;
  }
  return found;
}

/** Until what runs in the background is done. */
export async function whenDone(isRunning: () => boolean): Promise<void> {
  while (isRunning()) await new Promise((resolve) => setImmediate(resolve));
}

/** What `slots` slots and the records' share cost together. */
export function sizeFor(slots: number): number {
  return Math.ceil((slots * (BLOCK_BYTES + 64) * 32) / 31);
}

export function openTestStore(disk: Disk, options: TestStoreOptions = {}): Promise<ManagedStore> {
  const log: Log = { write: (level, subsystem, text) => options.logged?.push(`${level} ${subsystem} ${text}`) };
  return openStore(
    {
      disk,
      crypto,
      random: createSeededRandom(options.random ?? 'store'),
      clock: options.clock ?? createPromptClock(),
      log,
    },
    {
      sizeBytes: sizeFor(options.slots ?? 64),
      ownLocation: options.ownLocation ?? (() => ringLocation(0.25)),
      verify: (ref, bytes) => verifyBlock(crypto, ref, bytes),
      passphrase: options.passphrase === undefined ? undefined : new TextEncoder().encode(options.passphrase),
      sealingLogN: 4,
      keepsSize: options.keepsSize ?? false,
      ...(options.onLost === undefined ? {} : { onLost: options.onLost }),
    },
  );
}
