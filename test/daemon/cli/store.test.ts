/**
 * `holloway store ...` against one real daemon.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { cli } from '../../support/devnet.ts';

test('store: stat, verify, resize and passphrase of a running daemon, and a start with the new one', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'hw-store-'));
  const env = { HOLLOWAY_HOME: home, HOLLOWAY_PROFILE: 'devnet' };
  const secret = join(home, 'secret');
  writeFileSync(secret, 'a horse in the lane\n', { mode: 0o600 });
  t.teardown(async () => {
    await cli(['stop', '--quiet'], { env });
    rmSync(home, { recursive: true });
  });
  t.is((await cli(['start'], { env })).code, 0);

  const stat = await cli(['store', 'stat', '--json'], { env });
  t.like(JSON.parse(stat.stdout) as object, { v: 1, sizeBytes: 256 * 2 ** 20, isSealed: false });
  t.regex((await cli(['store', 'verify'], { env })).stdout, /^verified: 0 blocks and records, 0 damaged/);
  t.regex((await cli(['store', 'resize', '64MiB', '--dry-run'], { env })).stdout, /nothing is given up/);
  const small = await cli(['store', 'resize', '3MiB'], { env });
  t.is(small.code, 2);
  t.regex(small.stderr, /3MiB: a store has at least 16 ?MiB/);
  const sealed = await cli(['store', 'passphrase', '--new-file', secret, '--json'], { env });
  t.like(JSON.parse(sealed.stdout) as object, { isSealed: true });
  t.is((await cli(['stop'], { env })).code, 0);

  const refused = await cli(['start'], { env });
  t.regex(refused.stderr, /\[bad_passphrase\]/);
  t.is(refused.code, 8);
  const again = await cli(['start', '--set', `store.passphrase_file=${secret}`], { env });
  t.is(again.code, 0, again.stderr);
  t.regex((await cli(['store', 'stat'], { env })).stdout, /sealed with a passphrase/);
});
