/**
 * One open link: messages and cells into records, records into messages and cells, with queue, keepalive and key changes.
 *
 * Shape   implements Link (link-types.ts). What is sent in one turn shares records: a flush runs once the stream takes bytes.
 * Unit    queue bounds in bytes: LINK_QUEUE_SOFT_BYTES asks senders to hold back, LINK_QUEUE_BYTES_MAX is the cap.
 * Errors  a message beyond the cap closes the link with ERR_LIMIT; a cell beyond it is refused and told through `overflow`, so
 *         that its circuit dies whole instead of losing a cell. A record that does not verify: the owner hears ERR_RECORD, and
 *         the stream is read on silently and closed later. Other bad input closes at once.
 * Why     reading is never stopped because our own queue is full: two ends doing that would wait for each other for ever.
 *         Keepalive records carry random padding, or their constant size would be a beat on the wire.
 * Source  design § 4, libraries.md § 8 (gathering: 5x at 1 KiB), PROTOCOL.md §§ 4-5.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { assert, ProtocolError, type ProtocolErrorCode } from '../errors.ts';
import { hexKey } from '../ids.ts';
import {
  CELL_LARGE_BYTES,
  CELL_SMALL_BYTES,
  FRAME_HEADER_BYTES,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_SOFT_BYTES,
} from '../limits.ts';
import type { Clock, NetAddress, Random, Timer } from '../ports.ts';
import { decodeMessage, encodeMessage } from '../wire/codec.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { FRAME, FRAME_BODY_MAX, type FrameType, readFrames, writeFrame } from '../wire/framing.ts';
import type { Message } from '../wire/messages.ts';
import type { Conduit } from './conduit.ts';
import type { Session } from './handshake.ts';
import { Keepalive } from './keepalive.ts';
import type { Link, LinkCounters, LinkEvents } from './link-types.ts';
import { PACED_PLAINTEXT_BYTES, PACED_ROOM_BYTES, Pacer } from './pacer.ts';
import { RECORD_LENGTH_BYTES, RECORD_OVERHEAD_BYTES, RecordReader, RecordWriter } from './record.ts';
import { framesOf, type QueuedFrame, SendQueue, writeFrames } from './send-queue.ts';

export const REKEY_INTERVAL_MS = 30 * 60_000;
/** Random bytes at most beside a ping or pong. */
const KEEPALIVE_PADDING_MAX = 512;

export type CloseReason = ProtocolErrorCode | 'shutdown' | 'peer';

export interface LinkDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly events: LinkEvents;
  /** The link is closed: forget it. Called before the `closed` event. */
  readonly forget: (link: OpenLink) => void;
  /** Read on silently and close later. */
  readonly fallSilent: (conduit: Conduit) => void;
  /** Whether one more link may send the fixed pattern for its other end's sake. */
  readonly mayPace: () => boolean;
}

export interface LinkOptions {
  readonly handle: number;
  readonly conduit: Conduit;
  readonly session: Session;
  readonly dialledByUs: boolean;
  /** As the handshake measured it. */
  readonly rttMs: number;
}

export class OpenLink implements Link {
  readonly handle: number;
  readonly peer: Descriptor | undefined;
  readonly peerKey: string;
  readonly dialledByUs: boolean;
  readonly remote: NetAddress;
  readonly openedAtMs: number;
  readonly exporterSecret: Uint8Array;
  readonly pacing: Pacer;
  rttMs: number | undefined;
  isOpen = true;

  readonly #deps: LinkDeps;
  readonly #conduit: Conduit;
  readonly #writer: RecordWriter;
  readonly #reader: RecordReader;
  readonly #queue = new SendQueue();
  readonly #keepalive: Keepalive;
  #keyedAtMs: number;
  #flushTimer: Timer | undefined;
  #closeTimer: Timer | undefined;
  #flushing = false;
  #writable = true;
  #wantsDrained = false;
  #isSlotDue = false;
  #paddingDue = 0;
  #recordsIn = 0;
  #recordsOut = 0;
  #paddingBytesOut = 0;

