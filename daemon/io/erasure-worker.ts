/**
 * The worker's side of worker-compute.ts: one job after the other, bytes handed over and not copied.
 *
 * Errors  what the codec throws goes back as a message and rejects the caller's promise; the worker lives on.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { erasureEncode, erasureReconstruct } from '../../crypto/erasure.ts';
import { type ErasureJob, type ErasureReply, packBlocks, unpackBlocks } from './erasure-jobs.ts';

const port = parentPort;
if (port === null) throw new Error('erasure-worker runs in a worker thread');

function run(job: ErasureJob): ErasureReply {
  const blocks = unpackBlocks(job.packed);
  if (job.type === 'encode') {
    const data = blocks.filter((block) => block !== undefined);
    return { id: job.id, type: 'done', packed: packBlocks(erasureEncode(data, job.count)) };
  }
  return { id: job.id, type: 'done', packed: packBlocks(erasureReconstruct(blocks, job.count)) };
}

port.on('message', (job: ErasureJob) => {
  try {
    const reply = run(job);
    port.postMessage(reply, reply.type === 'done' ? [reply.packed.bytes.buffer] : []);
  } catch (error) {
    port.postMessage({ id: job.id, type: 'failed', text: String(error) } satisfies ErasureReply);
  }
});
