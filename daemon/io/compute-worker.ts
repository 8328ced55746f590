/**
 * The worker's side of worker-compute.ts: one job after the other, bytes handed over and not copied.
 *
 * Errors  what the codec throws goes back as a message and rejects the caller's promise; the worker lives on.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { erasureEncode, erasureReconstruct } from '../../crypto/erasure.ts';
import { type ComputeJob, type ComputeReply, packBlocks, unpackBlocks } from './compute-jobs.ts';
import { compress, decompress } from './zstd.ts';

const port = parentPort;
if (port === null) throw new Error('compute-worker runs in a worker thread');

function run(job: ComputeJob): ComputeReply {
  return { id: job.id, type: 'done', packed: packBlocks(compute(job)) };
}

function compute({ type, count, packed }: ComputeJob): Uint8Array[] {
  const blocks = unpackBlocks(packed);
  const there = blocks.filter((block) => block !== undefined);
  switch (type) {
    case 'encode':
      return erasureEncode(there, count);
    case 'reconstruct':
      return erasureReconstruct(blocks, count);
    case 'compress':
      return there.map(compress);
    case 'decompress':
      return there.map((frame) => decompress(frame, count)).filter((plain) => plain !== undefined);
  }
}

port.on('message', (job: ComputeJob) => {
  try {
    const reply = run(job);
    port.postMessage(reply, reply.type === 'done' ? [reply.packed.bytes.buffer] : []);
  } catch (error) {
    port.postMessage({ id: job.id, type: 'failed', text: String(error) } satisfies ComputeReply);
  }
});
