/**
 * What users do: publish a document, fetch one, and what came of it.
 *
 * Shape   both start at once and settle in virtual time. An outcome is a value; only bytes that differ from what was published are
 *         an invariant broken, because a client may fail but never lie.
 * @module
 */
import { isWithoutNetwork, retryDelayMs } from '../../../daemon/client/queue/retry.ts';
import type { UserErrorCode } from '../../../daemon/errors.ts';
import type { SimWorld } from './sim-world.ts';

export interface Published {
  readonly uri: string;
  readonly bytes: Uint8Array;
  readonly by: number;
}

export type PublishOutcome =
  | { readonly type: 'published'; readonly document: Published; readonly tookMs: number }
  | { readonly type: 'failed'; readonly code: string };

export type FetchOutcome =
  | { readonly type: 'fetched'; readonly tookMs: number; readonly retries?: number }
  | { readonly type: 'failed'; readonly code: string; readonly tookMs: number }
  | { readonly type: 'gone' }; // the node crashed or was down

async function* inPieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

export async function publish(world: SimWorld, by: number, bytes: Uint8Array): Promise<PublishOutcome> {
  const startedMs = world.clock.nowMs();
  const { node } = world.nodes[by]!;
  if (node === undefined) return { type: 'failed', code: 'node is down' };
  try {
    const uri = await node.client.publish(inPieces(bytes), { trafficClass: 'fast', convergent: false }).result;
    world.trace.record(world.clock.nowMs(), `published ${by} ${bytes.length}`);
    return { type: 'published', document: { uri, bytes, by }, tookMs: world.clock.nowMs() - startedMs };
  } catch (error) {
    world.trace.record(world.clock.nowMs(), `publish failed ${by} ${codeOf(error)}`);
    return { type: 'failed', code: codeOf(error) };
  }
}

export async function fetch(world: SimWorld, by: number, document: Published): Promise<FetchOutcome> {
  const startedMs = world.clock.nowMs();
  const { node, lives } = world.nodes[by]!;
  if (node === undefined) return { type: 'gone' };
  const took = (): number => world.clock.nowMs() - startedMs;
  try {
    const parts: Uint8Array[] = [];
    for await (const part of node.client.fetch(document.uri, { trafficClass: 'fast' }).content)
      parts.push(part.slice());
    if (Buffer.compare(Buffer.concat(parts), document.bytes) !== 0) {
      world.broken.push(`node ${by} was handed other bytes than were published`);
    }
    world.trace.record(world.clock.nowMs(), `fetched ${by} ${document.bytes.length}`);
    return { type: 'fetched', tookMs: took() };
  } catch (error) {
    if (world.nodes[by]!.lives !== lives || !world.nodes[by]!.isUp) return { type: 'gone' };
    world.trace.record(world.clock.nowMs(), `fetch failed ${by} ${codeOf(error)}`);
    return { type: 'failed', code: codeOf(error), tookMs: took() };
  }
}

/**
 * As the daemon's queue fetches for its user: an attempt that found no way out of the node (its guard was cut off, say) is made again, at the
 * queue's own intervals, until one does or `limitMs` are over. What the network answered is never asked again here.
 */
export async function fetchAsQueued(
  world: SimWorld,
  by: number,
  document: Published,
  limitMs: number,
): Promise<FetchOutcome> {
  const startedMs = world.clock.nowMs();
  for (let retries = 0; ; retries++) {
    const outcome = await fetch(world, by, document);
    const tookMs = world.clock.nowMs() - startedMs;
    if (outcome.type === 'fetched') return { ...outcome, tookMs, retries };
    if (outcome.type === 'gone' || !isWithoutNetwork(outcome.code as UserErrorCode)) return outcome;
    const waitMs = retryDelayMs(world.random, retries + 1);
    if (tookMs + waitMs > limitMs) return { ...outcome, tookMs };
    await new Promise<void>((resolve) => world.clock.setTimer(waitMs, resolve));
  }
}
