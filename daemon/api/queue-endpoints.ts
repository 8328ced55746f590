/**
 * The persistent queue over HTTP: what is asked for by path, and what becomes of it.
 *
 * Shape   entries as QueueStatus; events end with `result` (done) or `error` (failed, cancelled, paused, removed).
 * Errors  LocalError as ApiErrorBody: those of the queue, and usage for a path that is not absolute.
 * Why     nobody who goes away takes an entry along: that is what the queue is for. Keys and paths stand in these answers, so none of
 *         them is on the read-only socket.
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAbsolute } from 'node:path';
import type { KeyRing } from '../client/key-ring.ts';
import { pathFault } from '../client/listing.ts';
import type { Priority, QueueEntry, TransferQueue } from '../client/queue-types.ts';
import { LocalError } from '../errors.ts';
import type { Clock, Timer } from '../ports.ts';
import type { NodeSettings } from '../settings.ts';
import { errorBody, openEventStream, readJson, sendJson } from './http.ts';
import type { QueueStatus, TransferResult } from './schema.ts';
import type { StatusSource } from './status.ts';
import { checkClass, checkFlag, checkMaxBytes, checkRange, readPublishOptions } from './transfer-options.ts';

/** Progress events of one entry: at most ten a second. */
const PROGRESS_MS = 100;
/** Freenet's class for what a person waits for. */
const PRIORITY: Priority = 2;
const FETCH_FIELDS: readonly string[] = ['uri', 'path', 'class', 'maxBytes', 'range', 'replace', 'priority', 'retries'];

export interface QueueDeps {
  readonly queue: TransferQueue;
  readonly keys: KeyRing;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly status: StatusSource;
}

export interface QueueEndpoints {
  list(response: ServerResponse): void;
  show(response: ServerResponse, id: string): void;
  fetch(request: IncomingMessage, response: ServerResponse): Promise<void>;
  publish(request: IncomingMessage, response: ServerResponse): Promise<void>;
  events(response: ServerResponse, id: string): void;
  /** Answers with the entry as it is then. */
  change(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    change: 'pause' | 'resume' | 'retry' | 'remove' | 'priority',
  ): Promise<void>;
}

