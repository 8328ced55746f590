/**
 * One run of a publish of the queue: planned once, then inserted as far as no run before has done it.
 *
 * Shape   resolves to the key for readers.
 * Errors  rejects with the LocalError of the client or the disk; SourceChanged when what was planned is not there any more.
 * Source  ux § 2 "Publish resumes too".
 * @module
 */
import { LocalError } from '../../errors.ts';
import type { Crypto, Files } from '../../ports.ts';
import type { DirectoryFile } from '../client-types.ts';
import { SEGMENT_BYTES_MAX } from '../document-shape.ts';
import type { PublishResume, PublishSource, ResumableClient } from '../resume-types.ts';
import type { PublishEntry } from './entry.ts';
import { readFile } from './output.ts';
import { PublishJournal } from './publish-journal.ts';
import { SealedFile } from './sealed-file.ts';
import type { SpoolFiles } from './spool-files.ts';

export interface PublishRunDeps {
  readonly client: ResumableClient;
  readonly crypto: Crypto;
  readonly files: Files;
  readonly spool: SpoolFiles;
  /** For what is `repeatable`. */
  readonly repeatKey: Uint8Array;
}

export interface PublishRunEvents {
  /** Every key is known, and nothing has left. Durable when it returns. */
  planned(uri: string): void;
}

/** @param planOnly: the key is all that is wanted */
export async function runPublish(
  deps: PublishRunDeps,
  entry: PublishEntry,
  events: PublishRunEvents,
  signal: AbortSignal,
  planOnly = false,
): Promise<string> {
  const { client, crypto, files, spool } = deps;
  const { id, options } = entry;
  const file = await files.open(spool.path(id, 'journal'), 'private');
  const journal = await PublishJournal.open(crypto, file, spool.keyOf(entry, 'journal'));
  const plan = {
    async done(uri: string) {
      await journal.flush();
      events.planned(uri);
    },
    isAll: planOnly,
  };
  const resume: PublishResume = {
    id,
    ...(entry.isPlanned ? {} : { plan }),
    ...(entry.repeatable ? { repeatKey: deps.repeatKey } : {}),
    secretOf: (document) => journal.secretOf(document),
    noteSecret: (document, secret) => journal.noteSecret(document, secret),
    segmentOf: (document, segment) => journal.segmentOf(document, segment),
    noteSegment: (document, segment, noted) => journal.noteSegment(document, segment, noted),
    isAcknowledged: (document, place) => journal.isAcknowledged(document, place),
    acknowledged: (document, place) => journal.acknowledged(document, place),
  };
  try {
    return await client.resumePublish(await sourceOf(deps, entry), options, signal, resume).result;
  } finally {
    await journal.close();
  }
}

async function sourceOf(deps: PublishRunDeps, entry: PublishEntry): Promise<PublishSource> {
  const { files } = deps;
  const { from } = entry;
  switch (from.type) {
    case 'redirect':
      return { type: 'name', uri: from.uri };
    case 'spool':
      return { type: 'file', open: () => readSpool(deps, entry, 0, from.sizeBytes) };
    case 'spool-tree': {
      const { defaultPath } = from;
      const open = () => readTree(deps, entry);
      return { type: 'tree', open, ...(defaultPath === undefined ? {} : { defaultPath }) };
    }
    default: {
      const facts = await files.facts(from.path);
      if (facts?.kind !== 'folder') return { type: 'file', open: () => readPath(files, from.path) };
      const { defaultPath, hidden = false } = from;
      const open = () => readFolder(files, from.path, hidden);
      return { type: 'tree', open, ...(defaultPath === undefined ? {} : { defaultPath }) };
    }
  }
}

/** Bytes [from, to) of what was handed over. */
async function* readSpool(
  { crypto, files, spool }: PublishRunDeps,
  entry: PublishEntry,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const file = await files.open(spool.path(entry.id, 'content'), 'read');
  const sealed = await SealedFile.open(crypto, file, spool.keyOf(entry, 'content'), to);
  try {
    yield* sealed.read(from, to);
  } finally {
    await sealed.close();
  }
}

async function* readPath(files: Files, path: string): AsyncGenerator<Uint8Array> {
  const file = await files.open(path, 'read');
  try {
    yield* readFile(file, 0, file.sizeBytes());
  } finally {
    await file.close();
  }
}

async function* readTree(deps: PublishRunDeps, entry: PublishEntry): AsyncGenerator<DirectoryFile> {
  const { files } = deps;
  const found: DirectoryFile[] = [];
  for (const file of entry.tree ?? []) {
    const { path } = file;
    if (file.from === 'key') {
      found.push({ path, sizeBytes: file.sizeBytes, uri: file.uri, content: NOTHING });
    } else if (file.from === 'spool') {
      const { offset, sizeBytes } = file;
      found.push({ path, sizeBytes, content: readSpool(deps, entry, offset, offset + sizeBytes) });
    } else {
      const facts = await files.facts(file.diskPath);
      if (facts?.kind !== 'file') throw new LocalError('no_file', file.diskPath);
      found.push({ path, sizeBytes: facts.sizeBytes, content: readPath(files, file.diskPath) });
    }
  }
  yield* smallFirst(found);
}

/** Small files first, because those are packed together (publish-directory.ts). */
async function* readFolder(files: Files, folder: string, hidden: boolean): AsyncGenerator<DirectoryFile> {
  const found = (await files.list(folder)).filter(({ path }) => hidden || !/(?:^|\/)\./.test(path));
  if (found.length === 0) throw new LocalError('usage', 'the folder holds no file to publish');
  for (const { path, sizeBytes } of smallFirst(found)) {
    yield { path, sizeBytes, content: readPath(files, files.join(folder, path)) };
  }
}

function smallFirst<T extends { readonly sizeBytes: number }>(found: readonly T[]): T[] {
  const isSmall = ({ sizeBytes }: T): boolean => sizeBytes <= SEGMENT_BYTES_MAX;
  return [...found.filter(isSmall), ...found.filter((file) => !isSmall(file))];
}

const NOTHING: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};
