/**
 * Peers that break the rules, over real sockets: raw ones that prove nothing, one that finishes the handshake and then writes
 * records as it likes, and one that joins with the product's own links and answers what it wants.
 * @module
 */
import { connect, type Socket } from 'node:net';
import type { DhKeyPair } from '../../crypto/provider.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { createTcpTransport } from '../../daemon/io/tcp.ts';
import { createInitiator } from '../../daemon/link/handshake.ts';
import type { Link, LinkHost } from '../../daemon/link/link-types.ts';
import { createLinks } from '../../daemon/link/links.ts';
import { RECORD_LENGTH_BYTES, RECORD_OVERHEAD_BYTES, RecordWriter } from '../../daemon/link/record.ts';
import { COMMAND, controlCell, readCircuitId } from '../../daemon/onion/cell.ts';
import type { Crypto } from '../../daemon/ports.ts';
import { deriveLocation, nodeIdOf, signDescriptor } from '../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../daemon/wire/descriptor-types.ts';
import { type FrameType, writeFrame } from '../../daemon/wire/framing.ts';
import type { Message } from '../../daemon/wire/messages.ts';
import { locationToBytes } from '../../daemon/wire/ring-bytes.ts';
import { testCrypto } from './test-crypto.ts';

const HOUR_MS = 3_600_000;

export interface RawProbe {
  readonly socket: Socket;
  readonly openedAtMs: number;
  heardBytes: number;
  closedAfterMs: number | undefined;
}

/** Connects and says these bytes; nothing else. */
export function probe(at: { host: string; port: number }, say: Uint8Array): RawProbe {
  const socket = connect({ ...at, localAddress: '127.66.0.1' });
  const made: RawProbe = { socket, openedAtMs: performance.now(), heardBytes: 0, closedAfterMs: undefined };
  socket.on('connect', () => say.length > 0 && socket.write(say));
  socket.on('data', (bytes) => {
    made.heardBytes += bytes.length;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    made.closedAfterMs = performance.now() - made.openedAtMs;
  });
  return made;
}

export interface Identity {
  readonly linkKey: DhKeyPair;
  readonly descriptor: Descriptor;
}

export function makeAttacker(crypto: Crypto, host: string, port: number): Identity {
  const signKey = crypto.signKey(crypto.randomBytes(32));
  const linkKey = crypto.dhKeyPair();
  const address = { host, port };
  const id = nodeIdOf(crypto, signKey.publicKey);
  const descriptor = signDescriptor(crypto, signKey, {
    sequence: 1,
    linkKey: linkKey.publicKey,
    onionKey: crypto.dhKeyPair().publicKey,
    nextOnionKey: crypto.dhKeyPair().publicKey,
    addresses: [address],
    role: ROLE.full,
    location: deriveLocation(crypto, id, BINDING.nodeId, address, 0),
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'bad',
    issuedHour: Math.floor(Date.now() / HOUR_MS),
  });
  return { linkKey, descriptor };
}

/** The nodes under attack are a devnet. */
const NETWORK = 'devnet';

/** The first flight of a genuine handshake, to be cut or sent twice. */
export function firstFlight(to: Descriptor, from: Identity): Uint8Array {
  const crypto = testCrypto(Math.random());
  return createInitiator({
    crypto,
    random: createSystemRandom(),
    to,
    staticKey: from.linkKey,
    ownDescriptor: from.descriptor.encoded,
    network: NETWORK,
  }).first;
}

export interface RecordPeer {
  readonly isClosed: boolean;
  /** Bytes as they are, in place of records. */
  writeRaw(bytes: Uint8Array): void;
  /** One genuine record with one frame. */
  writeFrame(type: FrameType, body: Uint8Array): void;
  /** One genuine record with this plaintext, frames or not. */
  writePlaintext(plaintext: Uint8Array): void;
  end(): void;
}

