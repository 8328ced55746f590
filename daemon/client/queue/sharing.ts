/**
 * Fetches that wait for what another fetch brings, and take a copy of it.
 *
 * Why     asking twice would show the network twice who wants it.
 * @module
 */
import { LocalError } from '../../errors.ts';
import type { Crypto, Files } from '../../ports.ts';
import type { FetchedMetadata } from '../client-types.ts';
import type { FetchEntry } from './entry.ts';
import type { Intake } from './intake.ts';
import { openOutput } from './output.ts';
import type { Rows } from './rows.ts';
import type { SpoolFiles } from './spool-files.ts';

interface SharingDeps {
  readonly crypto: Crypto;
  readonly files: Files;
  readonly spool: SpoolFiles;
}

export class Sharing {
  readonly #deps: SharingDeps;
  readonly #rows: Rows;
  readonly #intake: Intake;
  /** Follower -> the fetch whose bytes it waits for. */
  readonly #following = new Map<string, string>();

  constructor(deps: SharingDeps, rows: Rows, intake: Intake) {
    this.#deps = deps;
    this.#rows = rows;
    this.#intake = intake;
  }

  follow(id: string, leader: string): void {
    this.#following.set(id, leader);
  }

  unfollow(id: string): void {
    this.#following.delete(id);
  }

  followersOf(id: string): FetchEntry[] {
    return [...this.#following]
      .filter(([, leader]) => leader === id)
      .flatMap(([follower]) => this.#rows.table.get(follower) ?? [])
      .filter((entry) => entry.kind === 'fetch');
  }

  /** Gives a follower what its leader has, which is an attempt of its own. @returns why it failed, or undefined */
  async copyTo(entry: FetchEntry, metadata: FetchedMetadata, read: () => AsyncIterable<Uint8Array>): Promise<unknown> {
    this.unfollow(entry.id);
    entry.attempts++;
    try {
      const { maxBytes } = entry.options;
      if (maxBytes !== undefined && metadata.contentBytes > maxBytes) throw new LocalError('too_large');
      if (entry.to.type !== 'disk') this.#intake.requireRoom(metadata.contentBytes);
      entry.metadata = metadata;
      this.#rows.saveDetails(entry);
      const { crypto, files, spool } = this.#deps;
      const place = { to: entry.to, sealedPath: spool.path(entry.id, 'content'), key: spool.keyOf(entry, 'content') };
      const output = await openOutput(crypto, files, place, 0);
      try {
        for await (const bytes of read()) await output?.append(bytes);
        await output?.finish();
      } finally {
        await output?.close();
      }
      return undefined;
    } catch (error) {
      return error ?? new LocalError('internal');
    }
  }
}
