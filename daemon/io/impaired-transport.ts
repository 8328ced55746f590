/**
 * A Transport that is as slow and unreliable as a devnet was asked to be: latency, loss, and times of being cut off.
 *
 * Shape   bytes that arrive are held back by the one-way latency, in order; so do both ends, and a round trip takes twice that. A lost
 *         packet is sent again by TCP, so here it holds up its direction of its connection: by the time TCP waits at least, or by
 *         two latencies when that is longer. With churn the node is cut off now and then: all its streams close, dials fail and
 *         nobody gets in, for a sixth of the mean time between two such times.
 * Unit    milliseconds; packets of PACKET_BYTES; loss is a share.
 * Why     in the node's own transport and not in a forwarder between two: the addresses stay what the descriptors say, prefix rules
 *         meet real addresses, and a devnet of a hundred nodes needs no thousands of relayed sockets.
 * Source  ux § 2.2 `devnet up`; 200 ms is the least retransmission time-out of Linux (RTO_MIN).
 * @module
 */
import { randomInt } from 'node:crypto';
import type { ByteStream, Clock, Listener, NetAddress, StreamHandlers, Timer, Transport } from '../ports.ts';

const PACKET_BYTES = 1_448;
const RETRANSMIT_MS = 200;
/** Held back at most, per stream, before the sender is stopped. */
const HELD_BYTES_MAX = 1024 * 1024;

export interface Impairment {
  readonly latencyMs: number;
  readonly lossRate: number;
  /** Mean time between two absences; 0: none. */
  readonly churnMs: number;
}

export interface ImpairedDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Uniform in [0, 1), from which all faults are drawn. */
  readonly unit: () => number;
  readonly impairment: Impairment;
  readonly onAbsence?: (isAbsent: boolean) => void;
}

export function impair(deps: ImpairedDeps): Transport {
  const { transport, clock, unit, impairment, onAbsence } = deps;
  const open = new Set<() => void>();
  let isAbsent = false;

  if (impairment.churnMs > 0) schedule();

  function schedule(): void {
    // Exponential: the next absence is as likely right after one as long after.
    const delayMs = -Math.log(1 - unit()) * (isAbsent ? impairment.churnMs / 6 : impairment.churnMs);
    clock.setTimer(delayMs, () => {
      isAbsent = !isAbsent;
      onAbsence?.(isAbsent);
      if (isAbsent) for (const cut of [...open]) cut();
      schedule();
    });
  }

  function held(stream: ByteStream): ByteStream {
    const impaired = holdBack(stream, clock, unit, impairment);
    const cut = (): void => stream.close();
    open.add(cut);
    return {
      ...impaired,
      attach(handlers) {
        impaired.attach({
          ...(handlers.open === undefined ? {} : { open: () => handlers.open?.() }),
          data: (bytes) => handlers.data(bytes),
          drain: () => handlers.drain(),
          close() {
            open.delete(cut);
            handlers.close();
          },
        });
        if (isAbsent) cut();
      },
    };
  }

  return {
    dial: (to: NetAddress) => held(transport.dial(to)),
    listen(at, accept): Promise<Listener> {
      return transport.listen(at, (stream) => {
        if (isAbsent) stream.close();
        else accept(held(stream));
      });
    },
  };
}

/** The same seed, the same faults; 0 draws a seed of its own. mulberry32: no secret comes near it. */
export function faultsFrom(seed: number): () => number {
  let state = seed === 0 ? randomInt(2 ** 32) : seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One stream whose arriving bytes wait, in order. */
function holdBack(stream: ByteStream, clock: Clock, unit: () => number, impairment: Impairment): ByteStream {
  const { latencyMs, lossRate } = impairment;
  if (latencyMs === 0 && lossRate === 0) return stream;
  const waiting: { readonly dueMs: number; readonly act: () => void; readonly bytes: number }[] = [];
  let heldBytes = 0;
  let dueMs = 0;
  let timer: Timer | undefined;
  let isPaused = false;
  let isStopped = false;
  let isClosed = false;

  const balance = (): void => {
    const shouldStop = isPaused || heldBytes > HELD_BYTES_MAX;
    if (shouldStop === isStopped) return;
    isStopped = shouldStop;
    if (isStopped) stream.pause();
    else stream.resume();
  };

  function later(bytes: number, act: () => void): void {
    const packets = Math.max(1, Math.ceil(bytes / PACKET_BYTES));
    let delayMs = latencyMs;
    // One draw for all packets: the chance that at least one of them is lost.
    if (lossRate > 0 && unit() < 1 - (1 - lossRate) ** packets) delayMs += Math.max(RETRANSMIT_MS, 2 * latencyMs);
    dueMs = Math.max(dueMs, clock.nowMs() + delayMs);
    waiting.push({ dueMs, act, bytes });
    heldBytes += bytes;
    balance();
    arm();
  }

  function arm(): void {
    const first = waiting[0];
    if (timer !== undefined || first === undefined || isPaused) return;
    timer = clock.setTimer(Math.max(0, first.dueMs - clock.nowMs()), release);
  }

  function release(): void {
    timer = undefined;
    const nowMs = clock.nowMs();
    while (!isPaused && waiting.length > 0 && waiting[0]!.dueMs <= nowMs) {
      const next = waiting.shift()!;
      heldBytes -= next.bytes;
      next.act();
    }
    balance();
    arm();
  }

  return {
    remote: stream.remote,
    attach(handlers: StreamHandlers) {
      stream.attach({
        ...(handlers.open === undefined ? {} : { open: () => later(0, () => !isClosed && handlers.open?.()) }),
        data(bytes) {
          const kept = bytes.slice(); // only valid during the call
          later(kept.length, () => !isClosed && handlers.data(kept));
        },
        drain: () => handlers.drain(),
        close() {
          timer?.cancel();
          timer = undefined;
          if (isClosed) return handlers.close();
          // What was on the way still arrives, then the end.
          isPaused = false;
          later(0, () => {
            isClosed = true;
            handlers.close();
          });
        },
      });
    },
    write: (bytes) => stream.write(bytes),
    pause() {
      isPaused = true;
      timer?.cancel();
      timer = undefined;
      balance();
    },
    resume() {
      isPaused = false;
      balance();
      arm();
    },
    close() {
      isClosed = true;
      waiting.length = 0;
      heldBytes = 0;
      stream.close();
    },
  };
}
