/**
 * The whole node without I/O: builds the layers, hands events up and requests down, and owns nothing else.
 *
 * Shape   createNode(ports, settings) resolves once the node listens and has begun to join; it is ready when circuits can be made.
 * Errors  LocalError from opening the disk or listening; nothing that a peer sends rejects or throws out of here.
 * Why     the same code runs on TCP (main.ts) and under a hand-moved clock (tests, test/sim), so it must not know which.
 * Source  design § 3.
 * @module
 */
import { createClient } from './client/client.ts';
import { createKeyRing } from './client/key-ring.ts';
import { createQueue } from './client/queue/queue.ts';
import { LocalError } from './errors.ts';
import { type Identity, loadIdentity } from './identity.ts';
import { type BlockRef, type CopyReason, hexKey } from './ids.ts';
import { locationOf } from './keys/location.ts';
import { pointerVersion } from './keys/node-ssk.ts';
import { verifyBlock } from './keys/verify.ts';
import type { Link } from './link/link-types.ts';
import { createLinks } from './link/links.ts';
import type { Node, NodeSnapshot } from './node-types.ts';
import { createOnion } from './onion/onion.ts';
import type { Ports, Timer, Trace, TraceEvent } from './ports.ts';
import { createRouter } from './router/router.ts';
import type { NodeSettings } from './settings.ts';
import { openStore } from './store/block-store.ts';
import { ringEachSideFor } from './topology/peer-choice.ts';
import { createTopology } from './topology/topology.ts';
import { isPrivate } from './wire/address.ts';
import { decodeDescriptor, deriveLocation, makeStamp, signDescriptor } from './wire/descriptor.ts';
import { BINDING, type Binding, type Descriptor, ROLE } from './wire/descriptor-types.ts';
import type { Message, MessageName } from './wire/messages.ts';

const HOUR_MS = 3_600_000;
/** A descriptor lives 72 hours; a fresh one every day leaves two chances to miss. */
const DESCRIPTOR_REISSUE_HOURS = 24;
/** Of the end of a node, for handing on what it owns. */
const LEAVE_MS = 3_000;
const TRACE_EVENTS_MAX = 100_000;
/** Identity stamp: its own row, because it is costly to make and bound to the key, not to an address. */
const STAMP_TABLE = 'identity';
const STAMP_ROW = 'stamp';

export interface NodeExtras {
  readonly version: string;
  /** Devnet trace (settings of the daemon, off by default). */
  readonly trace: boolean;
  /** Seals the datastore, and opens a sealed one. */
  readonly storePassphrase?: Uint8Array | undefined;
  /** The simulator's eyes, absent in every daemon: told what happened, asked for nothing. */
  readonly observer?: NodeObserver;
}

export interface NodeObserver {
  /** A message of a linked node, decoded, before its layer sees it. Keepalives stay in the link. */
  received(link: Link, message: Message): void;
  /** Each event of the trace, as it happens; needs `trace`. */
  traced(event: TraceEvent): void;
}

/** Which layer a message is for; the compiler checks that none is missing. Keepalive never leaves the link. */
const LAYER: Readonly<Record<MessageName, 'link' | 'topology' | 'router'>> = {
  Ping: 'link',
  Pong: 'link',
  Pace: 'link',
  Goodbye: 'topology',
  PeerRequest: 'topology',
  PeerAccepted: 'topology',
  PeerRefused: 'topology',
  PeerDropped: 'topology',
  PeerLocations: 'topology',
  Announce: 'topology',
  AnnounceReply: 'topology',
  ViewPush: 'topology',
  ViewPull: 'topology',
  ViewSample: 'topology',
  Observed: 'topology',
  Fetch: 'router',
  Insert: 'router',
  Accepted: 'router',
  Data: 'router',
  Inserted: 'router',
  Collision: 'router',
  DataNotFound: 'router',
  RouteNotFound: 'router',
  RejectedLoop: 'router',
  RejectedOverload: 'router',
  RecentlyFailed: 'router',
  StoreCopy: 'router',
  Credit: 'router',
  Offered: 'router',
};

