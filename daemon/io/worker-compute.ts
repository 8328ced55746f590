/**
 * Erasure coding and compression off the main thread (or inline), as the Compute port.
 *
 * Shape   one worker, started by the first job; it keeps the process alive only while a job is under way.
 * Errors  a job rejects with RangeError for what crypto/erasure.ts refuses, and when the worker dies; the next job starts another.
 * Why     a segment takes 20 ms and more to code, or a second without WebAssembly: on the main thread every link and circuit would stand still.
 *         One worker, because a node may have a single core to spare, and jobs of one transfer come one after the other.
 *         The worker's file has this file's own extension: .ts in a checkout (types stripped by Node), .js in dist.
 * @module
 */
import { Worker } from 'node:worker_threads';
import { erasureEncode, erasureReconstruct } from '../../crypto/erasure.ts';
import type { Compute } from '../ports.ts';
import { type ComputeJob, type ComputeReply, packBlocks, unpackBlocks } from './compute-jobs.ts';
import { compress, decompress } from './zstd.ts';

export interface WorkerCompute extends Compute {
  /** Ends the worker; jobs under way reject. */
  close(): Promise<void>;
}

interface Waiting {
  resolve(blocks: Uint8Array[]): void;
  reject(error: Error): void;
}

export function createCompute(): WorkerCompute {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let nextId = 0;

  function start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const started = new Worker(new URL(`./compute-worker${extension}`, import.meta.url));
    started.on('message', (reply: ComputeReply) => {
      const job = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      if (reply.type === 'done') job?.resolve(unpackBlocks(reply.packed).filter((block) => block !== undefined));
      else job?.reject(new RangeError(reply.text));
    });
    started.on('error', () => {}); // 'exit' follows
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      for (const job of waiting.values()) job.reject(new RangeError('the compute worker ended'));
      waiting.clear();
    });
    return started;
  }

  function run(
    type: ComputeJob['type'],
    blocks: readonly (Uint8Array | undefined)[],
    count: number,
  ): Promise<Uint8Array[]> {
    return new Promise((resolve, reject) => {
      const packed = packBlocks(blocks);
      worker ??= start();
      worker.ref();
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, type, count, packed } satisfies ComputeJob, [packed.bytes.buffer]);
    });
  }

  return {
    erasureEncode: (data, checkCount) => run('encode', data, checkCount),
    erasureReconstruct: (shards, dataCount) => run('reconstruct', shards, dataCount),
    async compress(bytes) {
      const [frame] = await run('compress', [bytes], 0);
      return frame!;
    },
    async decompress(frame, sizeBytes) {
      const [plain] = await run('decompress', [frame], sizeBytes);
      return plain;
    },
    async close() {
      await worker?.terminate();
    },
  };
}

/** The same on this thread: the simulator's and the tests'. */
export function createInlineCompute(): Compute {
  return {
    async erasureEncode(data, checkCount) {
      return erasureEncode(data, checkCount);
    },
    async erasureReconstruct(shards, dataCount) {
      return erasureReconstruct(shards, dataCount);
    },
    compress: async (bytes) => compress(bytes),
    decompress: async (frame, sizeBytes) => decompress(frame, sizeBytes),
  };
}
