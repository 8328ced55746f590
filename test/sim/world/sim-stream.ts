/**
 * One end of a simulated TCP stream: what it wrote is under way in order, and one timer waits for the head of it.
 *
 * Shape   `write` hands the bytes over without a copy (ports.ts forbids the caller to change them). Back-pressure counts what the
 *         other end has not taken: false above 256 KiB, `drain` under half of it.
 * @module
 */
import type { ByteStream, NetAddress, StreamHandlers, Timer } from '../../../daemon/ports.ts';
import type { Endpoint, SimNetwork } from './sim-network.ts';

const HIGH_WATER_BYTES = 256 * 1024;

/** `bytes` undefined: the end of the stream. */
interface UnderWay {
  readonly dueMs: number;
  readonly bytes: Uint8Array | undefined;
}

export class SimStream implements ByteStream {
  readonly remote: NetAddress;
  readonly endpoint: Endpoint;
  peer: SimStream | undefined;
  isClosed = false;
  readonly #network: SimNetwork;
  #handlers: StreamHandlers | undefined;
  #underWay: UnderWay[] = [];
  #timer: Timer | undefined;
  #lastDueMs = 0;
  #unread = 0;
  #wantsDrain = false;
  #arrived: Uint8Array[] = [];
  #isPaused = false;
  #isHeld = false;
  #isReading = false;
  /** The other end has closed; what arrived before that is read first. */
  #isEnding = false;

  constructor(network: SimNetwork, endpoint: Endpoint, remote: NetAddress) {
    this.#network = network;
    this.endpoint = endpoint;
    this.remote = remote;
    endpoint.streams.add(this);
  }

  join(peer: SimStream): void {
    this.peer = peer;
  }

  opened(): void {
    if (!this.isClosed) this.#handlers?.open?.();
  }

  attach(handlers: StreamHandlers): void {
    this.#handlers = handlers;
    if (this.#arrived.length > 0) this.#later(() => this.#read());
  }

  write(bytes: Uint8Array): boolean {
    const { peer } = this;
    if (this.isClosed || peer === undefined || bytes.length === 0) return false;
    const network = this.#network;
    network.bytes += bytes.length;
    const sent = network.damaged(bytes) ?? bytes;
    if (sent.length > 1 && network.random.chance(network.faults.splitRate)) {
      network.counters.splitDelivery++;
      const at = 1 + network.random.below(sent.length - 1);
      this.#send(sent.subarray(0, at));
      this.#send(sent.subarray(at));
    } else {
      this.#send(sent);
    }
    this.#unread += bytes.length;
    if (this.#unread > HIGH_WATER_BYTES) this.#wantsDrain = true;
    return !this.#wantsDrain;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#arrived.length > 0) this.#later(() => this.#read());
  }

  close(): void {
    if (this.isClosed) return;
    this.#send(undefined);
    this.#end();
  }

  /** Refused by the other side, or by somebody on the way. */
  refuse(afterMs: number): void {
    this.#network.clock.setOwnedTimer(this.endpoint.clock, afterMs, () => this.#end());
  }

  /** Ended from below, at this end. */
  reset(): void {
    this.#underWay = [];
    this.#timer?.cancel();
    this.#end();
  }

  /** This end's machine or process is gone; nobody here hears of it. */
  vanish(silently: boolean): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#handlers = undefined;
    this.#timer?.cancel();
    this.#network.forget(this);
    this.#underWay = [];
    if (silently || this.peer === undefined) return;
    const { peer } = this;
    const path = this.#network.path(this.endpoint.index, peer.endpoint.index);
    this.#network.clock.setOwnedTimer(peer.endpoint.clock, path.latencyMs, () => peer.reset());
  }

  /** Blocks have changed: true when this stream no longer waits for any. */
  tryRelease(afterMs: number): boolean {
    const to = this.peer?.endpoint.index ?? -1;
    if (this.#network.isBlocked(this.endpoint.index, to)) return false;
    this.#isHeld = false;
    this.#arm(afterMs);
    return true;
  }

  #send(bytes: Uint8Array | undefined): void {
    const { peer } = this;
    if (peer === undefined) return;
    const network = this.#network;
    const dueMs = network.arrivalMs(this.endpoint.index, peer.endpoint.index, bytes?.length ?? 0);
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    this.#underWay.push({ dueMs: this.#lastDueMs, bytes });
    if (this.#underWay.length === 1) this.#arm(0);
  }

  /** A timer for the head of what is under way. */
  #arm(atLeastMs: number): void {
    const head = this.#underWay[0];
    if (head === undefined || this.peer === undefined || this.#isHeld) return;
    this.#timer?.cancel();
    const network = this.#network;
    const delayMs = Math.max(atLeastMs, head.dueMs - network.clock.nowMs());
    // Owned by the receiver: a frozen machine's packets wait for it, a dead one's are nobody's.
    this.#timer = network.clock.setOwnedTimer(this.peer.endpoint.clock, delayMs, () => this.#deliver());
  }

  #deliver(): void {
    const peer = this.peer!;
    const network = this.#network;
    if (network.isBlocked(this.endpoint.index, peer.endpoint.index)) {
      this.#isHeld = true;
      network.hold(this);
      return;
    }
    const nowMs = network.clock.nowMs();
    let count = 0;
    for (const item of this.#underWay) {
      if (item.dueMs > nowMs) break;
      count++;
    }
    const items = this.#underWay.splice(0, Math.max(1, count));
    this.#timer = undefined;
    for (const { bytes } of items) {
      network.deliveries++;
      if (bytes === undefined) peer.#finish();
      else peer.#arrive(bytes);
    }
    this.#arm(0);
  }

  #arrive(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.#arrived.push(bytes);
    this.#read();
  }

  #finish(): void {
    this.#isEnding = true;
    if (this.#arrived.length === 0) this.reset();
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (;;) {
      if (this.#isPaused || this.isClosed || this.#handlers === undefined) break;
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      if (this.peer !== undefined) this.peer.#taken(bytes.length);
      this.#handlers.data(bytes);
    }
    this.#isReading = false;
    if (this.#isEnding && this.#arrived.length === 0) this.reset();
  }

  #taken(length: number): void {
    this.#unread -= length;
    if (!this.#wantsDrain || this.#unread > HIGH_WATER_BYTES / 2) return;
    this.#wantsDrain = false;
    this.#later(() => {
      if (!this.isClosed) this.#handlers?.drain();
    });
  }

  #later(run: () => void): void {
    this.#network.clock.setOwnedTimer(this.endpoint.clock, 0, run);
  }

  /** What was sent before the end still arrives: only this side is over. */
  #end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#arrived = [];
    this.endpoint.streams.delete(this);
    if (this.peer !== undefined) {
      const network = this.#network;
      network.trace.record(network.clock.nowMs(), `end ${this.endpoint.index} ${this.peer.endpoint.index}`);
    }
    const handlers = this.#handlers;
    this.#handlers = undefined;
    if (handlers !== undefined) this.#later(() => handlers.close());
  }
}