  constructor(deps: LinkDeps, options: LinkOptions) {
    const { session, conduit } = options;
    this.#deps = deps;
    this.#conduit = conduit;
    this.handle = options.handle;
    this.peer = session.peer;
    this.peerKey = session.peer === undefined ? `light-${options.handle}` : hexKey(session.peer.nodeId);
    this.dialledByUs = options.dialledByUs;
    this.remote = conduit.remote;
    this.openedAtMs = deps.clock.nowMs();
    this.exporterSecret = session.exporterSecret;
    this.rttMs = options.rttMs;
    this.#writer = new RecordWriter(deps.crypto, session.sendKey);
    this.#reader = new RecordReader(deps.crypto, session.receiveKey);
    session.sendKey.fill(0);
    session.receiveKey.fill(0);
    this.#keyedAtMs = this.openedAtMs;
    this.#keepalive = new Keepalive(deps.clock, deps.random, {
      ping: (nonce) => this.#sendKeepalive({ type: 'Ping', nonce }),
      silent: () => this.close('ERR_PEER_SILENT'),
    });
    this.pacing = new Pacer(deps.clock, {
      tick: () => {
        this.#isSlotDue = true;
        this.#flush();
      },
      ask: (seconds) => this.sendMessage({ type: 'Pace', seconds }),
      mayServe: deps.mayPace,
    });
    conduit.use({
      data: (bytes) => this.receive(bytes),
      drain: () => {
        this.#writable = true;
        this.#flush();
      },
      close: () => this.#end('peer'),
    });
  }

  get counters(): LinkCounters {
    return {
      bytesIn: this.#conduit.bytesIn,
      bytesOut: this.#conduit.bytesOut,
      recordsIn: this.#recordsIn,
      recordsOut: this.#recordsOut,
      paddingBytesOut: this.#paddingBytesOut,
    };
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  sendMessage(message: Message): boolean {
    if (!this.isOpen) return false;
    const encoded = encodeMessage(message);
    assert(encoded.length <= FRAME_BODY_MAX, 'every message of the table fits a record');
    if (this.#queue.bytes + encoded.length + FRAME_HEADER_BYTES > LINK_QUEUE_BYTES_MAX) return this.#overrun();
    this.#queue.pushMessage(encoded);
    return this.#queued();
  }

  sendCell(cell: Uint8Array): boolean {
    if (!this.isOpen) return false;
    if (cell.length !== CELL_SMALL_BYTES && cell.length !== CELL_LARGE_BYTES)
      throw new RangeError('a cell has one of two sizes');
    if (this.#queue.bytes + cell.length + FRAME_HEADER_BYTES > LINK_QUEUE_BYTES_MAX) {
      if (this.#deps.events.overflow === undefined) return this.#overrun();
      this.#wantsDrained = true;
      this.#deps.events.overflow(this, cell);
      return false;
    }
    this.#queue.pushCell(cell);
    return this.#queued();
  }

  /** A pad frame of `bodyBytes` in the next record, or of what one record holds beside a rekey frame. */
  sendPadding(bodyBytes: number): void {
    if (!this.isOpen) return;
    this.#paddingDue = Math.min(FRAME_BODY_MAX, this.#paddingDue + bodyBytes + FRAME_HEADER_BYTES);
    this.#scheduleFlush();
  }

  /** Bytes of records, in pieces of any size. */
  receive(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes, (plaintext) => this.#readRecord(plaintext));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === 'ERR_RECORD') this.#end('ERR_RECORD');
      else this.close(error.code);
    }
  }

  close(reason: ProtocolErrorCode | 'shutdown'): void {
    if (reason === 'shutdown') this.#flush();
    this.#end(reason);
  }

  #readRecord(plaintext: Uint8Array): boolean {
    this.#recordsIn++;
    this.#keepalive.heard();
    this.pacing.heard(plaintext.length);
    readFrames(plaintext, (type, body) => {
      this.#readFrame(type, body);
      return this.isOpen;
    });
    return this.isOpen;
  }

  #readFrame(kind: FrameType, body: Uint8Array): void {
    switch (kind) {
      case FRAME.pad:
        return;
      case FRAME.rekey:
        this.#reader.rekey();
        return;
      case FRAME.message:
        this.#readMessage(decodeMessage(body));
        return;
      case FRAME.smallCell:
        // A copy: one queued small cell must not keep a record of 64 KiB in memory.
        this.#deps.events.cell(this, body.slice());
        return;
      case FRAME.largeCell:
        this.#deps.events.cell(this, body);
        return;
    }
    kind satisfies never;
  }

  #readMessage(message: Message): void {
    if (message.type === 'Ping') this.#sendKeepalive({ type: 'Pong', nonce: message.nonce });
    else if (message.type === 'Pong') this.rttMs = this.#keepalive.pong(message.nonce) ?? this.rttMs;
    else if (message.type === 'Pace') this.pacing.asked(message.seconds);
    else this.#deps.events.message(this, message);
  }

  #sendKeepalive(message: Message): void {
    this.sendPadding(Math.floor(this.#deps.random.unit() * (KEEPALIVE_PADDING_MAX + 1)));
    this.sendMessage(message);
  }

  #queued(): boolean {
    this.#scheduleFlush();
    if (this.#queue.bytes <= LINK_QUEUE_SOFT_BYTES) return true;
    this.#wantsDrained = true;
    return false;
  }

  /** Refuses, and closes from a turn of its own: whoever is sending may be in the middle of his tables. */
  #overrun(): false {
    this.#closeTimer ??= this.#deps.clock.setTimer(0, () => this.close('ERR_LIMIT'));
    return false;
  }

  #scheduleFlush(): void {
    if (this.#flushing || !this.#writable) return;
    this.#flushTimer ??= this.#deps.clock.setTimer(0, () => {
      this.#flushTimer = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    while (this.isOpen && this.#writable && (this.#isSlotDue || !this.#queue.isEmpty || this.#paddingDue > 0)) {
      const record = this.#isSlotDue ? this.#slotRecord() : this.#nextRecord();
      if (!this.isOpen) break; // whoever filled the slot may have closed us
      this.#writable = this.#conduit.write(record);
      if (this.#wantsDrained && this.#queue.bytes <= LINK_QUEUE_SOFT_BYTES / 2) {
        this.#wantsDrained = false;
        this.#deps.events.drained(this);
      }
    }
    this.#flushing = false;
  }

  #nextRecord(): Uint8Array {
    const rekey = this.#isRekeyDue();
    const padding = this.#paddingDue;
    this.#paddingDue = 0;
    const { frames, bytes } = this.#queue.take((rekey ? FRAME_HEADER_BYTES : 0) + padding);
    return this.#record(frames, bytes, padding, rekey);
  }

  /** The record of a tick: always the same size, whatever is in it. */
  #slotRecord(): Uint8Array {
    this.#isSlotDue = false;
    const rekey = this.#isRekeyDue();
    const { frames, bytes } = framesOf(this.#deps.events.slot?.(this, PACED_ROOM_BYTES) ?? []);
    assert(bytes <= PACED_ROOM_BYTES, 'the cells of a tick fit its record');
    return this.#record(frames, bytes, PACED_PLAINTEXT_BYTES - bytes - (rekey ? FRAME_HEADER_BYTES : 0), rekey);
  }

  #isRekeyDue(): boolean {
    return this.#writer.isLastOfKey || this.#deps.clock.nowMs() - this.#keyedAtMs >= REKEY_INTERVAL_MS;
  }

  /** @param padding bytes of a pad frame with its header, or 0 */
  #record(frames: readonly QueuedFrame[], bytes: number, padding: number, rekey: boolean): Uint8Array {
    const plaintextBytes = bytes + padding + (rekey ? FRAME_HEADER_BYTES : 0);
    const record = new Uint8Array(RECORD_OVERHEAD_BYTES + plaintextBytes);
    let at = writeFrames(record, RECORD_LENGTH_BYTES, frames);
    if (padding > 0) at = writeFrame(record, at, FRAME.pad, padding - FRAME_HEADER_BYTES);
    if (rekey) at = writeFrame(record, at, FRAME.rekey, 0);
    assert(at === RECORD_LENGTH_BYTES + plaintextBytes, 'the frames fill the record');
    this.#writer.seal(record, plaintextBytes, rekey);
    if (rekey) this.#keyedAtMs = this.#deps.clock.nowMs();
    this.#recordsOut++;
    this.#paddingBytesOut += padding;
    return record;
  }

  #end(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#keepalive.stop();
    this.pacing.stop();
    this.#flushTimer?.cancel();
    this.#closeTimer?.cancel();
    this.#queue.clear();
    this.#writer.wipe();
    this.#reader.wipe();
    if (reason === 'ERR_RECORD') this.#deps.fallSilent(this.#conduit);
    else this.#conduit.close();
    this.#deps.forget(this);
    this.#deps.events.closed(this, reason);
  }
}
