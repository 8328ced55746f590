/**
 * Onion layers of several nodes in one process: real circuits and descriptors over links that only copy cells, under a hand-moved clock.
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { ProtocolError } from '../../../daemon/errors.ts';
import { type BlockRef, hexKey, type NodeId } from '../../../daemon/ids.ts';
import type { Link, Links } from '../../../daemon/link/link-types.ts';
import { PACED_PLAINTEXT_BYTES, PACED_ROOM_BYTES, Pacer } from '../../../daemon/link/pacer.ts';
import { createOnion, type Onion, type OnionOptions } from '../../../daemon/onion/onion.ts';
import type { Records, TraceEvent } from '../../../daemon/ports.ts';
import type { ExitRequests, FetchOutcome, InsertOutcome } from '../../../daemon/router/router-types.ts';
import { decodeDescriptor, deriveLocation, nodeIdOf, signDescriptor } from '../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE, type Role } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

export const NOW_HOUR = 500_000;

export interface ExitCall {
  readonly at: number;
  readonly operation: 'fetch' | 'insert';
  readonly key: string;
  readonly replica: number;
  readonly owners: number;
  readonly payload: Uint8Array | undefined;
}

export interface AskedInsert {
  readonly ref: BlockRef;
  readonly replica: number;
  readonly work: Uint8Array;
}

export interface WorldNode {
  readonly index: number;
  readonly descriptor: Descriptor;
  readonly onion: Onion;
  readonly links: Links;
  readonly records: Records;
  readonly trace: TraceEvent[];
  readonly reported: string[];
  /** Refuses dials from now on and cuts every link. */
  die(): void;
  /** Answers dials again. */
  revive(): void;
}

/** One cell on its way; return what arrives instead. */
export type Tamper = (cell: Uint8Array, from: number, to: number) => Uint8Array[];

export interface OnionWorld {
  readonly clock: ManualClock;
  readonly crypto: Crypto;
  readonly nodes: WorldNode[];
  readonly exitCalls: ExitCall[];
  readonly logged: string[];
  readonly dials: { from: number; to: number }[];
  /** Every cell that was sent: "from>to", and its length. */
  readonly lengths: Map<string, number[]>;
  /** Cells in each tick of a paced link: "from>to". */
  readonly ticks: Map<string, number[]>;
  tamper: Tamper | undefined;
  onFetch: (key: Uint8Array, exit: number) => Promise<FetchOutcome>;
  onInsert: (payload: Uint8Array, asked: AskedInsert) => Promise<InsertOutcome>;
  /** What every node's relay view holds; all relays unless set. */
  view: ((index: number) => Descriptor[]) | undefined;
  /** True: links of that node say "hold back" until released. */
  readonly blocked: Set<number>;
  add(options?: AddOptions): WorldNode;
  stop(): void;
}

export interface AddOptions {
  readonly role?: Role;
  readonly host?: string;
  readonly records?: Records;
  readonly onion?: Partial<OnionOptions>;
  /** Takes the identity of that node (for a restart). */
  readonly as?: number;
  /** A node that only collects: cells go here, and nothing is answered. */
  readonly puppet?: (link: Link, cell: Uint8Array) => void;
}

export async function memoryRecords(): Promise<Records> {
  return createMemoryDisk().openRecords('node');
}

interface FakeLink extends Link {
  other: FakeLink | undefined;
  owner: number;
  pacer: Pacer;
  isOpen: boolean;
  queuedBytes: number;
}