export function createQueueEndpoints({ queue, keys, settings, clock, status }: QueueDeps): QueueEndpoints {
  function statusOf(entry: QueueEntry): QueueStatus {
    const { state, priority, persistence, attempts, nextAttemptAtMs, uri, place, error, progress } = entry;
    return {
      transfer: status.transfer(progress),
      state,
      priority,
      persistence,
      attempts,
      nextAttemptInMs: nextAttemptAtMs === undefined ? null : Math.max(0, Math.round(nextAttemptAtMs - clock.nowMs())),
      uri: uri ?? null,
      path: place.type === 'disk' ? place.path : null,
      verified: progress.verified ?? null,
      error: error === undefined ? null : { code: error.code, detail: error.detail ?? null },
    };
  }

  function known(id: string): QueueEntry {
    const entry = queue.entry(id);
    if (entry === undefined) throw new LocalError('unknown_transfer');
    return entry;
  }

  function resultOf({ id, kind, uri, progress, metadata }: QueueEntry): TransferResult {
    return {
      v: 1,
      id,
      kind,
      ...(kind === 'publish' && uri !== undefined ? { uri } : {}),
      sizeBytes: progress.totalBytes ?? progress.bytes,
      contentType: metadata?.contentType ?? progress.contentType ?? null,
      name: metadata?.name ?? null,
      blocks: progress.blocksNeeded ?? progress.blocksHave,
      ...(progress.blocksAsked === undefined ? {} : { blocksAsked: progress.blocksAsked }),
      exits: progress.exits,
      trafficClass: progress.trafficClass,
      copiesMin: progress.copiesMin ?? null,
      ...(progress.verified === undefined ? {} : { verified: progress.verified }),
      ...(metadata?.edition === undefined ? {} : { edition: metadata.edition }),
      ...(metadata?.isForked === true ? { isForked: true } : {}),
      tookMs: Math.round((progress.endedAtMs ?? clock.nowMs()) - progress.startedAtMs),
    };
  }

  return {
    list: (response) => sendJson(response, 200, { v: 1, entries: queue.entries().map(statusOf) }),
    show: (response, id) => sendJson(response, 200, { v: 1, ...statusOf(known(id)) }),

    async fetch(request, response) {
      const body = await readJson(request);
      const unknown = Object.keys(body).find((key) => !FETCH_FIELDS.includes(key));
      if (unknown !== undefined) throw new LocalError('usage', `the body may hold ${FETCH_FIELDS.join(', ')}`);
      if (typeof body.uri !== 'string') throw new LocalError('bad_uri', 'the body names no uri');
      const id = await queue.fetch({
        uri: body.uri,
        priority: checkPriority(body.priority),
        persistence: 'forever',
        retries: checkRetries(body.retries),
        options: {
          trafficClass: checkClass(body.class) ?? settings.fetchClass,
          ...checkMaxBytes(body.maxBytes),
          ...checkRange(body.range),
        },
        to: { type: 'disk', path: checkPath(body.path), ...(body.replace === true ? { replace: true } : {}) },
      });
      sendJson(response, 202, { v: 1, id, persistence: queue.entry(id)?.persistence ?? 'forever' });
    },

    async publish(request, response) {
      const body = await readJson(request);
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(body)) {
        if (typeof value === 'string' || typeof value === 'boolean') query.set(name, String(value));
      }
      const defaultPath = query.get('default') ?? undefined;
      if (defaultPath !== undefined && pathFault(defaultPath) !== undefined) {
        throw new LocalError('usage', 'default is a path inside the folder');
      }
      const id = await queue.publish({
        priority: checkPriority(body.priority),
        persistence: 'forever',
        retries: checkRetries(body.retries),
        options: readPublishOptions(query, settings, keys),
        from: {
          type: 'disk',
          path: checkPath(body.path),
          ...(defaultPath === undefined ? {} : { defaultPath }),
          ...(checkFlag(query, 'hidden') ? { hidden: true } : {}),
        },
      });
      sendJson(response, 202, { v: 1, id });
    },

    events(response, id) {
      known(id); // before the head goes out, so that an unknown id is a typed error
      const stream = openEventStream(response);
      let waiting: Timer | undefined;
      let last: QueueEntry | undefined;
      const close = (): void => {
        waiting?.cancel();
        stop();
      };
      const look = (): void => {
        waiting = undefined;
        const entry = queue.entry(id) ?? last;
        if (entry === undefined || !stream.open) {
          close();
          return;
        }
        last = entry;
        stream.send('progress', JSON.stringify(statusOf(entry).transfer));
        const isGone = queue.entry(id) === undefined;
        if (entry.state === 'done') {
          stream.finish('result', JSON.stringify(resultOf(entry)));
        } else if (entry.state === 'failed' || entry.state === 'cancelled' || entry.state === 'paused' || isGone) {
          const { code, detail } = entry.error ?? { code: 'cancelled', detail: undefined };
          stream.finish('error', JSON.stringify(errorBody(code, detail)));
        } else {
          return;
        }
        close();
      };
      const stop = queue.onChange((entry, change) => {
        if (entry.id !== id) return;
        last = entry;
        const isMoving = change !== 'removed' && (entry.state === 'running' || entry.state === 'queued');
        if (isMoving) {
          waiting ??= clock.setTimer(PROGRESS_MS, look);
        } else {
          waiting?.cancel();
          waiting = clock.setTimer(0, look); // in the next turn: not from within the queue's own notification
        }
      });
      response.on('close', close);
      look();
    },

    async change(request, response, id, change) {
      const entry = known(id);
      if (change === 'priority') await queue.prioritise(id, checkPriority((await readJson(request)).priority));
      else await queue[change](id);
      sendJson(response, 200, { v: 1, ...statusOf(queue.entry(id) ?? entry) });
    },
  };
}

function checkPath(value: unknown): string {
  if (typeof value === 'string' && isAbsolute(value) && !value.includes('\0')) return value;
  throw new LocalError('usage', 'path is the absolute path of a file');
}

function checkPriority(value: unknown): Priority {
  if (value === undefined) return PRIORITY;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 6) return value as Priority;
  throw new LocalError('usage', 'priority is 0 (first) to 6');
}

function checkRetries(value: unknown): number {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && (value as number) >= -1) return value as number;
  throw new LocalError('usage', 'retries is -1 (for ever) or more');
}