export async function createNode(ports: Ports, settings: NodeSettings, extras: NodeExtras): Promise<Node> {
  const { clock, crypto, log } = ports;
  const random = (purpose: string) => ports.random.fork(purpose);
  const startedAtMs = clock.nowMs();
  const records = await ports.disk.openRecords('node');
  const wallHour = (): number => Math.floor(clock.wallMs() / HOUR_MS);
  const identity = loadIdentity(crypto, records, wallHour());
  const traceEvents: TraceEvent[] = [];
  const trace: Trace | undefined = extras.trace
    ? {
        record: (event) => {
          extras.observer?.traced(event);
          if (traceEvents.length < TRACE_EVENTS_MAX) traceEvents.push(event);
        },
      }
    : undefined;

  let own: Descriptor | undefined;
  const ownDescriptor = (): Descriptor => {
    if (own === undefined) throw new LocalError('internal', 'the descriptor was asked for before the node listened');
    return own;
  };

  const verify = (ref: BlockRef, bytes: Uint8Array): boolean => verifyBlock(crypto, ref, bytes);
  const store = await openStore(
    { disk: ports.disk, crypto, random: random('store'), clock, log },
    {
      sizeBytes: settings.storeBytes,
      keepsSize: settings.storeKeepsSize ?? false,
      passphrase: extras.storePassphrase,
      onLost: (ref, replica) => router.heal(ref, replica),
      ownLocation: () => ownDescriptor().location,
      verify,
      nowDay: () => Math.floor(topology.networkHour() / 24),
      supersedes: (existing, candidate) => (pointerVersion(candidate) ?? -1) > (pointerVersion(existing) ?? -1),
    },
  );

  const links = createLinks(
    { clock, random: random('link'), crypto, transport: ports.transport, log, records },
    {
      ownDescriptor,
      linkKeys: () => identity.linkKeys(topology.networkHour()),
      nowHour: () => topology.networkHour(),
      allowPrivateAddresses: settings.allowPrivateAddresses,
      network: settings.networkName,
      sendDescriptor: settings.role !== ROLE.light,
      prefixRules: settings.prefixRules,
      isLinkInUse: (link) => onion.isLinkInUse(link) || topology.peers().some((peer) => peer.link === link),
    },
    {
      opened: (link) => topology.linkOpened(link),
      message: (link, message) => {
        extras.observer?.received(link, message);
        dispatch(link, message);
      },
      cell: (link, cell) => onion.handleCell(link, cell),
      drained: (link) => onion.linkDrained(link),
      overflow: (link, cell) => onion.linkOverflowed(link, cell),
      slot: (link, room) => onion.fillSlot(link, room),
      closed: (link) => {
        topology.linkClosed(link);
        router.linkClosed(link);
        onion.linkClosed(link);
      },
    },
  );

  const topology = createTopology(
    { clock, random: random('topology'), crypto, log, links, records },
    {
      role: settings.role,
      seeds: settings.seeds,
      allowPrivateAddresses: settings.allowPrivateAddresses,
      prefixRules: settings.prefixRules,
      ringNeighboursEachSide: ringEachSideFor(settings.ringNeighboursEachSide, settings.peersMax),
      longLinks: settings.longLinks,
      peersMax: settings.peersMax,
      ownDescriptor,
      onPeerUp: (peer) => router.peerUp(peer),
      onPeerDown: (peer) => router.peerDown(peer),
      isLinkInUse: (link) => onion.isLinkInUse(link),
      isUseless: (peerKey) => router.isUseless(peerKey),
    },
  );

  const router = createRouter(
    {
      clock,
      random: random('router'),
      crypto,
      log,
      view: topology,
      store,
      verify,
      locate: (ref, replica) => locationOf(crypto, ref, replica),
      records,
      ...(trace === undefined ? {} : { trace }),
    },
    {
      owners: settings.owners,
      ownersReplicated: settings.ownersReplicated,
      handoffBytesPerSec: settings.handoffBytesPerSec ?? 0,
    },
  );

  const onion = createOnion(
    {
      clock,
      random: random('onion'),
      crypto,
      log,
      links,
      prober: links,
      relays: topology,
      exits: router,
      records,
      decodeDescriptor: (bytes) =>
        decodeDescriptor(crypto, bytes, {
          nowHour: topology.networkHour(),
          allowPrivateAddresses: settings.allowPrivateAddresses,
        }),
      relayFailed: (id) => topology.relayFailed(id),
      ...(trace === undefined ? {} : { trace }),
    },
    {
      ownNodeId: identity.nodeId,
      onionKeys: () => identity.onionKeys(topology.networkHour()),
      role: settings.role,
      allowPrivateAddresses: settings.allowPrivateAddresses,
      prefixRules: settings.prefixRules,
      circuitsReady: settings.circuitsReady,
      stateKey: crypto.hkdf(identity.signKey.seed, 'holloway state', 'onion', 32),
    },
  );

  const homeKey = crypto.hkdf(identity.signKey.seed, '', 'holloway home key', 32);
  const client = createClient(
    {
      clock,
      random: random('client'),
      crypto,
      compute: ports.compute,
      log,
      circuits: onion,
      records,
      homeKey,
      networkDay: () => Math.floor(topology.networkHour() / 24),
    },
    { owners: settings.owners, ownersReplicated: settings.ownersReplicated },
  );

  const queueRecords = await ports.disk.openRecords('queue');
  const queue = createQueue({
    clock,
    random: random('queue'),
    crypto,
    log,
    records: queueRecords,
    files: ports.files,
    client,
    key: store.secretFor('queue'),
  });

  function dispatch(link: Link, message: Message): void {
    const layer = LAYER[message.type];
    if (layer === 'topology') topology.handleMessage(link, message);
    else if (layer === 'router') router.handleMessage(link, message);
  }

  const listener = await links.listen(settings.listen);
  const address = settings.advertise ?? listener.address;
  const stamp = settings.allowPrivateAddresses && isPrivate(address.host) ? new Uint8Array(8) : loadStamp();
  own = describe(identity, wallHour());

  function loadStamp(): Uint8Array {
    const kept = records.get(STAMP_TABLE, STAMP_ROW);
    if (kept !== undefined) return kept;
    const made = makeStamp(crypto, identity.signKey.publicKey);
    records.put(STAMP_TABLE, STAMP_ROW, made);
    return made;
  }

  function describe(who: Identity, nowHour: number): Descriptor {
    const onionKeys = who.onionKeys(nowHour);
    const bound: Binding = settings.allowPrivateAddresses && isPrivate(address.host) ? BINDING.nodeId : BINDING.prefix;
    return signDescriptor(crypto, who.signKey, {
      sequence: who.nextSequence(),
      linkKey: who.linkKeys(nowHour)[0]!.publicKey,
      onionKey: onionKeys[0]!.publicKey,
      nextOnionKey: onionKeys[1]!.publicKey,
      addresses: [address],
      role: settings.role,
      location: deriveLocation(crypto, who.nodeId, bound, address, 0),
      binding: bound,
      bindingIndex: 0,
      stamp,
      version: extras.version,
      issuedHour: nowHour,
    });
  }

  let stopped = false;
  let hourly: Timer | undefined;
  const everyHour = (): void => {
    const nowHour = topology.networkHour();
    const turned = identity.turn(nowHour);
    if (turned || nowHour - ownDescriptor().issuedHour >= DESCRIPTOR_REISSUE_HOURS) own = describe(identity, nowHour);
    hourly = clock.setTimer(HOUR_MS, everyHour);
  };
  hourly = clock.setTimer(HOUR_MS, everyHour);

  topology.start();
  onion.start();
  void queue.start();
  log.write('info', 'node', `listening, ${settings.networkName}`);

  return {
    settings,
    get descriptor() {
      return ownDescriptor();
    },
    client,
    queue,
    keys: createKeyRing({ crypto, clock, records, homeKey }),
    store,
    peers: topology.control,
    routing: router,
    boundAddress: listener.address,
    snapshot: (): NodeSnapshot => ({
      nowMs: clock.nowMs(),
      startedAtMs,
      location: ownDescriptor().location,
      locationSinceMs: startedAtMs,
      joinStage: topology.joinStage,
      estimatedNodes: topology.estimatedNodes(),
      clockOffsetMs: topology.clockOffsetMs,
      peers: topology.peers(),
      links: links.all(),
      router: router.snapshot(),
      store: store.stats(),
      onion: onion.snapshot(),
      bytesIn: links.bytesIn,
      bytesOut: links.bytesOut,
      seedsTried: topology.seedsTried,
      seedsAnswered: topology.seedsAnswered,
      reachability: topology.reachability,
    }),
    traceEvents: () => traceEvents,
    holds(ref: BlockRef): CopyReason | 'unexplained' | undefined {
      if (trace === undefined || !store.has(ref)) return undefined;
      const wanted = hexKey(ref.key);
      for (const event of traceEvents) {
        if (event.type === 'copyKept' && hexKey(event.ref.key) === wanted) return event.reason;
      }
      return 'unexplained';
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      hourly?.cancel();
      await queue.stop();
      for (const transfer of client.transfers()) client.cancel(transfer.id);
      onion.stop();
      await router.leave(LEAVE_MS);
      router.stop();
      topology.stop();
      await links.closeAll();
      listener.close();
      await store.close();
      records.close();
      queueRecords.close();
      log.write('info', 'node', 'stopped');
    },
  };
}
