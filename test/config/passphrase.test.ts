import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readPassphrase } from '../../config/passphrase.ts';
import { ConfigError } from '../../config/schema.ts';

function file(t: ExecutionContext, text: string, mode = 0o600): string {
  const dir = mkdtempSync(join(tmpdir(), 'hw-passphrase-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'secret'), text);
  chmodSync(join(dir, 'secret'), mode);
  return join(dir, 'secret');
}

test('readPassphrase: the first line, in NFC, without its end', (t) => {
  const read = (text: string): string => Buffer.from(readPassphrase(file(t, text))!).toString('utf8');
  t.is(read('one two\nthree\n'), 'one two');
  t.is(read('windows\r\nline'), 'windows');
  t.is(read('cafe\u0301'), 'caf\u00e9');
  t.is(read(' spaces stay '), ' spaces stay ');
  t.is(readPassphrase(''), undefined);
});

test('readPassphrase: an empty line, a missing file, and one that others can read are refused without showing it', (t) => {
  const open = file(t, 'a secret', 0o644);
  for (const path of [file(t, ''), file(t, '\nsecond'), join(open, 'none'), open]) {
    const error = t.throws(() => readPassphrase(path), { instanceOf: ConfigError });
    t.false(error.message.includes('a secret'));
    t.is(error.key, 'store.passphrase_file');
  }
});
