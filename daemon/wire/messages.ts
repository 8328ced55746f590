/**
 * The message table: everything two linked nodes say to each other outside of cells.
 *
 * Shape   `MESSAGES` maps names to rows; `Message` is the union of { type: name, ...body }.
 * Why     ids are drawn fresh for every link and carried by no second one, so no identifier survives a hop. Replies carry no
 *         hop count and no sign of a cache. `replica` stands in every routed message and every table.
 * Source  design §§ 7, 8; PROTOCOL.md gives an encoded example of each.
 * @module
 */
import {
  ANNOUNCE_REPLY_DESCRIPTORS_MAX,
  BLOCK_BYTES,
  DEADLINE_MS_MAX,
  DESCRIPTOR_BYTES_MAX,
  HTL_MAX,
  PACE_SECONDS_MAX,
  PEER_CLAIMS_MAX,
  POINTER_RECORD_BYTES,
  REPLICAS,
} from '../limits.ts';
import { type BodyOf, bytes, bytesUpTo, list, message, uint } from './schema.ts';

/** Drawn by the asker, per link; only (link, id) means something. */
const id = uint(0, 0xffff_ffff);
const kind = uint(1, 4);
const key = bytes(32);
const replica = uint(0, REPLICAS - 1);
const htl = uint(0, HTL_MAX);
const deadlineMs = uint(0, DEADLINE_MS_MAX);
/** A whole block, or a record. */
const payload = bytesUpTo(BLOCK_BYTES, POINTER_RECORD_BYTES);
const descriptor = bytesUpTo(DESCRIPTOR_BYTES_MAX, 1);

// --- keeping a link alive ---
export const Ping = message('Ping', 0x01, 1, { nonce: uint(0, 0xffff_ffff) });
export const Pong = message('Pong', 0x02, 1, { nonce: uint(0, 0xffff_ffff) });
/** We leave in good order; `reason` 0 shutdown, 1 peer table full, 2 not useful. */
export const Goodbye = message('Goodbye', 0x03, 1, { reason: uint(0, 2) });
/** Both ends of this link send the fixed pattern of class strong from now on, for so long (PROTOCOL.md § 5.1). */
export const Pace = message('Pace', 0x04, 1, { seconds: uint(1, PACE_SECONDS_MAX) });

// --- topology ---
/** Asks the other end to count this link among its peers (routing); answered PeerAccepted or PeerRefused. */
export const PeerRequest = message('PeerRequest', 0x10, 1, { wish: uint(0, 1) /* 0 long link, 1 ring neighbour */ });
export const PeerAccepted = message('PeerAccepted', 0x11, 1, {});
export const PeerRefused = message('PeerRefused', 0x12, 1, {
  reason: uint(0, 3) /* 0 full, 1 prefix, 2 role, 3 binding */,
});
/** Stop routing through this link; circuits on it live on. */
export const PeerDropped = message('PeerDropped', 0x13, 1, {});
/** The sender's peers' locations in units of 1/4096: look-ahead data, never addresses. */
export const PeerLocations = message('PeerLocations', 0x14, 1, { locations: list(uint(0, 4_095), PEER_CLAIMS_MAX) });
/** Routed to `target` (the announcer's own location); every node on the way adds descriptors. */
export const Announce = message('Announce', 0x15, 1, { id, target: bytes(8), htl, descriptor });
export const AnnounceReply = message('AnnounceReply', 0x16, 1, {
  id,
  descriptors: list(descriptor, ANNOUNCE_REPLY_DESCRIPTORS_MAX),
});
/** Gossip of the relay view: push one's own descriptor, or pull a sample. */
export const ViewPush = message('ViewPush', 0x17, 1, { descriptor });
export const ViewPull = message('ViewPull', 0x18, 1, { id });
export const ViewSample = message('ViewSample', 0x19, 1, {
  id,
  descriptors: list(descriptor, ANNOUNCE_REPLY_DESCRIPTORS_MAX),
});
/** The sender's network hour (own clock corrected), and the address it sees us at: 4 or 16 bytes, then the port. */
export const Observed = message('Observed', 0x1a, 1, { networkHour: uint(0, 0xffff_ffff), address: bytesUpTo(18, 6) });

// --- routing ---
export const Fetch = message('Fetch', 0x30, 1, { id, kind, key, replica, htl, deadlineMs });
export const Insert = message('Insert', 0x31, 1, {
  id,
  kind,
  key,
  replica,
  htl,
  deadlineMs,
  owners: uint(1, 8),
  work: bytes(8),
  payload,
});
/** The request is being worked on: wait up to its deadline. */
export const Accepted = message('Accepted', 0x32, 1, { id });
export const Data = message('Data', 0x33, 1, { id, payload });
/** `copies`: owners that acknowledged, a claim. */
export const Inserted = message('Inserted', 0x34, 1, { id, copies: uint(0, 8) });
/** A different record stands under this key already (SSK): it comes with the answer. */
export const Collision = message('Collision', 0x35, 1, { id, payload });
export const DataNotFound = message('DataNotFound', 0x36, 1, { id });
export const RouteNotFound = message('RouteNotFound', 0x37, 1, { id });
export const RejectedLoop = message('RejectedLoop', 0x38, 1, { id });
/** `retryMs`: when asking again may help; `workBits`: what an insert must bring by then. */
export const RejectedOverload = message('RejectedOverload', 0x39, 1, {
  id,
  retryMs: uint(0, DEADLINE_MS_MAX),
  workBits: uint(0, 16),
});
/** Asks for this key failed here recently: answered at once, for `retryMs` more. */
export const RecentlyFailed = message('RecentlyFailed', 0x3a, 1, { id, retryMs: uint(0, 600_000) });
/** A copy handed to another owner, by the node where an insert ended (handoff 0) or by a former owner (1); answered Inserted with copies 0 or 1. */
export const StoreCopy = message('StoreCopy', 0x3b, 1, {
  id,
  kind,
  key,
  replica,
  owners: uint(1, 8),
  work: bytes(8),
  payload,
  handoff: uint(0, 1),
});

/** How many requests the receiver of this may have waiting at its sender, from now on. */
export const Credit = message('Credit', 0x3c, 1, { window: uint(1, 0xffff) });
/** A key that the receiver asked for in vain not long ago has turned up at the sender. */
export const Offered = message('Offered', 0x3d, 1, { kind, key, replica });

export const MESSAGES = {
  Ping,
  Pong,
  Goodbye,
  Pace,
  PeerRequest,
  PeerAccepted,
  PeerRefused,
  PeerDropped,
  PeerLocations,
  Announce,
  AnnounceReply,
  ViewPush,
  ViewPull,
  ViewSample,
  Observed,
  Fetch,
  Insert,
  Accepted,
  Data,
  Inserted,
  Collision,
  DataNotFound,
  RouteNotFound,
  RejectedLoop,
  RejectedOverload,
  RecentlyFailed,
  StoreCopy,
  Credit,
  Offered,
} as const;

export type MessageName = keyof typeof MESSAGES;
export type MessageNamed<Name extends MessageName> = { readonly type: Name } & Readonly<
  BodyOf<(typeof MESSAGES)[Name]>
>;
export type Message = { [Name in MessageName]: MessageNamed<Name> }[MessageName];

/** The versions of the protocol this code speaks. */
export const PROTOCOL_VERSION = 1;
