/**
 * Every cap with its unit: what a stranger can make grow, and how far.
 *
 * Why     anything a peer can grow, a peer can fill. Each constant here has a test that reaches it.
 * @module
 */

// --- blocks and records (formats.md) ---
export const BLOCK_BYTES = 32_768;
export const BLOCK_PAYLOAD_MAX = 32_736;
export const SSK_RECORD_BYTES = 1_186;
export const POINTER_RECORD_BYTES = 426;
export const REPLICAS = 8;
/** Keyword records: how many one node keeps of one bucket, how many travel together (one block), how long they stand, what each must cost. */
export const KEYWORD_RECORDS_MAX = 64;
export const KEYWORD_BUNDLE_MAX = 27;
export const KEYWORD_DAYS = 30;
export const KEYWORD_WORK_BITS_MIN = 12;
export const KEYWORD_BUCKETS = 16;

// --- link ---
export const RECORD_PLAINTEXT_MAX = 65_519;
export const FRAME_HEADER_BYTES = 3;
/** Handshakes that have not finished yet, both directions together. */
export const HANDSHAKES_MAX = 256;
export const HANDSHAKE_TIMEOUT_MS = 10_000;
export const LINKS_MAX = 512;
/** Of those, accepted from one /24 (IPv4) or /32 (IPv6). */
export const LINKS_PER_PREFIX_MAX = 16;
/** The same for one private address, which the nodes of a devnet may share. */
export const LINKS_PER_HOST_MAX = 64;
/** Bytes waiting on one link before it refuses messages and kills the circuit with the oldest queued cells. */
export const LINK_QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** Above this a link asks its users to hold back what can wait. */
export const LINK_QUEUE_SOFT_BYTES = 1024 * 1024;
/** Links whose far end showed no descriptor: they may not crowd out the nodes that routing needs. */
export const LIGHT_LINKS_MAX = 256;
export const KEEPALIVE_INTERVAL_MS = 15_000;
export const KEEPALIVE_TIMEOUT_MS = 45_000;
/** Longest time that one Pace message asks for, seconds: two hours. */
export const PACE_SECONDS_MAX = 7_200;
/** Links on which the other end's wish keeps this node sending the fixed pattern: 4.6 MiB/s at most. */
export const PACED_LINKS_MAX = 32;
/** Remembered first flights against replay, per link key. */
export const REPLAY_ENTRIES_MAX = 1_048_576;

// --- transport ---
/** Sockets accepted and not yet closed: every link there may be, and every handshake under way. */
export const ACCEPTED_SOCKETS_MAX = 768;
export const DIAL_TIMEOUT_MS = 10_000;

// --- store ---
/** What store.size and `store resize` accept. */
export const STORE_BYTES_MIN = 16 * 1024 * 1024;
export const STORE_BYTES_MAX = 64 * 1024 ** 4;
/** Bytes per second that `store verify` may be told to read. */
export const VERIFY_RATE_MIN = 64 * 1024;
export const VERIFY_RATE_MAX = 1024 * 1024 * 1024;
/** Records (SSK, pointer, keyword) kept as owner, whatever store.size would allow. */
export const RECORDS_MAX = 131_072;
/** Records that passed by, in memory only: about 5 MiB. */
export const RECORDS_CACHED_MAX = 4_096;

// --- topology ---
export const DESCRIPTOR_BYTES_MAX = 512;
export const PEERS_MAX = 64;
export const PEER_CLAIMS_MAX = 64;
/** Nodes that the owner of this one does not want as peers for a while. */
export const PEERS_BANNED_MAX = 256;
export const PEERS_PER_PREFIX_MAX = 2;
/** Nodes of which it is remembered since when they are known. */
export const PROBATION_NODES_MAX = 1_024;
export const RELAY_VIEW_MAX = 1_024;
/** Nodes among which partners of gossip are drawn; nodes that may push themselves to us in one turn of it; keys that pulls bring in one. */
export const GOSSIP_VIEW_MAX = 32;
export const GOSSIP_PUSHES_MAX = 32;
export const GOSSIP_PULLED_MAX = 512;
export const ANNOUNCE_REPLY_DESCRIPTORS_MAX = 16;
export const ANNOUNCES_PENDING_MAX = 64;
/** Of those, for one link. */
export const ANNOUNCES_PENDING_PER_LINK_MAX = 16;
/** Hops an Announce may take; a received HTL above it counts as this. */
export const ANNOUNCE_HTL_MAX = 10;
/** Peers under one /16 (IPv4). */
export const PEERS_PER_WIDE_PREFIX_MAX = 4;
/** Descriptors held in all: the relay view, our peers and the neighbourhood on the ring. */
export const KNOWN_NODES_MAX = RELAY_VIEW_MAX + 128;
/** Of those, nodes that are only named: by themselves, or in announces. */
export const UNREACHED_NODES_MAX = 256;
/** Of those that we have not reached ourselves, under one /16 (IPv4) or /32 (IPv6). */
export const UNREACHED_PER_PREFIX_MAX = 16;
/** Dials of the topology under way at once. */
export const TOPOLOGY_DIALS_MAX = 8;
/** Descriptors kept on disk to come back without a seed. */
export const PEERS_REMEMBERED_MAX = 64;
/** Seeds in one invite, and characters of its line: three descriptors of the longest kind fit. */
export const INVITE_SEEDS_MAX = 3;
export const INVITE_CHARACTERS_MAX = 2_400;

