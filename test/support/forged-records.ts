/**
 * Records that must not be accepted: changed, spliced, signed by others, malleated, of another name or kind, old, forked, without work.
 *
 * Shape   a population of genuine records; `attack(count)` tries that many forgeries of all sorts in turn and counts what was accepted, by sort.
 * Why     forgeries are made from genuine records, because what is wrong in one place only is what a check could miss.
 * @module
 */
import { createCrypto } from '../../crypto/engine.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { keywordBucket, sealKeyword } from '../../daemon/client/keyword.ts';
import { createSeenEditions } from '../../daemon/client/seen-editions.ts';
import { type OwnSubspace, openRecord, ownSubspace, sealRecord } from '../../daemon/client/signed-record.ts';
import { type BlockRef, KIND, ringLocation } from '../../daemon/ids.ts';
import { joinRecords, keywordWorkBits } from '../../daemon/keys/node-keyword.ts';
import { pointerVersion } from '../../daemon/keys/node-ssk.ts';
import { verifyBlock } from '../../daemon/keys/verify.ts';
import { KEYWORD_WORK_BITS_MIN } from '../../daemon/limits.ts';
import { openStore } from '../../daemon/store/block-store.ts';
import type { BlockStore } from '../../daemon/store/store-types.ts';
import { createManualClock } from './manual-clock.ts';
import { createMemoryDisk } from './memory-disk.ts';
import { createSeededRandom } from './seeded-random.ts';

interface Genuine {
  readonly ref: BlockRef;
  readonly bytes: Uint8Array;
  readonly space: OwnSubspace;
  readonly name: string;
}

export interface AttackResult {
  readonly tried: Readonly<Record<string, number>>;
  readonly accepted: Readonly<Record<string, number>>;
}

const SUBSPACES = 4;
const NAMES = 3;
const NEWEST = 50;
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

