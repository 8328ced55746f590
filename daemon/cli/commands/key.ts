/**
 * `holloway key`: the signing identities of this home.
 *
 * Errors  those of the key ring; usage when a private key or a passphrase would have to stand on the command line.
 * Why     a private key is typed unseen, read from stdin or from a file: never an argument, which `ps` and the shell's history keep. It is printed
 *         only by `key export --stdout`; `-o` writes a file that only its owner can read.
 * @module
 */
import { open } from 'node:fs/promises';
import type { KeyDocument, KeyExport, KeysDocument } from '../../api/schema-keys.ts';
import { LocalError } from '../../errors.ts';
import { promptUnseen, readPassphraseFile } from '../ask-passphrase.ts';
import type { CommandRun, Context } from '../context.ts';

/** Longer than any key may be. */
const KEY_BYTES_MAX = 16_384;

export const keyNew: CommandRun = async (context, [given]) => {
  const { api, options, output, interrupted } = context;
  const name = given ?? options.text('name');
  if (name === undefined) throw new LocalError('usage', 'say which name the key gets: holloway key new blog');
  const passphrase = await newPassphrase(context);
  const made = await api.post<KeyDocument>('/v1/keys/new', { name, passphrase }, interrupted);
  say(context, made);
  output.note(`lost keys cannot be made again: holloway key export ${name} -o ${name}.key, and keep it elsewhere`);
  return 0;
};

export const keyList: CommandRun = async ({ api, output, interrupted }) => {
  const document = await api.get<KeysDocument>('/v1/keys', interrupted);
  output.table([
    ['name', 'key for readers', 'private part', 'since'],
    ...document.keys.map(({ name, requestUri, hasPassphrase, createdDay }) => [
      name,
      requestUri,
      hasPassphrase ? 'passphrase' : 'home',
      new Date(createdDay * 86_400_000).toISOString().slice(0, 10),
    ]),
  ]);
  output.document(document);
  return 0;
};

export const keyShow: CommandRun = async (context, [name = '']) => {
  say(context, await find(context, name));
  return 0;
};

export const keyExport: CommandRun = async (context, [name = '']) => {
  const { api, options, output, interrupted } = context;
  const path = options.text('output');
  if ((path === undefined) === !options.flag('stdout')) {
    throw new LocalError('usage', 'say where the private key goes: -o FILE, or --stdout');
  }
  const { hasPassphrase } = await find(context, name);
  const passphrase = hasPassphrase ? await oldPassphrase(context, name) : undefined;
  const exported = await api.post<KeyExport>('/v1/keys/export', { name, passphrase }, interrupted);
  if (path === undefined) {
    output.line(exported.insertUri);
    output.document(exported);
    return 0;
  }
  await writePrivate(path, `${exported.insertUri}\n`);
  output.line(`${name}  written to ${path} (0600): whoever reads it can publish as you`);
  output.document({ v: 1, name, path });
  return 0;
};

export const keyImport: CommandRun = async (context, [name = '']) => {
  const { api, options, interrupted } = context;
  const file = options.text('file') ?? '-';
  const uri = file === '-' ? await fromStdin() : new TextDecoder().decode(readPassphraseFile(file));
  const passphrase = await newPassphrase(context);
  say(context, await api.post<KeyDocument>('/v1/keys/import', { name, uri, passphrase }, interrupted));
  return 0;
};

export const keyRemove: CommandRun = async (context, [name = '']) => {
  const { api, options, output, interrupted } = context;
  await find(context, name);
  if (!options.flag('yes')) {
    throw new LocalError(
      'usage',
      `nobody can update what ${name} signed once it is gone: export it first, then add --yes`,
    );
  }
  const document = await api.post<object>('/v1/keys/remove', { name }, interrupted);
  output.line(`${name}  removed`);
  output.document(document);
  return 0;
};

/**
 * What --as means, ready to be sent: a private key is refused, a key with a passphrase is opened.
 * @param as name of the ring, NAME/DOCUMENT, or KSK@word
 */
export async function readyToSign(context: Context, as: string): Promise<string> {
  if (/^\s*(?:\w+:)*ksk@/i.test(as)) {
    context.output.note('note: whoever knows or guesses the word can publish under it too, before you or elsewhere');
    return as;
  }
  if (as.includes('@')) {
    throw new LocalError(
      'usage',
      '--as takes a name of the key ring; holloway key import NAME reads a private key from stdin',
    );
  }
  const name = as.split('/')[0]!;
  const { hasPassphrase } = await find(context, name);
  if (hasPassphrase) {
    const passphrase = await oldPassphrase(context, name);
    await context.api.post('/v1/keys/unlock', { name, passphrase }, context.interrupted);
  }
  return as;
}

async function find({ api, interrupted }: Context, name: string): Promise<KeyDocument> {
  const { keys } = await api.get<KeysDocument>('/v1/keys', interrupted);
  const found = keys.find((key) => key.name === name);
  if (found === undefined) throw new LocalError('unknown_key', name);
  return found;
}

function say({ output }: Context, key: KeyDocument): void {
  const { name, requestUri, siteUri, hasPassphrase } = key;
  output.line([name, requestUri, siteUri].join('\t'));
  output.note(
    `private part: in this home, ${hasPassphrase ? 'sealed with its passphrase' : 'under the key of the home'}`,
  );
  output.document(key);
}

/** For a new seal: from --passphrase-file, or typed twice; an empty one is none. */
async function newPassphrase(context: Context): Promise<string | undefined> {
  const file = context.options.text('passphrase-file');
  if (file !== undefined) return new TextDecoder().decode(readPassphraseFile(file));
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const first = await promptUnseen('passphrase for the new key (empty: none): ');
  if (first === '') return undefined;
  if ((await promptUnseen('once more: ')) !== first) throw new LocalError('wrong_passphrase', 'the two differ');
  return first;
}

async function oldPassphrase(context: Context, name: string): Promise<string> {
  const file = context.options.text('passphrase-file');
  if (file !== undefined) return new TextDecoder().decode(readPassphraseFile(file));
  if (!process.stdin.isTTY) throw new LocalError('locked', name);
  return promptUnseen(`passphrase of ${name}: `);
}

async function fromStdin(): Promise<string> {
  if (process.stdin.isTTY) return promptUnseen('private key (SSK@...): ');
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > KEY_BYTES_MAX) throw new LocalError('bad_uri', 'that is longer than any key');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8').trim();
}

async function writePrivate(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new LocalError(code === 'EEXIST' ? 'exists' : 'no_write', `${path} (${code})`, { cause: error });
  }
}
