/**
 * What the layers above see of a link, and nothing of its handshake or records.
 *
 * Shape   a Link carries messages (wire/messages.ts) and cells (2,048 or 34,816 bytes) both ways, each kind in order.
 * Errors  a link that fails closes once with a ProtocolErrorCode; sends on a closed link are dropped.
 * @module
 */
import type { ProtocolErrorCode } from '../errors.ts';
import type { NodeId } from '../ids.ts';
import type { Listener, NetAddress } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { Message } from '../wire/messages.ts';

export interface LinkCounters {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly paddingBytesOut: number;
}

/** The fixed pattern of class strong on one link (pacer.ts). */
export interface LinkPacing {
  /** This end sends the pattern now. */
  readonly isOn: boolean;
  /** Clock.nowMs until which it was asked for, by either end; 0 when it never was. */
  readonly untilMs: number;
  /** Both ends from now on, for at least so long: the other end is told. A shorter wish than the one that stands changes nothing. */
  start(forMs: number): void;
}

export interface Link {
  /** Local, never on the wire; rises with each link of this process. */
  readonly handle: number;
  /** Who is at the other end; undefined for a light client that showed no descriptor. */
  readonly peer: Descriptor | undefined;
  /** hexKey of the peer's node id, or "light-<handle>". */
  readonly peerKey: string;
  readonly dialledByUs: boolean;
  readonly remote: NetAddress;
  readonly openedAtMs: number;
  /** Last measured round trip, milliseconds. */
  readonly rttMs: number | undefined;
  readonly counters: LinkCounters;
  /** Bytes waiting here for the wire. */
  readonly queuedBytes: number;
  readonly isOpen: boolean;
  /** Secret of the handshake, 32 bytes: coins that are fixed per link are derived from it. Same at both ends. */
  readonly exporterSecret: Uint8Array;
  /** Absent where there is no wire that could be watched (links of tests). */
  readonly pacing?: LinkPacing;

  /** False: over the soft mark, hold back what can wait until `drained`. The message is queued all the same unless the cap is reached. */
  sendMessage(message: Message): boolean;
  /**
   * `cell` is handed over: the caller must not touch it again. All cells of a link keep their order whatever their size, because
   * the nonces of a circuit share one counter; messages and cells take turns.
   */
  sendCell(cell: Uint8Array): boolean;
  close(reason: ProtocolErrorCode | 'shutdown'): void;
}

export interface LinkEvents {
  opened(link: Link): void;
  message(link: Link, message: Message): void;
  cell(link: Link, cell: Uint8Array): void;
  drained(link: Link): void;
  /** A tick of the fixed pattern: cells of at most `room` bytes together, frame headers counted (pacer.ts); what is left is padded. */
  slot?(link: Link, room: number): readonly Uint8Array[];
  /** LINK_QUEUE_BYTES_MAX is reached: `cell` was not queued, so its circuit must be killed. Without this handler the link closes with ERR_LIMIT. */
  overflow?(link: Link, cell: Uint8Array): void;
  closed(link: Link, reason: ProtocolErrorCode | 'shutdown' | 'peer'): void;
}

/** All links of a node, dialled and accepted. */
export interface Links {
  /** The link to that node, dialled if there is none. Several calls share one dial. Rejects with ProtocolError. */
  connect(to: Descriptor): Promise<Link>;
  get(nodeId: NodeId): Link | undefined;
  all(): readonly Link[];
}

/** Asks whether a node is where its descriptor says, and no more. */
export interface LinkProber {
  /**
   * Dials and waits for the answer that only the holder of the descriptor's link key can give, then hangs up: the other end never
   * learns who asked, and has no link of it. Rejects with ProtocolError.
   */
  probe(at: Descriptor): Promise<void>;
}

/** What the node itself does with them. */
export interface LinkHost extends Links, LinkProber {
  /** Accepts links at that address. Rejects with LocalError `port_in_use` or `listen_failed`. */
  listen(at: NetAddress): Promise<Listener>;
  /** Sends what is queued as far as the streams take it, then closes every link and ends every handshake. */
  closeAll(): void;
  /** Since start: all streams, closed ones and failed handshakes included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}
