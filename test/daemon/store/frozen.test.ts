/**
 * Stores that earlier versions wrote, kept in test/vectors: each must open, whole.
 * @module
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fromHexKey, hexKey, type Kind, routingKey } from '../../../daemon/ids.ts';
import { createDisk } from '../../../daemon/io/disk.ts';
import { openTestStore, ownedRefs } from './store-bench.ts';

interface Frozen {
  readonly passphrase: string;
  readonly slots: number;
  readonly contents: readonly {
    readonly kind: Kind;
    readonly key: string;
    readonly replica: number;
    readonly reason: string;
    readonly sha256: string;
  }[];
}

for (const format of [1]) {
  test(`a frozen store of format ${format} opens, and everything in it is there`, async (t) => {
    const kept = fileURLToPath(new URL(`../../vectors/store-${format}`, import.meta.url));
    const dir = mkdtempSync(join(tmpdir(), 'holloway-frozen-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    cpSync(kept, dir, { recursive: true });
    const { passphrase, slots, contents } = JSON.parse(readFileSync(join(dir, 'contents.json'), 'utf8')) as Frozen;

    await t.throwsAsync(openTestStore(createDisk(dir), { slots, passphrase: 'another' }), { code: 'bad_passphrase' });
    const store = await openTestStore(createDisk(dir), { slots, passphrase });
    for (const { kind, key, reason, sha256 } of contents) {
      const ref = { kind, key: routingKey(fromHexKey(key)) };
      const bytes = await store.get(ref);
      t.is(bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex'), sha256);
      t.is(store.reasonOf(ref), reason as never);
    }
    t.deepEqual(
      (await ownedRefs(store)).map(({ ref, replica }) => `${ref.kind} ${hexKey(ref.key)} ${replica}`).sort(),
      contents
        .filter(({ reason }) => reason !== 'path')
        .map(({ kind, key, replica }) => `${kind} ${key} ${replica}`)
        .sort(),
    );
    await store.close();
  });
}