/** Finishes a genuine handshake; what comes after it is the caller's. */
export function handshake(to: Descriptor, from: Identity): Promise<RecordPeer> {
  const crypto = testCrypto(Math.random());
  const machine = createInitiator({
    crypto,
    random: createSystemRandom(),
    to,
    staticKey: from.linkKey,
    ownDescriptor: from.descriptor.encoded,
    network: NETWORK,
  });
  const { host } = from.descriptor.addresses[0]!;
  return new Promise((resolve, reject) => {
    const socket = connect({ ...to.addresses[0]!, localAddress: host });
    let isClosed = false;
    let isLink = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      isClosed = true;
      reject(new Error('the handshake was refused'));
    });
    socket.on('connect', () => socket.write(machine.first));
    socket.on('data', (bytes) => {
      if (isLink) return;
      const step = machine.push(new Uint8Array(bytes));
      if (step.type !== 'done') return;
      isLink = true;
      socket.write(step.bytes!);
      const writer = new RecordWriter(crypto, step.session.sendKey);
      const writePlaintext = (plaintext: Uint8Array): void => {
        const record = new Uint8Array(RECORD_OVERHEAD_BYTES + plaintext.length);
        record.set(plaintext, RECORD_LENGTH_BYTES);
        writer.seal(record, plaintext.length, false);
        socket.write(record);
      };
      resolve({
        get isClosed() {
          return isClosed;
        },
        writeRaw: (raw) => void socket.write(raw),
        writeFrame(type, body) {
          const plaintext = new Uint8Array(3 + body.length);
          writeFrame(plaintext, 0, type, body);
          writePlaintext(plaintext);
        },
        writePlaintext,
        end: () => socket.destroy(),
      });
    });
  });
}

export interface Liar {
  readonly descriptor: Descriptor;
  readonly links: LinkHost;
  /** Fetches that were answered with a block of our own making. */
  readonly lies: number;
  /** Links that the other end closed on us. */
  readonly closed: number;
  stop(): void;
}

/** A node that is a perfect peer, but for the blocks: every Fetch is answered at once with bytes of its own. */
export async function startLiar(host: string, seeds: readonly Descriptor[]): Promise<Liar> {
  const crypto = testCrypto(`liar ${host} ${Math.random()}`);
  const forged = crypto.randomBytes(32_768);
  let lies = 0;
  let closed = 0;
  let self: Identity | undefined;
  const own = (): Identity => self!;
  const answer = (link: Link, message: Message): void => {
    switch (message.type) {
      case 'PeerRequest':
        link.sendMessage({ type: 'PeerAccepted' });
        return;
      case 'Announce':
        link.sendMessage({ type: 'AnnounceReply', id: message.id, descriptors: [] });
        return;
      case 'ViewPull':
        link.sendMessage({ type: 'ViewSample', id: message.id, descriptors: [] });
        return;
      case 'Fetch':
        lies++;
        link.sendMessage({ type: 'Data', id: message.id, payload: forged });
        return;
      case 'Insert':
      case 'StoreCopy':
        link.sendMessage({ type: 'RejectedOverload', id: message.id, retryMs: 0, workBits: 0 });
        return;
      default:
    }
  };
  const links = createLinks(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      crypto,
      transport: createTcpTransport({ localAddress: host }),
      log: { write: () => {} },
    },
    {
      ownDescriptor: () => own().descriptor,
      linkKeys: () => [own().linkKey],
      nowHour: () => Math.floor(Date.now() / HOUR_MS),
      allowPrivateAddresses: true,
      sendDescriptor: true,
      network: NETWORK,
    },
    {
      opened: (link) => void link.sendMessage({ type: 'PeerRequest', wish: 1 }),
      message: answer,
      // No relay at all: it says so at once, so that circuits are built over others.
      cell: (link, cell) => void link.sendCell(controlCell(crypto, readCircuitId(cell), COMMAND.destroy)),
      drained: () => {},
      closed: () => {
        closed++;
      },
    },
  );
  const listener = await links.listen({ host, port: 0 });
  self = makeAttacker(crypto, host, listener.address.port);
  await Promise.all(seeds.map((seed) => links.connect(seed)));
  for (const link of links.all()) {
    link.sendMessage({ type: 'ViewPush', descriptor: self.descriptor.encoded });
    link.sendMessage({
      type: 'Announce',
      id: 7,
      target: locationToBytes(self.descriptor.location),
      htl: 5,
      descriptor: self.descriptor.encoded,
    });
  }
  let wish = 0;
  const asking = setInterval(() => {
    wish = 1 - wish;
    for (const link of links.all()) link.sendMessage({ type: 'PeerRequest', wish });
  }, 150);
  return {
    descriptor: self.descriptor,
    links,
    get lies() {
      return lies;
    },
    get closed() {
      return closed;
    },
    stop() {
      clearInterval(asking);
      links.closeAll();
      listener.close();
    },
  };
}
