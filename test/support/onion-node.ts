/**
 * Links and onion layer on real sockets of this machine, with nothing behind the exit: for measurements and for attacks on the wire.
 *
 * Shape   listens on 127.0.0.1 at a free port; the relay view is what `know` was given; the exit answers a CHK with 32 KiB and every
 *         other kind with a record of 1,186 bytes, at once.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createCrypto } from '../../crypto/engine.ts';
import type { Crypto, DhKeyPair } from '../../crypto/provider.ts';
import { KIND } from '../../daemon/ids.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { createTcpTransport } from '../../daemon/io/tcp.ts';
import { BLOCK_BYTES, SSK_RECORD_BYTES } from '../../daemon/limits.ts';
import type { LinkHost } from '../../daemon/link/link-types.ts';
import { createLinks } from '../../daemon/link/links.ts';
import { createOnion, type Onion } from '../../daemon/onion/onion.ts';
import type { Clock, Log, Transport } from '../../daemon/ports.ts';
import { decodeDescriptor, deriveLocation, nodeIdOf, signDescriptor } from '../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../daemon/wire/descriptor-types.ts';
import { createMemoryDisk } from './memory-disk.ts';

export const NOW_HOUR = 500_000;
const HOST = '127.0.0.1';

export interface OnionNode {
  readonly descriptor: Descriptor;
  readonly links: LinkHost;
  readonly onion: Onion;
  readonly linkKey: DhKeyPair;
  readonly onionKey: DhKeyPair;
  know(relays: readonly Uint8Array[]): void;
  stop(): void;
}

export interface OnionNodeOptions {
  readonly log?: Log;
  /** A clock moved by hand goes with a transport over memory. */
  readonly clock?: Clock;
  /** What stands between the node and its keys, and between it and its sockets. */
  readonly wrapCrypto?: (crypto: Crypto) => Crypto;
  readonly wrapTransport?: (transport: Transport) => Transport;
}

export async function startOnionNode(options: OnionNodeOptions = {}): Promise<OnionNode> {
  const log = options.log ?? { write: () => {} };
  const random = createSystemRandom();
  const engine = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
  const crypto = options.wrapCrypto?.(engine) ?? engine;
  const tcp = createTcpTransport();
  const clock = options.clock ?? createSystemClock();
  const signKey = crypto.signKey(randomBytes(32));
  const ownNodeId = nodeIdOf(crypto, signKey.publicKey);
  const [linkKey, onionKey, nextOnionKey] = [crypto.dhKeyPair(), crypto.dhKeyPair(), crypto.dhKeyPair()];
  const block = randomBytes(BLOCK_BYTES);
  const record = randomBytes(SSK_RECORD_BYTES);
  const decode = (bytes: Uint8Array): Descriptor =>
    decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true });
  let relays: Descriptor[] = [];

  const links = createLinks(
    { clock, random, crypto, transport: options.wrapTransport?.(tcp) ?? tcp, log },
    {
      ownDescriptor: () => descriptor,
      linkKeys: () => [linkKey],
      nowHour: () => NOW_HOUR,
      allowPrivateAddresses: true,
      sendDescriptor: true,
    },
    {
      opened: () => {},
      message: () => {},
      cell: (link, cell) => onion.handleCell(link, cell),
      drained: (link) => onion.linkDrained(link),
      overflow: (link, cell) => onion.linkOverflowed(link, cell),
      slot: (link, room) => onion.fillSlot(link, room),
      closed: (link) => onion.linkClosed(link),
    },
  );
  const listener = await links.listen({ host: HOST, port: 0 });
  const { address } = listener;
  const descriptor = signDescriptor(crypto, signKey, {
    sequence: 1,
    linkKey: linkKey.publicKey,
    onionKey: onionKey.publicKey,
    nextOnionKey: nextOnionKey.publicKey,
    addresses: [address],
    role: ROLE.full,
    location: deriveLocation(crypto, ownNodeId, BINDING.nodeId, address, 0),
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'test/1',
    issuedHour: NOW_HOUR,
  });
  const onion = createOnion(
    {
      clock,
      random,
      crypto,
      log,
      links,
      relays: { relays: () => relays },
      exits: {
        fetch: async ({ kind }) => ({ type: 'data', payload: kind === KIND.chk ? block : record }),
        insert: async () => ({ type: 'inserted', copies: 3 }),
      },
      records: await createMemoryDisk().openRecords('node'),
      decodeDescriptor: decode,
    },
    {
      ownNodeId,
      onionKeys: () => [onionKey, nextOnionKey],
      role: ROLE.full,
      allowPrivateAddresses: true,
      prefixRules: false,
      circuitsReady: 0,
      stateKey: new Uint8Array(32).fill(5),
    },
  );
  onion.start();
  return {
    descriptor,
    links,
    onion,
    linkKey,
    onionKey,
    know(encoded) {
      relays = encoded.map(decode).filter(({ nodeId }) => !crypto.equal(nodeId, ownNodeId));
    },
    stop() {
      listener.close();
      onion.stop();
      links.closeAll();
    },
  };
}
