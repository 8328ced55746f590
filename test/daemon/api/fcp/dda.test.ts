import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DirectAccess, fileHashMatches } from '../../../../daemon/api/fcp/dda.ts';
import type { FcpError } from '../../../../daemon/api/fcp/fcp-error.ts';
import { FCP_DDA_DIRECTORIES_MAX } from '../../../../daemon/limits.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const home = mkdtempSync(join(tmpdir(), 'holloway-dda-'));
test.after.always(() => rmSync(home, { recursive: true, force: true }));

function folder(name: string): string {
  const path = join(home, name);
  mkdirSync(path);
  return path;
}

test('who reads and writes what the test asks may use the directory, and nothing of the test is left', async (t) => {
  const directory = folder('both');
  const access = new DirectAccess(createSeededRandom(1));
  writeFileSync(join(directory, 'file'), 'x');
  await t.throwsAsync(access.requireRead(join(directory, 'file')), { message: /TestDDARequest/ });
  const asked = await access.ask(directory, true, true);
  const content = readFileSync(String(asked.ReadFilename), 'utf8');
  writeFileSync(String(asked.WriteFilename), String(asked.ContentToWrite));
  t.deepEqual(await access.answer(directory, content), {
    Directory: directory,
    ReadDirectoryAllowed: true,
    WriteDirectoryAllowed: true,
  });
  t.is(await access.requireRead(join(directory, 'file')), join(directory, 'file'));
  t.is(await access.requireWrite(join(directory, 'new')), join(directory, 'new'));
  t.deepEqual(readdirSync(directory), ['file']);
});

test('a wrong answer opens nothing, and only what was asked is opened', async (t) => {
  const directory = folder('wrong');
  const access = new DirectAccess(createSeededRandom(2));
  const asked = await access.ask(directory, true, true);
  writeFileSync(String(asked.WriteFilename), 'something else');
  t.like(await access.answer(directory, 'guess'), { ReadDirectoryAllowed: false, WriteDirectoryAllowed: false });
  await t.throwsAsync(access.requireWrite(join(directory, 'f')), { message: /TestDDARequest/ });
  const again = await access.ask(directory, true, false);
  t.is(again.WriteFilename, undefined);
  await access.answer(directory, readFileSync(String(again.ReadFilename), 'utf8'));
  await t.notThrowsAsync(access.requireRead(join(directory, 'f')));
  await t.throwsAsync(access.requireWrite(join(directory, 'f')), { message: /TestDDARequest/ });
});

test('a path through a link or dots is judged by where it leads', async (t) => {
  const open = folder('open');
  const secret = folder('secret');
  writeFileSync(join(secret, 'key'), 'x');
  symlinkSync(secret, join(open, 'link'));
  const access = new DirectAccess(createSeededRandom(3));
  const asked = await access.ask(open, true, false);
  await access.answer(open, readFileSync(String(asked.ReadFilename), 'utf8'));
  for (const path of [join(open, 'link', 'key'), `${open}/../secret/key`]) {
    await t.throwsAsync(access.requireRead(path), { message: /TestDDARequest/ });
  }
});

test('errors carry the directory in place of an Identifier', async (t) => {
  const access = new DirectAccess(createSeededRandom(4));
  for (const [path, code] of [
    [join(home, 'missing'), 9],
    ['relative', 8],
  ] as const) {
    const error = (await t.throwsAsync(access.ask(path, true, false))) as FcpError;
    t.like(error.fields(), { Code: code, Identifier: path });
  }
  t.like(((await t.throwsAsync(access.answer(home, 'x'))) as FcpError).fields(), { Code: 25 });
});

test(`at most ${FCP_DDA_DIRECTORIES_MAX} tests are open, and a closed connection leaves no file`, async (t) => {
  const access = new DirectAccess(createSeededRandom(5));
  const asked: string[] = [];
  for (let i = 0; i <= FCP_DDA_DIRECTORIES_MAX; i++) {
    const reply = await access.ask(folder(`many-${i}`), true, false);
    asked.push(String(reply.ReadFilename));
  }
  await access.close();
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(asked.slice(1).filter(existsSync), []);
  await t.throwsAsync(access.answer(join(home, 'many-0'), 'x'), { message: /TestDDARequest/ });
});

test('the hash of a file with the connection and the identifier stands for the test', async (t) => {
  const path = join(home, 'hashed');
  writeFileSync(path, 'content');
  const hash = createHash('sha256').update('conn-id-content').digest('base64');
  t.true(await fileHashMatches(path, 'conn-id-', hash));
  t.false(await fileHashMatches(path, 'conn-other-', hash));
});