// --- router ---
export const HTL_MAX = 22;
export const HTL_BASE = 18;
export const DEADLINE_MS_MAX = 60_000;
export const PENDING_REQUESTS_MAX = 4_096;
/** Requests one peer may have waiting at this node. */
export const PENDING_PER_PEER_MAX = 1_024;
/** Requests waiting at this node that hold a block in memory: inserts and copies, 64 MiB at most. */
export const PENDING_INSERTS_MAX = 2_048;
/** Of both, what may have left circuits here: the rest is for those who route through us. */
export const PENDING_EXITS_MAX = PENDING_REQUESTS_MAX / 2;
export const PENDING_EXIT_INSERTS_MAX = PENDING_INSERTS_MAX / 2;
/** Of those, what came over circuits of one link. */
export const PENDING_EXITS_PER_ORIGIN_MAX = PENDING_EXITS_MAX / 4;
/** Requests a peer may have waiting at us before we have told it another number (Credit), and the least we ever tell. */
export const CREDIT_FIRST = 256;
export const CREDIT_MIN = 8;
/** Bytes of routed messages waiting for slow readers, on all links together; past it the link whose data waits longest is closed. */
export const ROUTED_QUEUE_BYTES_MAX = 256 * 1024 * 1024;
/** Leading zero bits that an insert may be asked for. */
export const WORK_BITS_MAX = 16;
/** Askers of a failed key who are offered it when it turns up, and blocks that we fetch at one time because they were offered. */
export const OFFERS_PER_KEY_MAX = 8;
export const OFFERS_TAKEN_AT_ONCE_MAX = 16;
/** Peers whose answers are remembered as estimates. */
export const ESTIMATES_MAX = 256;
/** Blocks that passed by and are being written to the cache; more are passed on without keeping them. */
export const PATH_WRITES_MAX = 64;
/** Damaged blocks of our own that wait to be fetched again; more are left to the other owners. */
export const HEALS_WAITING_MAX = 256;
/** Nodes remembered for sending blocks that do not match their keys. */
export const BAD_SENDERS_MAX = 1_024;
/** How many askers may wait on one pending request. */
export const COALESCED_MAX = 64;
/** Next hops tried by one node for one request. */
export const ROUTE_ATTEMPTS_MAX = 4;
export const FAILURE_TABLE_MAX = 10_000;
export const FAILURE_TABLE_MS = 180_000;

// --- onion ---
export const CELL_SMALL_BYTES = 2_048;
export const CELL_LARGE_BYTES = 34_816;
export const CIRCUITS_PER_LINK_MAX = 1_024;
export const CIRCUITS_RELAYED_MAX = 4_096;
/** Handshakes that one link may ask for in the long run; CIRCUITS_PER_LINK_MAX of them at once. */
export const CREATES_PER_LINK_PER_SEC = 32;
export const CIRCUIT_CELLS_MAX = 16_384;
export const CIRCUIT_LIFE_MS = 600_000;
export const CIRCUIT_BUILD_TIMEOUT_MS = 10_000;
/** Requests in flight on one circuit, both as client and as what an exit accepts. */
export const CIRCUIT_REQUESTS_MAX = 64;
export const EXTEND_DIALS_PER_MINUTE = 30;
export const EXTEND_DIALS_PER_TARGET = 2;
export const EXITS_PER_DOCUMENT_MAX = 16;
/** E of a document above LARGE_DOCUMENT_BLOCKS. */
export const EXITS_PER_LARGE_DOCUMENT_MAX = 64;
export const LARGE_DOCUMENT_BLOCKS = 10_000;
/** Mean delay that a circuit may ask of a hop. */
export const HOP_DELAY_MS_MAX = 5_000;
/** Cells that wait for their delay to pass, over all circuits: past it the circuit whose cells wait longest is killed. */
export const DELAYED_BYTES_MAX = 64 * 1024 * 1024;