export async function createOnionWorld(seed: number, latencyMs = 5): Promise<OnionWorld> {
  const clock = createManualClock();
  const crypto = testCrypto(`world-${seed}`);
  const nodes: WorldNode[] = [];
  const all: FakeLink[][] = [];
  const dead = new Set<number>();
  const recordsOf: Records[] = [];
  for (let i = 0; i < 64; i++) recordsOf.push(await memoryRecords());
  let handles = 0;

  const world: OnionWorld = {
    clock,
    crypto,
    nodes,
    exitCalls: [],
    logged: [],
    dials: [],
    lengths: new Map(),
    ticks: new Map(),
    tamper: undefined,
    onFetch: async (key) => ({ type: 'data', payload: blockFor(key) }),
    onInsert: async () => ({ type: 'inserted', copies: 3 }),
    view: undefined,
    blocked: new Set(),
    add,
    stop() {
      for (const node of nodes) node.onion.stop();
    },
  };

  function makeLink(owner: number, peer: Descriptor | undefined, dialledByUs: boolean): FakeLink {
    const handle = ++handles;
    const pacer = new Pacer(clock, {
      tick() {
        const cells = nodes[owner]!.onion.fillSlot(link, PACED_ROOM_BYTES);
        const path = `${owner}>${link.other?.owner}`;
        const list = world.ticks.get(path) ?? [];
        world.ticks.set(path, list);
        list.push(cells.length);
        for (const cell of cells) link.sendCell(cell);
        clock.setTimer(latencyMs, () => link.other?.pacer.heard(PACED_PLAINTEXT_BYTES));
      },
      ask: (seconds) => clock.setTimer(latencyMs, () => link.other?.pacer.asked(seconds)),
      mayServe: () => true,
    });
    const link: FakeLink = {
      handle,
      owner,
      pacer,
      pacing: pacer,
      peer,
      peerKey: peer === undefined ? `light-${handle}` : hexKey(peer.nodeId),
      dialledByUs,
      remote: peer?.addresses[0] ?? { host: '10.0.0.9', port: 1 },
      openedAtMs: clock.nowMs(),
      rttMs: latencyMs * 2,
      counters: { bytesIn: 0, bytesOut: 0, recordsIn: 0, recordsOut: 0, paddingBytesOut: 0 },
      queuedBytes: 0,
      isOpen: true,
      exporterSecret: new Uint8Array(32),
      other: undefined,
      sendMessage: () => true,
      sendCell(cell) {
        const far = link.other;
        if (!link.isOpen || far === undefined) return false;
        const path = `${owner}>${far.owner}`;
        const list = world.lengths.get(path) ?? [];
        world.lengths.set(path, list);
        list.push(cell.length);
        const arriving = world.tamper === undefined ? [cell] : world.tamper(cell.slice(), owner, far.owner);
        for (const bytes of arriving) {
          const copy = bytes.slice();
          clock.setTimer(latencyMs, () => {
            if (far.isOpen) nodes[far.owner]!.onion.handleCell(far, copy);
            copy.fill(0xee); // whoever kept a view of it would notice
          });
        }
        return !world.blocked.has(owner);
      },
      close() {
        if (!link.isOpen) return;
        link.isOpen = false;
        pacer.stop();
        link.other?.pacer.stop();
        clock.setTimer(0, () => nodes[owner]!.onion.linkClosed(link));
        const far = link.other;
        if (far?.isOpen) {
          far.isOpen = false;
          clock.setTimer(0, () => nodes[far.owner]!.onion.linkClosed(far));
        }
      },
    };
    all[owner]!.push(link);
    return link;
  }

  function add(options: AddOptions = {}): WorldNode {
    const index = nodes.length;
    const identity = options.as ?? index;
    const role = options.role ?? ROLE.full;
    const own = testCrypto(`world-${seed}-node-${identity}`);
    const signKey = own.signKey(own.sha256(`seed ${seed} ${identity}`));
    const onionKeys = [keyPair(own, `a${identity}`), keyPair(own, `b${identity}`)];
    const address = { host: options.host ?? `10.${identity + 1}.0.1`, port: 9_480 };
    const nodeId: NodeId = nodeIdOf(own, signKey.publicKey);
    const descriptor = signDescriptor(own, signKey, {
      sequence: 1,
      linkKey: onionKeys[0]!.publicKey,
      onionKey: onionKeys[0]!.publicKey,
      nextOnionKey: onionKeys[1]!.publicKey,
      addresses: [address],
      role,
      location: deriveLocation(own, nodeId, BINDING.nodeId, address, 0),
      binding: BINDING.nodeId,
      bindingIndex: 0,
      stamp: new Uint8Array(8),
      version: 'test',
      issuedHour: NOW_HOUR,
    });
    all[index] = [];
    const links: Links = {
      async connect(to) {
        const target = nodes.findLastIndex((node) => hexKey(node.descriptor.nodeId) === hexKey(to.nodeId));
        const open = links.get(to.nodeId);
        if (open !== undefined) return open;
        world.dials.push({ from: index, to: target });
        await new Promise<void>((resolve) => clock.setTimer(latencyMs, resolve));
        if (target < 0 || dead.has(target) || dead.has(index)) throw new ProtocolError('ERR_DIAL');
        const near = makeLink(index, to, true);
        const far = makeLink(target, role === ROLE.light ? undefined : descriptor, false);
        near.other = far;
        far.other = near;
        return near;
      },
      get: (id) => all[index]!.find((link) => link.isOpen && link.peerKey === hexKey(id)),
      all: () => all[index]!.filter((link) => link.isOpen),
    };
    const exits: ExitRequests = {
      fetch(ref, replica) {
        world.exitCalls.push({
          at: index,
          operation: 'fetch',
          key: hexKey(ref.key),
          replica,
          owners: 0,
          payload: undefined,
        });
        return world.onFetch(ref.key, index);
      },
      insert(ref, replica, owners, work, payload) {
        world.exitCalls.push({ at: index, operation: 'insert', key: hexKey(ref.key), replica, owners, payload });
        return world.onInsert(payload, { ref, replica, work: work.slice() });
      },
    };
    const trace: TraceEvent[] = [];
    const reported: string[] = [];
    const records = options.records ?? recordsOf[index]!;
    const onion = options.puppet === undefined ? realOnion() : puppetOnion(options.puppet);
    function realOnion(): Onion {
      return createOnion(
        {
          clock,
          random: createSeededRandom(`${seed}/${index}`),
          crypto: own,
          log: { write: (level, subsystem, text) => world.logged.push(`${index} ${level} ${subsystem} ${text}`) },
          links,
          relays: {
            relays: () =>
              world.view?.(index) ??
              nodes
                .map((node) => node.descriptor)
                .filter((each) => each.role !== ROLE.light && hexKey(each.nodeId) !== hexKey(nodeId)),
          },
          exits,
          records,
          decodeDescriptor: (bytes) => decodeDescriptor(own, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true }),
          relayFailed: (id) => reported.push(hexKey(id)),
          trace: { record: (event) => trace.push(event) },
        },
        {
          ownNodeId: nodeId,
          onionKeys: () => onionKeys,
          role,
          allowPrivateAddresses: true,
          prefixRules: true,
          circuitsReady: 0,
          stateKey: new Uint8Array(32).fill(5),
          ...options.onion,
        },
      );
    }
    const node: WorldNode = {
      index,
      descriptor,
      onion,
      links,
      records,
      trace,
      reported,
      die() {
        dead.add(index);
        for (const link of [...all[index]!]) link.close('shutdown');
      },
      revive: () => dead.delete(index),
    };
    nodes.push(node);
    onion.start();
    return node;
  }

  return world;
}

/** A block whose content follows from its key, so that a mix-up shows. */
export function blockFor(key: Uint8Array): Uint8Array {
  return new Uint8Array(32_768).fill(key[0]!).fill(key[1]!, 16_000);
}

/** Runs virtual time until the promise settles. */
export async function inTime<T>(world: OnionWorld, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  await world.clock.runUntil(() => settled, limitMs);
  await world.clock.settle();
  if (!settled) throw new Error(`not settled within ${limitMs} virtual ms: ${world.logged.join('\n')}`);
  return watched;
}

function puppetOnion(handleCell: (link: Link, cell: Uint8Array) => void): Onion {
  const refuse = (): never => {
    throw new Error('a puppet does nothing by itself');
  };
  const nothing = (): void => {};
  return {
    handleCell,
    linkClosed: nothing,
    linkDrained: nothing,
    linkOverflowed: nothing,
    fillSlot: () => [],
    isLinkInUse: () => false,
    start: nothing,
    stop: nothing,
    open: refuse,
    snapshot: refuse,
  };
}

function keyPair(crypto: Crypto, label: string) {
  const privateKey = crypto.sha256(`onion key ${label}`);
  return { privateKey, publicKey: crypto.dhPublicKey(privateKey) };
}
