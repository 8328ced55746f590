/**
 * Nodes with links over the memory network, for the tests of this folder.
 * @module
 */
import type { DhKeyPair, SignKey } from '../../../crypto/provider.ts';
import type { Link, LinkEvents, LinkHost } from '../../../daemon/link/link-types.ts';
import { createLinks, type LinksOptions } from '../../../daemon/link/links.ts';
import type { Log, NetAddress, Records, Transport } from '../../../daemon/ports.ts';
import { deriveLocation, nodeIdOf, signDescriptor } from '../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from '../../support/memory-transport.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

export const NOW_HOUR = 500_000;
export const PORT = 9_480;
export const silentLog: Log = { write: () => {} };

/** 10.0.<seed>.1, and on from there. */
function hostOf(seed: number): string {
  return `10.${seed >> 8}.${seed & 255}.1`;
}

export interface TestIdentity {
  readonly signKey: SignKey;
  readonly linkKey: DhKeyPair;
  readonly descriptor: Descriptor;
}

export function makeIdentity(seed: number, address: NetAddress = { host: hostOf(seed), port: PORT }): TestIdentity {
  const crypto = testCrypto(`identity ${seed}`);
  const signKey = crypto.signKey(crypto.randomBytes(32));
  const linkKey = crypto.dhKeyPair();
  const id = nodeIdOf(crypto, signKey.publicKey);
  const descriptor = signDescriptor(crypto, signKey, {
    sequence: 1,
    linkKey: linkKey.publicKey,
    onionKey: crypto.randomBytes(32),
    nextOnionKey: crypto.randomBytes(32),
    addresses: [address],
    role: ROLE.full,
    location: deriveLocation(crypto, id, BINDING.nodeId, address, 0),
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'test/1',
    issuedHour: NOW_HOUR,
  });
  return { signKey, linkKey, descriptor };
}

export interface TestNode extends TestIdentity {
  readonly links: LinkHost;
  readonly opened: Link[];
  readonly messages: Message[];
  readonly cells: Uint8Array[];
  readonly closed: string[];
  readonly drained: Link[];
  readonly overflowed: Uint8Array[];
  readonly transport: Transport;
}

export interface NodeOptions extends Partial<LinksOptions> {
  readonly records?: Records;
  readonly identity?: TestIdentity;
  readonly events?: Partial<LinkEvents>;
  readonly overflow?: boolean;
  /** Where it is, when not at the host of its seed. */
  readonly at?: NetAddress;
}

export interface World {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  /** Listens on 10.0.<seed>.1. */
  node(seed: number, options?: NodeOptions): Promise<TestNode>;
  connect(from: TestNode, to: TestNode): Promise<{ near: Link; far: Link }>;
}

export function createWorld(options: MemoryNetworkOptions = {}): World {
  const clock = createManualClock();
  const network = createMemoryNetwork(clock, options);
  return {
    clock,
    network,
    async node(seed, given = {}) {
      const at = given.at ?? { host: hostOf(seed), port: PORT };
      const identity = given.identity ?? makeIdentity(seed, at);
      const transport = network.transport(at.host);
      const opened: Link[] = [];
      const messages: Message[] = [];
      const cells: Uint8Array[] = [];
      const closed: string[] = [];
      const drained: Link[] = [];
      const overflowed: Uint8Array[] = [];
      const events: LinkEvents = {
        opened: (link) => opened.push(link),
        message: (_, message) => messages.push(message),
        cell: (_, cell) => cells.push(cell),
        drained: (link) => drained.push(link),
        closed: (_, reason) => closed.push(reason),
        ...(given.overflow ? { overflow: (_: Link, cell: Uint8Array) => overflowed.push(cell) } : {}),
        ...given.events,
      };
      const links = createLinks(
        {
          clock,
          random: createSeededRandom(`links ${seed}`),
          crypto: testCrypto(`links ${seed}`),
          transport,
          log: silentLog,
          ...(given.records === undefined ? {} : { records: given.records }),
        },
        {
          ownDescriptor: given.ownDescriptor ?? (() => identity.descriptor),
          linkKeys: given.linkKeys ?? (() => [identity.linkKey]),
          nowHour: given.nowHour ?? (() => NOW_HOUR),
          allowPrivateAddresses: given.allowPrivateAddresses ?? true,
          sendDescriptor: given.sendDescriptor ?? true,
          ...(given.isLinkInUse === undefined ? {} : { isLinkInUse: given.isLinkInUse }),
        },
        events,
      );
      await links.listen(at);
      return { ...identity, links, opened, messages, cells, closed, drained, overflowed, transport };
    },
    async connect(from, to) {
      const pending = from.links.connect(to.descriptor);
      const before = to.opened.length;
      await clock.runUntil(() => to.opened.length > before, 5_000);
      return { near: await pending, far: to.opened[to.opened.length - 1]! };
    },
  };
}
