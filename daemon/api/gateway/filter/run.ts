/**
 * The content filter as a service: one thread, one page at a time, each within its time and memory.
 *
 * Errors  LocalError unsafe_content (too large, too long, not to be made safe), busy.
 * Why     pages come from strangers. One that takes the parser a minute or a gigabyte must stop neither the links nor the circuits of this
 *         node: its thread is ended, and the next page gets a new one.
 * @module
 */
import { Worker } from 'node:worker_threads';
import { LocalError } from '../../../errors.ts';
import { GATEWAY_FILTER_BYTES_MAX, GATEWAY_FILTER_MS_MAX, GATEWAY_FILTER_WAITING_MAX } from '../../../limits.ts';
import type { Clock, Timer } from '../../../ports.ts';
import { type FilterJob, type FilterReply, READY } from './jobs.ts';

export interface Filtered {
  readonly text: string;
  /** Loads from other keys that were left out. */
  readonly others: number;
  readonly removed: number;
  /** Roots of other keys that were let in. */
  readonly loaded: readonly string[];
}

export interface Filter {
  run(job: Omit<FilterJob, 'id'>): Promise<Filtered>;
  close(): Promise<void>;
}

interface Waiting {
  readonly job: FilterJob;
  readonly resolve: (filtered: Filtered) => void;
  readonly reject: (error: LocalError) => void;
}

const IDLE_MS = 60_000;
const HEAP_MB = 256;
const STACK_MB = 8;

export function createFilter(clock: Clock): Filter {
  const waiting: Waiting[] = [];
  let current: Waiting | undefined;
  let worker: Worker | undefined;
  let isReady = false;
  let timer: Timer | undefined;
  let nextId = 0;

  function start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const started = new Worker(new URL(`./worker${extension}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, stackSizeMb: STACK_MB },
    });
    started.unref();
    isReady = false;
    started.on('message', (reply: FilterReply | typeof READY) => {
      if (worker !== started) return;
      if (reply === READY) {
        isReady = true;
        if (current !== undefined) limitTime();
        return;
      }
      if (reply.id !== current?.job.id) return;
      const done = finish();
      if ('fault' in reply) done?.reject(new LocalError('unsafe_content', reply.fault));
      else done?.resolve(reply);
      next();
    });
    started.on('error', () => {}); // 'exit' follows
    started.on('exit', () => {
      if (worker !== started) return;
      worker = undefined;
      finish()?.reject(new LocalError('unsafe_content', 'it is too much for the filter'));
      next();
    });
    return started;
  }

  function finish(): Waiting | undefined {
    const done = current;
    current = undefined;
    timer?.cancel();
    return done;
  }

  function next(): void {
    current = waiting.shift();
    if (current === undefined) {
      worker?.unref();
      timer = clock.setTimer(IDLE_MS, end);
      return;
    }
    worker ??= start();
    worker.ref();
    if (isReady) limitTime();
    worker.postMessage(current.job);
  }

  function limitTime(): void {
    timer = clock.setTimer(GATEWAY_FILTER_MS_MAX, () => {
      end();
      finish()?.reject(new LocalError('unsafe_content', 'it keeps the filter busy for too long'));
      next();
    });
  }

  function end(): void {
    const ended = worker;
    worker = undefined;
    void ended?.terminate();
  }

  return {
    run(job) {
      if (job.bytes.length > GATEWAY_FILTER_BYTES_MAX) {
        return Promise.reject(new LocalError('unsafe_content', 'it is larger than the filter reads'));
      }
      if (waiting.length >= GATEWAY_FILTER_WAITING_MAX) return Promise.reject(new LocalError('busy'));
      return new Promise((resolve, reject) => {
        waiting.push({ job: { ...job, id: nextId++ }, resolve, reject });
        if (current === undefined) {
          timer?.cancel();
          next();
        }
      });
    },
    async close() {
      timer?.cancel();
      const ended = worker;
      worker = undefined;
      finish()?.reject(new LocalError('cancelled'));
      for (const { reject } of waiting.splice(0)) reject(new LocalError('cancelled'));
      await ended?.terminate();
    },
  };
}