// --- client ---
export const SEGMENT_DATA_BLOCKS_MAX = 128;
export const SEGMENT_CHECK_BLOCKS_MIN = 3;
export const MANIFEST_LEAF_SEGMENTS_MAX = 3;
export const MANIFEST_INNER_CHILDREN_MAX = 256;
export const MANIFEST_DEPTH_MAX = 4;
export const TRANSFERS_MAX = 256;
export const TRANSFERS_ACTIVE_MAX = 16;
export const STALL_LIMIT_MS = 300_000;
/** Characters of a key as typed or pasted, prefix and path included. */
export const URI_CHARACTERS_MAX = 4_096;
export const CONTENT_TYPE_BYTES_MAX = 255;
export const DOCUMENT_NAME_BYTES_MAX = 1_024;
/** Words of one publish or one search, and characters of one. */
export const KEYWORDS_MAX = 16;
export const KEYWORD_CHARACTERS_MAX = 64;
/** Sites followed at once. */
export const WATCHES_MAX = 64;
/** Signing identities in one home. */
export const KEY_RING_MAX = 1_024;
/** Sites whose newest edition seen is remembered. */
export const SEEN_EDITIONS_MAX = 4_096;
/** Blocks of one fetch that wait to be put back where they were missing: 16 MiB. */
export const HEAL_BLOCKS_MAX = 512;
/** Of a directory: its files, the document that lists them, one path and each name in it. */
export const DIRECTORY_ENTRIES_MAX = 65_536;
export const DIRECTORY_LISTING_BYTES_MAX = 8 * 1024 * 1024;
export const DIRECTORY_PATH_BYTES_MAX = 1_024;
export const DIRECTORY_NAME_BYTES_MAX = 255;
export const DIRECTORY_PATH_NAMES_MAX = 32;
/** Plain bytes of one compressed piece: what a reader of a compressed document has to hold at once. */
export const COMPRESSED_PIECE_BYTES = 1_048_576;
/** A convergent secret needs the whole-file hash before the first block, so such a document is held in memory. */
export const CONVERGENT_BYTES_MAX = 256 * 1024 * 1024;

// --- queue ---
/** Entries of the persistent queue, ended ones that were not removed included. */
export const QUEUE_ENTRIES_MAX = 1_024;
export const QUEUE_TAG_BYTES_MAX = 16_384;
/** Entries that run at once: the rest of TRANSFERS_ACTIVE_MAX is for those who wait at a screen. */
export const QUEUE_RUNNING_MAX = 8;
/** What the spool keeps of documents, sealed: waiting publishes, and fetches that are not on the user's disk. */
export const QUEUE_SPOOL_BYTES_MAX = 16 * 1024 ** 3;
/** Blocks that one fetch keeps until they are handed on: 128 MiB. */
export const QUEUE_KEPT_BLOCKS_MAX = 4_096;

// --- api ---
export const API_CLIENTS_MAX = 64;
export const API_BODY_JSON_MAX = 65_536;
export const LOG_LINES_KEPT = 1_000;

// --- gateway ---
export const GATEWAY_CONNECTIONS_MAX = 128;
export const GATEWAY_HEADER_BYTES_MAX = 16_384;
/** Path and query of a request: a key whose every byte is percent-encoded, and a path inside. */
export const GATEWAY_URL_CHARACTERS_MAX = 12_288;
export const GATEWAY_FORM_BYTES_MAX = 16_384;
/** Requests that wait for bytes from the network at one time; more are answered `busy`. */
export const GATEWAY_WAITS_MAX = 64;
/** Documents and folders kept open, each with at most one transfer. */
export const GATEWAY_DOCUMENTS_MAX = 128;
/** Of documents read whole: each, and all together. */
export const GATEWAY_WHOLE_BYTES_MAX = 8 * 1024 * 1024;
export const GATEWAY_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** What the content filter reads; a larger page is offered as text or for download. */
export const GATEWAY_FILTER_BYTES_MAX = 4 * 1024 * 1024;
/** Pages that wait for the filter, one at a time, and how long each may take. */
export const GATEWAY_FILTER_WAITING_MAX = 64;
export const GATEWAY_FILTER_MS_MAX = 10_000;

// --- FCP ---
export const FCP_CONNECTIONS_MAX = 64;
export const FCP_LINE_BYTES_MAX = 4_096;
export const FCP_NAME_BYTES_MAX = 128;
export const FCP_IDENTIFIER_BYTES_MAX = 512;
/** Lines of one message before its data: enough for a directory of 20,000 files. */
export const FCP_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Requests of one connection that have not ended. */
export const FCP_REQUESTS_PER_CONNECTION_MAX = 128;
/** Directories one connection may have opened, or be about to open, with TestDDA. */
export const FCP_DDA_DIRECTORIES_MAX = 32;
export const FCP_SUBSCRIPTIONS_MAX = 32;
/** What waits for a slow reader before progress is left out and no more of its messages are read. */
export const FCP_OUTPUT_BYTES_MAX = 262_144;
/** A connection that says no hello, or stops within the data of a message. */
export const FCP_HELLO_MS = 60_000;
export const FCP_DATA_STALL_MS = 600_000;
