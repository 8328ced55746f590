/**
 * One run of a fetch of the queue: from the mark of the run before to the end, or to where it is stopped.
 *
 * Shape   content goes to the output; about once a second the output is saved, then the mark noted, then the blocks before it dropped.
 * Errors  rejects with the LocalError of the client, the output or the disk; what was noted until then stands.
 * Why     in that order, so that at every moment each byte is either in the saved output or can be made from kept blocks.
 * Source  ux § 2 "Resume": at most the blocks in flight are lost.
 * @module
 */
import { LocalError } from '../../errors.ts';
import type { RoutingKey } from '../../ids.ts';
import type { Clock, Crypto, Files, OpenFile } from '../../ports.ts';
import { BEGINNING } from '../assembly.ts';
import type { FetchedMetadata } from '../client-types.ts';
import type { FetchMark, KeptBlocks, ResumableClient } from '../resume-types.ts';
import { BlockSpool } from './block-spool.ts';
import type { FetchEntry } from './entry.ts';
import { type Output, openOutput, partOf } from './output.ts';
import type { SpoolFiles } from './spool-files.ts';

/** Between two marks that are noted: each costs two waits for the disk. */
const MARK_INTERVAL_MS = 1_000;

export interface FetchRunDeps {
  readonly client: ResumableClient;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly files: Files;
  readonly spool: SpoolFiles;
}

export interface FetchRunEvents {
  metadata(metadata: FetchedMetadata): void;
  /** Whether it is durable when it returns. */
  marked(mark: FetchMark, pinned: string | undefined): boolean;
  /** The whole is here and saved, which is noted: others who wait for the same take their copy. */
  whole(metadata: FetchedMetadata, read: () => AsyncIterable<Uint8Array>): Promise<void>;
}

interface PassedMark {
  readonly mark: FetchMark;
  readonly passed: readonly RoutingKey[];
}

export async function runFetch(
  deps: FetchRunDeps,
  entry: FetchEntry,
  events: FetchRunEvents,
  signal: AbortSignal,
): Promise<void> {
  if (entry.isWhole && (await finishWhole(deps, entry))) return;
  const { output, start } = await openAt(deps, entry);
  let kept: BlockSpool | undefined;
  try {
    kept = await openKept(deps, entry);
    await new FetchRun(deps, entry, events, output, kept, start).run(signal);
  } finally {
    await kept?.close();
    await output.close();
  }
  await deps.spool.remove(entry.id, 'blocks').catch(() => {}); // the next start removes what no entry has
}

/** An earlier run ended between the last byte and the name. False: what it had is gone. */
async function finishWhole({ files, spool }: FetchRunDeps, { id, to }: FetchEntry): Promise<boolean> {
  if (to.type === 'disk') {
    const part = await files.facts(partOf(to.path));
    if (part !== undefined) await files.rename(partOf(to.path), to.path, to.replace === true);
    else if ((await files.facts(to.path)) === undefined) return false;
  } else if ((await files.facts(spool.path(id, 'content'))) === undefined) {
    return false;
  }
  await spool.remove(id, 'blocks').catch(() => {});
  return true;
}

/** The output as the last mark left it, or a new one when that is gone. */
async function openAt(deps: FetchRunDeps, entry: FetchEntry): Promise<{ output: Output; start: FetchMark }> {
  const { crypto, files, spool } = deps;
  const place = { to: entry.to, sealedPath: spool.path(entry.id, 'content'), key: spool.keyOf(entry, 'content') };
  const output = await openOutput(crypto, files, place, entry.start.contentBytes);
  if (output !== undefined) return { output, start: entry.start };
  const fresh = await openOutput(crypto, files, place, 0);
  if (fresh === undefined) throw new LocalError('disk_failed', 'the output cannot be begun anew');
  return { output: fresh, start: BEGINNING };
}

/** Undefined: the spool takes nothing; what is cut off is then fetched again. */
async function openKept({ crypto, files, spool }: FetchRunDeps, entry: FetchEntry): Promise<BlockSpool | undefined> {
  let file: OpenFile;
  try {
    file = await files.open(spool.path(entry.id, 'blocks'), 'private');
  } catch (error) {
    if (error instanceof LocalError) return undefined;
    throw error;
  }
  return BlockSpool.open(crypto, file, spool.keyOf(entry, 'blocks'));
}

const KEEPS_NOTHING: KeptBlocks = { has: () => false, read: async () => undefined, keep() {} };

class FetchRun {
  readonly #deps: FetchRunDeps;
  readonly #entry: FetchEntry;
  readonly #events: FetchRunEvents;
  readonly #output: Output;
  readonly #kept: BlockSpool | undefined;
  readonly #start: FetchMark;
  /** Not reached by the output yet, oldest first. */
  readonly #ahead: PassedMark[] = [];
  /** Reached, and not noted yet. */
  #reached: PassedMark | undefined;
  #passed: RoutingKey[] = [];
  #contentBytes: number;
  #notedAtMs: number;
  #pinned: string | undefined;

  constructor(
    deps: FetchRunDeps,
    entry: FetchEntry,
    events: FetchRunEvents,
    output: Output,
    kept: BlockSpool | undefined,
    start: FetchMark,
  ) {
    this.#deps = deps;
    this.#entry = entry;
    this.#events = events;
    this.#output = output;
    this.#kept = kept;
    this.#start = start;
    this.#contentBytes = start.contentBytes;
    this.#notedAtMs = deps.clock.nowMs();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    const { id, uri, options, pinned } = this.#entry;
    const goesOn = this.#start.contentBytes > 0 && pinned !== undefined;
    const transfer = client.fetch(goesOn ? pinned : uri, options, signal, {
      id,
      kept: this.#kept ?? KEEPS_NOTHING,
      start: this.#start,
      before: () => this.#output.read(0, this.#start.contentBytes),
      reached: (mark, passed) => this.#ahead.push({ mark, passed }),
    });
    const metadata = await transfer.metadata;
    try {
      if (metadata.directory !== undefined && this.#entry.to.type === 'disk') throw new LocalError('is_folder');
      this.#pinned = metadata.uri ?? uri;
      this.#events.metadata(metadata);
      for await (const bytes of transfer.content) {
        await this.#output.append(bytes);
        this.#contentBytes += bytes.length;
        this.#look();
        if (this.#deps.clock.nowMs() - this.#notedAtMs >= MARK_INTERVAL_MS) await this.#note();
      }
    } catch (error) {
      client.cancel(id); // it may be ours, and the transfer waits for its reader
      await this.#note().catch(() => {}); // the first error says more
      throw error;
    }
    await this.#output.save();
    await this.#events.whole(metadata, () => this.#output.read());
    await this.#output.finish();
  }

  /** Which of the marks have been reached by the output. */
  #look(): void {
    for (let next = this.#ahead[0]; next !== undefined; next = this.#ahead[0]) {
      if (next.mark.contentBytes > this.#contentBytes) return;
      this.#ahead.shift();
      this.#reached = next;
      for (const key of next.passed) this.#passed.push(key);
    }
  }

  async #note(): Promise<void> {
    this.#notedAtMs = this.#deps.clock.nowMs();
    const reached = this.#reached;
    if (reached === undefined) return;
    this.#reached = undefined;
    await this.#output.save();
    if (!this.#events.marked(reached.mark, this.#pinned)) return; // the next life begins before it, and wants its blocks
    this.#kept?.drop(this.#passed);
    this.#passed = [];
  }
}