export async function createForger(seed: string | number) {
  const random = createSeededRandom(`forger ${seed}`);
  const crypto: Crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
  const pick = (count: number): number => Math.floor(random.unit() * count);
  const pickOf = <T>(items: readonly T[]): T => items[pick(items.length)]!;
  const clock = createManualClock();
  const store = await openStore(
    { disk: createMemoryDisk(), crypto, clock, random, log: { write() {} } },
    {
      sizeBytes: 2 ** 25,
      ownLocation: () => ringLocation(0.5),
      verify: (ref, bytes) => verifyBlock(crypto, ref, bytes),
      nowDay: () => 0,
    },
  );
  const seen = createSeenEditions(crypto, crypto.randomBytes(32), undefined);

  const spaces = Array.from({ length: SUBSPACES }, () =>
    ownSubspace(crypto, crypto.randomBytes(32), crypto.randomBytes(32)),
  );
  const records: Genuine[] = spaces.flatMap((space) =>
    Array.from({ length: NAMES }, (_, i) => {
      const name = `name ${i}`;
      return { ...sealRecord(crypto, KIND.ssk, space, name, 0, crypto.randomBytes(100)), space, name };
    }),
  );
  const pointers: Genuine[] = spaces.map((space) => ({
    ...sealRecord(crypto, KIND.pointer, space, 'site', NEWEST, crypto.randomBytes(67)),
    space,
    name: 'site',
  }));
  /** Genuine too, and signed: below the newest, and two of the newest version. */
  const outdated = spaces.flatMap((space, i) =>
    Array.from({ length: NEWEST + 1 }, (_, version) => ({
      newest: pointers[i]!,
      bytes: sealRecord(crypto, KIND.pointer, space, 'site', version, crypto.randomBytes(67)).bytes,
    })),
  );
  for (const { ref, bytes } of [...records, ...pointers]) await settled(store.put(ref, 0, bytes, 'owner'));
  for (const { ref, bytes } of pointers) seen.note(ref.key, NEWEST, bytes);

  const buckets = [0, 1].map((i) => keywordBucket(crypto, crypto.randomBytes(64), i));
  const content = { uri: `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`, contentType: undefined, title: undefined };
  const announced = async (bucket: (typeof buckets)[number], bits: number): Promise<Uint8Array> =>
    sealKeyword(crypto, bucket, { ...content, sizeBytes: pick(1e9) }, 0, bits, async () => {});
  const keywords: Genuine[] = [];
  for (const bucket of buckets) {
    const { ref } = bucket;
    keywords.push({ ref, bytes: await announced(bucket, KEYWORD_WORK_BITS_MIN), space: spaces[0]!, name: '' });
  }
  const lazy: { ref: BlockRef; bytes: Uint8Array }[] = [];
  while (lazy.length < 50) {
    const bytes = await announced(buckets[0]!, 0);
    if (keywordWorkBits(crypto, bytes) < KEYWORD_WORK_BITS_MIN) lazy.push({ ref: buckets[0]!.ref, bytes });
  }
  const all = [...records, ...pointers, ...keywords];

  const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
    const copy = bytes.slice();
    change(copy);
    return copy;
  };
  const passes = ({ ref }: Genuine, bytes: Uint8Array): boolean => verifyBlock(crypto, ref, bytes);
  const resigned = (bytes: Uint8Array, by: OwnSubspace): Uint8Array =>
    changed(bytes, (copy) => {
      const label = new TextEncoder().encode('holloway ssk 1');
      copy.set(by.signKey.sign(Buffer.concat([label, copy.subarray(0, -64)])), copy.length - 64);
    });

  const sorts: Record<string, () => boolean | Promise<boolean>> = {
    'a bit changed': () => {
      const one = pickOf(all);
      return passes(
        one,
        changed(one.bytes, (copy) => {
          copy[pick(copy.length)]! ^= 1 << pick(8);
        }),
      );
    },
    'bytes changed': () => {
      const one = pickOf(all);
      const at = pick(one.bytes.length - 8);
      return passes(
        one,
        changed(one.bytes, (copy) => copy.set(random.bytes(8), at)),
      );
    },
    'longer or shorter': () => {
      const one = pickOf(all);
      const length = pick(2) === 0 ? pick(one.bytes.length) : one.bytes.length + 1 + pick(2_000);
      const bytes = new Uint8Array(length);
      bytes.set(one.bytes.subarray(0, length));
      return passes(one, bytes);
    },
    'spliced of two': () => {
      const one = pickOf(records);
      let other = pickOf(records);
      while (other === one) other = pickOf(records);
      const at = 1 + pick(one.bytes.length - 64); // at least the signature is the other's
      return passes(
        one,
        changed(one.bytes, (copy) => copy.set(other.bytes.subarray(at < 5 ? 36 : at), at < 5 ? 36 : at)),
      );
    },
    'of another name or owner': () => {
      const one = pickOf(all);
      let other = pickOf(all);
      while (other === one || other.ref.key === one.ref.key) other = pickOf(all);
      return (
        verifyBlock(crypto, one.ref, other.bytes) ||
        verifyBlock(crypto, { ...other.ref, key: one.ref.key }, other.bytes)
      );
    },
    'as another kind': () => {
      const one = pickOf(all);
      const kind = pickOf([KIND.chk, KIND.ssk, KIND.pointer, KIND.keyword].filter((other) => other !== one.ref.kind));
      const relabelled = changed(one.bytes, (copy) => {
        copy[2] = kind;
      });
      return verifyBlock(crypto, { kind, key: one.ref.key }, pick(2) === 0 ? one.bytes : relabelled);
    },
    'signed by another': () => {
      const one = pickOf([...records, ...pointers]);
      let thief = pickOf(spaces);
      while (thief === one.space) thief = pickOf(spaces);
      const bytes = changed(one.bytes, (copy) => {
        if (pick(2) === 0) copy.set(thief.signKey.publicKey, 4); // under the own key, at the place of the victim
        copy.set(random.bytes(16), 100);
      });
      return passes(one, resigned(bytes, thief));
    },
    'signature moved by the order of the group': () => {
      const one = pickOf(all);
      const s =
        BigInt(`0x${Buffer.from(one.bytes.slice(-32)).reverse().toString('hex')}`) + ORDER * BigInt(1 + pick(14));
      const moved = Buffer.from(s.toString(16).padStart(64, '0').slice(-64), 'hex').reverse();
      return passes(
        one,
        changed(one.bytes, (copy) => copy.set(moved, copy.length - 32)),
      );
    },
    'an older pointer': async () => {
      const { newest, bytes } = pickOf(outdated);
      await store.put(newest.ref, pick(8), bytes, pick(2) === 0 ? 'owner' : 'path');
      const held = await (store as BlockStore).get(newest.ref);
      const known = seen.get(newest.ref.key)!;
      seen.note(newest.ref.key, pointerVersion(bytes)!, bytes);
      const after = seen.get(newest.ref.key)!;
      return Buffer.compare(held!, newest.bytes) !== 0 || after.version !== NEWEST || after.digest !== known.digest;
    },
    'another record where one stands': async () => {
      const one = pickOf(records);
      const { bytes } = sealRecord(crypto, KIND.ssk, one.space, one.name, 0, random.bytes(20));
      await store.put(one.ref, pick(8), bytes, pick(2) === 0 ? 'owner' : 'path');
      return Buffer.compare((await store.get(one.ref))!, one.bytes) !== 0;
    },
    'signed by its owner, sealed with another key': () => {
      const one = pickOf(pointers);
      const bytes = resigned(
        changed(one.bytes, (copy) => copy.set(random.bytes(274), 88)),
        one.space,
      );
      return openRecord(crypto, KIND.pointer, one.space, one.name, bytes) !== undefined;
    },
    'a keyword without work': () => {
      const one = pickOf(lazy);
      return verifyBlock(crypto, one.ref, one.bytes);
    },
    'a keyword twice, or in another bucket': () => {
      const one = pickOf(keywords);
      const other = keywords.find((keyword) => keyword !== one)!;
      return (
        passes(one, joinRecords([one.bytes, one.bytes])) ||
        passes(one, joinRecords([one.bytes, other.bytes])) ||
        passes(one, other.bytes)
      );
    },
  };

  return {
    /** Whether the genuine ones pass: a check that refuses everything would prove nothing. */
    genuineHold: (): boolean => all.every((one) => passes(one, one.bytes)),
    sorts: Object.keys(sorts),
    async attack(count: number): Promise<AttackResult> {
      const tried: Record<string, number> = {};
      const accepted: Record<string, number> = {};
      const entries = Object.entries(sorts);
      for (let i = 0; i < count; i++) {
        const [sort, forge] = entries[i % entries.length]!;
        tried[sort] = (tried[sort] ?? 0) + 1;
        const outcome = forge();
        const taken = typeof outcome === 'boolean' ? outcome : await settled(outcome);
        if (taken) accepted[sort] = (accepted[sort] ?? 0) + 1;
      }
      return { tried, accepted };
    },
  };

  /** The store writes in a turn of its own. */
  async function settled<T>(outcome: Promise<T>): Promise<T> {
    let result: T | undefined;
    outcome.then((value) => {
      result = value;
    });
    // A refusal needs no timer; moving the clock costs ten times what it does.
    for (let turn = 0; turn < 50 && result === undefined; turn++) await Promise.resolve();
    while (result === undefined) await clock.advance(1);
    return result;
  }
}
