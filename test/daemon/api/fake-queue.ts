/**
 * A queue over a fake client: keeps its entries in memory, reads and writes real files, and does what it is told at once.
 * @module
 */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Client, TransferProgress } from '../../../daemon/client/client-types.ts';
import type { QueueEntry, QueueState, TransferQueue } from '../../../daemon/client/queue-types.ts';
import { LocalError, type UserErrorCode } from '../../../daemon/errors.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export function createFakeQueue(client: Client): TransferQueue {
  const entries = new Map<string, Writable<QueueEntry>>();
  const listeners = new Set<Parameters<TransferQueue['onChange']>[0]>();

  const progressOf = (id: string): TransferProgress => client.transfers().find((one) => one.id === id)!;
  const tell = (entry: QueueEntry, change: 'added' | 'changed' | 'removed'): void => {
    for (const listener of listeners) listener({ ...entry, progress: progressOf(entry.id) }, change);
  };
  function known(id: string): Writable<QueueEntry> {
    const entry = entries.get(id);
    if (entry === undefined) throw new LocalError('unknown_transfer');
    return entry;
  }
  function add(
    id: string,
    kind: QueueEntry['kind'],
    uri: string | undefined,
    path: string,
    work: Promise<string | undefined>,
  ): string {
    const entry: Writable<QueueEntry> = {
      id,
      kind,
      state: 'running',
      priority: 2,
      persistence: 'forever',
      attempts: 1,
      nextAttemptAtMs: undefined,
      progress: progressOf(id),
      uri,
      metadata: undefined,
      place: { type: 'disk', path },
      tag: undefined,
      error: undefined,
    };
    entries.set(id, entry);
    tell(entry, 'added');
    work.then(
      (key) => {
        entry.state = 'done';
        entry.uri = key ?? entry.uri;
        if (entries.has(id)) tell(entry, 'changed');
      },
      (error: { code: UserErrorCode; detail?: string }) => {
        entry.state = 'failed';
        entry.error = { code: error.code, detail: error.detail };
        if (entries.has(id)) tell(entry, 'changed');
      },
    );
    return id;
  }
  const become = (state: QueueState) => async (id: string) => {
    known(id).state = state;
    tell(known(id), 'changed');
  };

  return {
    async fetch({ uri, options, to }) {
      if (to.type !== 'disk') throw new LocalError('usage');
      const { id, metadata, content } = client.fetch(uri, options);
      const work = async (): Promise<undefined> => {
        await metadata;
        const parts: Uint8Array[] = [];
        for await (const part of content) parts.push(part);
        await writeFile(to.path, Buffer.concat(parts), { flag: to.replace === true ? 'w' : 'wx' });
      };
      return add(id, 'fetch', uri, to.path, work());
    },
    async publish({ options, from }) {
      if (from.type !== 'disk') throw new LocalError('usage');
      const { id, result } = client.publish(createReadStream(from.path), options);
      return add(id, 'publish', undefined, from.path, result);
    },
    plan: async () => 'CHK@planned',
    entries: () => [...entries.values()].map((entry) => ({ ...entry, progress: progressOf(entry.id) })),
    entry: (id) => {
      const entry = entries.get(id);
      return entry === undefined ? undefined : { ...entry, progress: progressOf(id) };
    },
    pause: become('paused'),
    resume: become('running'),
    retry: become('running'),
    async prioritise(id, priority) {
      known(id).priority = priority;
    },
    async retag(id, tag) {
      known(id).tag = tag;
    },
    async remove(id) {
      const entry = known(id);
      client.cancel(id);
      entries.delete(id);
      tell(entry, 'removed');
    },
    content: () => {
      throw new LocalError('usage');
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
