/**
 * A second reader of the wire, written from PROTOCOL.md alone: node:crypto and byte offsets, nothing of daemon/ or crypto/.
 *
 * Shape   `readConversation` takes both directions of one stream as its dialler recorded them, and the dialler's secrets by their public halves,
 *         and gives back flights, frames, cells and relay messages as PROTOCOL.md names them.
 * Errors  throws wherever the bytes are not what PROTOCOL.md says.
 * Why     an implementation that reads what it wrote itself proves little. Slow and simple on purpose.
 * @module
 */
import { strictEqual } from 'node:assert';
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

export interface Secrets {
  /** Public X25519 key in hex -> private key. */
  readonly x25519: ReadonlyMap<string, Uint8Array>;
  /** ML-KEM encapsulation key in hex -> decapsulation key. */
  readonly kem: ReadonlyMap<string, KeyObject>;
}

export interface Responder {
  readonly nodeId: Uint8Array;
  readonly linkKey: Uint8Array;
  /** Name of its network. */
  readonly network?: string;
}

export interface RelayMessage {
  readonly way: 'out' | 'in';
  /** Layers taken off. */
  readonly hops: number;
  readonly cellBytes: number;
  readonly name: string;
  readonly requestId: number;
  readonly data: Buffer;
}

export interface Conversation {
  readonly version: number;
  /** The descriptor shown in flight 3. */
  readonly shown: Buffer;
  readonly frames: readonly { readonly way: 'out' | 'in'; readonly name: string; readonly bytes: number }[];
  readonly cells: readonly { readonly way: 'out' | 'in'; readonly name: string; readonly bytes: number }[];
  readonly relayed: readonly RelayMessage[];
  /** Per record: the bytes of its plaintext and the frames in it. */
  readonly records: readonly {
    readonly way: 'out' | 'in';
    readonly bytes: number;
    readonly frames: readonly string[];
  }[];
  /** Bodies of message frames, in hex. */
  readonly messages: readonly { readonly way: 'out' | 'in'; readonly hex: string }[];
  /** What each hop was told in the sealed part of its CREATE, in the order in which they answered. */
  readonly extras: readonly { readonly position: number; readonly delayMs: number; readonly flags: number }[];
}

const FRAMES = ['pad', 'rekey', 'message', 'smallCell', 'largeCell'];
const COMMANDS = ['', 'CREATE', 'CREATED', 'RELAY', 'DESTROY'];
const RELAY_TYPES = ['PADDING', 'EXTEND', 'EXTENDED', 'FETCH', 'INSERT', 'DATA', 'INSERTED', 'COLLISION', 'FAILED'];

export function readConversation(out: Buffer, into: Buffer, responder: Responder, secrets: Secrets): Conversation {
  const handshake = readHandshake(out, into, responder, secrets);
  const frames = [
    ...readRecords(out.subarray(handshake.outEnd), handshake.outKey).map((frame) => ({
      ...frame,
      way: 'out' as const,
    })),
    ...readRecords(into.subarray(handshake.inEnd), handshake.inKey).map((frame) => ({ ...frame, way: 'in' as const })),
  ];
  const cells = frames.filter(({ name }) => name === 'smallCell' || name === 'largeCell');
  const extras: Buffer[] = [];
  const records = new Map<string, { way: 'out' | 'in'; bytes: number; frames: string[] }>();
  for (const { way, record, name, body } of frames) {
    const entry = records.get(`${way} ${record}`) ?? { way, bytes: 0, frames: [] };
    records.set(`${way} ${record}`, entry);
    entry.bytes += 3 + body.length;
    entry.frames.push(name);
  }
  return {
    records: [...records.values()],
    messages: frames.flatMap(({ way, name, body }) => (name === 'message' ? [{ way, hex: body.toString('hex') }] : [])),
    version: handshake.version,
    shown: handshake.shown,
    frames: frames.map(({ way, name, body }) => ({ way, name, bytes: body.length })),
    cells: cells.map(({ way, body }) => ({ way, name: COMMANDS[body[4]!]!, bytes: body.length })),
    relayed: readCircuits(cells, secrets, extras),
    extras: extras.map((extra) => ({ position: extra[1]!, delayMs: extra.readUInt16BE(2), flags: extra[4]! })),
  };
}

// --- § 3 ---

interface Handshake {
  readonly version: number;
  readonly shown: Buffer;
  readonly outEnd: number;
  readonly inEnd: number;
  readonly outKey: Buffer;
  readonly inKey: Buffer;
}

function readHandshake(
  out: Buffer,
  into: Buffer,
  { nodeId, linkKey, network = 'holloway' }: Responder,
  secrets: Secrets,
): Handshake {
  const nonce = out.subarray(0, 16);
  const masked1 = out.subarray(16, 52);
  const macKey = hkdf(nodeId, nonce, 'holloway mac', 32);
  const mac = createHmac('sha256', macKey).update(nonce).update(masked1).digest().subarray(0, 16);
  strictEqual(mac.toString('hex'), out.subarray(52, 68).toString('hex'), 'MAC of flight 1');
  const plain1 = unmask(hkdf(nodeId, nonce, 'holloway mask i', 32), masked1);
  const [e, pad1, version1] = [plain1.subarray(0, 32), plain1.readUInt16BE(32), plain1.readUInt16BE(34)];
  const plain2 = unmask(hkdf(nodeId, nonce, 'holloway mask r', 32), into.subarray(0, 36));
  const [re, pad2] = [plain2.subarray(0, 32), plain2.readUInt16BE(32)];
  strictEqual(plain2.readUInt16BE(34), 0);

  const name = Buffer.from(network === 'holloway' ? '' : network);
  const prologue = Buffer.concat([Buffer.from('holloway link'), nodeId, nonce, u16(pad1), u16(version1), name]);
  let hash = sha256(Buffer.from('Noise_XKhfs_25519+MLKEM768_ChaChaPoly_SHA256'));
  let chain: Buffer = hash;
  let key: Buffer = Buffer.alloc(0);
  let counter = 0;
  const mixHash = (bytes: Uint8Array): void => {
    hash = sha256(hash, bytes);
  };
  const mixKey = (secret: Uint8Array): void => {
    const output = hkdf(secret, chain, '', 64);
    [chain, key, counter] = [output.subarray(0, 32), output.subarray(32), 0];
  };
  const open = (sealed: Buffer): Buffer => {
    const iv = Buffer.alloc(12);
    iv.writeUInt32LE(counter++, 4);
    const plaintext = aeadOpen(key, iv, hash, sealed);
    mixHash(sealed);
    return plaintext;
  };
  const dh = (own: Uint8Array, other: Uint8Array): Buffer => x25519(secrets, own, other);

  mixHash(prologue);
  mixHash(linkKey);
  mixHash(e);
  mixKey(dh(e, linkKey)); // es
  const encapsulationKey = open(out.subarray(68, 68 + 1_200)); // e1
  checkPayload(open(out.subarray(1_268, 1_316)), version1, out.subarray(1_316, 1_316 + pad1));

  mixHash(re);
  mixKey(dh(e, re)); // ee
  const ciphertext = open(into.subarray(36, 36 + 1_104)); // ekem1
  mixKey(decapsulate(kemOf(secrets, encapsulationKey), ciphertext));
  const version = checkPayload(open(into.subarray(1_140, 1_188)), undefined, into.subarray(1_188, 1_188 + pad2));

  const third = out.subarray(1_316 + pad1);
  const s = open(third.subarray(0, 48));
  mixKey(dh(s, re)); // se
  const introduction = open(third.subarray(48, 704));
  const keys = hkdf(new Uint8Array(0), chain, '', 64);
  return {
    version,
    shown: introduction.subarray(2, 2 + introduction.readUInt16BE(0)),
    outEnd: 1_316 + pad1 + 704,
    inEnd: 1_188 + pad2,
    outKey: keys.subarray(0, 32),
    inKey: keys.subarray(32),
  };
}

function checkPayload(payload: Buffer, version: number | undefined, pad: Buffer): number {
  if (version !== undefined) strictEqual(payload.readUInt16BE(0), version);
  strictEqual(payload.readUInt16BE(2), pad.length);
  const expected = sha256(Buffer.from('holloway pad'), pad).subarray(0, 28);
  strictEqual(payload.subarray(4).toString('hex'), expected.toString('hex'), 'the pad');
  return payload.readUInt16BE(0);
}

// --- §§ 4, 5 ---

interface Frame {
  readonly record: number;
  readonly name: string;
  readonly body: Buffer;
}

function readRecords(stream: Buffer, firstKey: Buffer): Frame[] {
  const frames: Frame[] = [];
  let key = firstKey;
  let record = 0;
  let records = 0;
  let at = 0;
  // The recording may end within a record.
  while (at + 18 <= stream.length) {
    const length = aeadOpen(
      key,
      littleEndian(2 * record),
      new Uint8Array(0),
      stream.subarray(at, at + 18),
    ).readUInt16BE(0);
    if (at + 18 + length + 16 > stream.length) break;
    const sealed = stream.subarray(at + 18, at + 18 + length + 16);
    const plaintext = aeadOpen(key, littleEndian(2 * record + 1), new Uint8Array(0), sealed);
    at += 18 + length + 16;
    record++;
    records++;
    for (let from = 0; from < plaintext.length; ) {
      const bytes = plaintext.readUInt16BE(from + 1);
      const name = FRAMES[plaintext[from]!]!;
      frames.push({ record: records, name, body: plaintext.subarray(from + 3, from + 3 + bytes) });
      from += 3 + bytes;
      if (name === 'rekey') [key, record] = [hkdf(key, Buffer.from('holloway link'), 'rekey', 32), 0];
    }
  }
  return frames;
}

// --- § 7 ---

interface Layer {
  readonly out: LayerKey;
  readonly in: LayerKey;
}

class LayerKey {
  #key: Buffer;
  #counter = 0;
  readonly #direction: number;

  constructor(key: Buffer, direction: number) {
    this.#key = key;
    this.#direction = direction;
  }

  open(sealed: Buffer, isLarge: boolean): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(this.#counter, 8);
    const plaintext = aeadOpen(this.#key, nonce, Uint8Array.of(isLarge ? 1 : 0, this.#direction), sealed);
    this.#counter++;
    if (this.#counter % 64 === 0) this.#key = hkdf(this.#key, new Uint8Array(0), 'ratchet', 32);
    return plaintext;
  }
}

interface Circuit {
  readonly layers: Layer[];
  /** CREATE data that waits for its answer. */
  asked: Buffer | undefined;
}

/** Outgoing and incoming cells are two lists: an answer is read as soon as what it answers was. */
function readCircuits(
  cells: readonly { readonly way: 'out' | 'in'; readonly body: Buffer }[],
  secrets: Secrets,
  extras: Buffer[],
): RelayMessage[] {
  const circuits = new Map<number, Circuit>();
  const messages: RelayMessage[] = [];
  const queues = { out: cells.filter(({ way }) => way === 'out'), in: cells.filter(({ way }) => way === 'in') };
  const read = (way: 'out' | 'in'): void => {
    const { body: cell } = queues[way].shift()!;
    const id = cell.readUInt32BE(0);
    const command = COMMANDS[cell[4]!];
    strictEqual(cell.readUIntBE(5, 3), 0, 'reserved');
    const body = cell.subarray(8);
    const circuit = circuits.get(id) ?? { layers: [], asked: undefined };
    circuits.set(id, circuit);
    if (command === 'CREATE') circuit.asked = body.subarray(0, 1_328);
    else if (command === 'CREATED') addLayer(circuit, body.subarray(0, 1_152), secrets, extras);
    else if (command === 'RELAY') messages.push(readRelayed(circuit, way, cell, secrets, extras));
  };
  while (queues.out.length + queues.in.length > 0) {
    const next = queues.out[0]?.body;
    const waits = next !== undefined && circuits.get(next.readUInt32BE(0))?.asked !== undefined;
    read(next !== undefined && (!waits || queues.in.length === 0) ? 'out' : 'in');
  }
  return messages;
}

function readRelayed(
  circuit: Circuit,
  way: 'out' | 'in',
  cell: Buffer,
  secrets: Secrets,
  extras: Buffer[],
): RelayMessage {
  let text = cell.subarray(8);
  for (const layer of circuit.layers) text = layer[way].open(text, cell.length > 2_048);
  const data = text.subarray(8, 8 + text.readUInt16BE(2));
  const name = RELAY_TYPES[text[0]!]!;
  const message = {
    way,
    hops: circuit.layers.length,
    cellBytes: cell.length,
    name,
    requestId: text.readUInt32BE(4),
    data,
  };
  strictEqual(
    text.subarray(8 + data.length).every((byte) => byte === 0),
    true,
    'zero pad',
  );
  if (name === 'EXTEND') circuit.asked = data.subarray(2 + data.readUInt16BE(0));
  if (name === 'EXTENDED') addLayer(circuit, data, secrets, extras);
  return message;
}

function addLayer(circuit: Circuit, created: Buffer, secrets: Secrets, extras: Buffer[]): void {
  const keys = circuitKeys(circuit.asked!, created, secrets);
  extras.push(keys.extra);
  circuit.layers.push({ out: new LayerKey(keys.forward, 0), in: new LayerKey(keys.backward, 1) });
  circuit.asked = undefined;
}

export interface CircuitKeys {
  readonly forward: Buffer;
  readonly backward: Buffer;
  /** The sealed extra, opened. */
  readonly extra: Buffer;
}

/** Both ends' keys, from the client's secrets. */
export function circuitKeys(create: Buffer, created: Buffer, secrets: Secrets): CircuitKeys {
  const [nodeId, onionKey, x] = [create.subarray(0, 32), create.subarray(32, 64), create.subarray(64, 96)];
  const encapsulationKey = create.subarray(96, 1_280);
  const xB = x25519(secrets, x, onionKey);
  const extraKeys = hkdf(xB, Buffer.from('holloway circuit extra 1'), sha256(create.subarray(0, 1_280)), 64);
  const mac = createHmac('sha256', extraKeys.subarray(32)).update(create.subarray(0, 1_296)).digest();
  strictEqual(mac.toString('hex'), create.subarray(1_296).toString('hex'), 'MAC of CREATE');
  const extra = unmask(extraKeys.subarray(0, 32), create.subarray(1_280, 1_296));

  const xY = x25519(secrets, x, created.subarray(0, 32));
  const kem = decapsulate(kemOf(secrets, encapsulationKey), created.subarray(32, 1_120));
  const info = sha256(create, created.subarray(0, 1_120), nodeId);
  const keys = hkdf(Buffer.concat([xY, xB, kem]), Buffer.from('holloway circuit 1'), info, 96);
  strictEqual(keys.subarray(64).toString('hex'), created.subarray(1_120).toString('hex'), 'auth of CREATED');
  return { forward: keys.subarray(0, 32), backward: keys.subarray(32, 64), extra };
}

/** One relay cell with one layer, for the examples. */
export function openLayer(key: Buffer, direction: number, counter: number, cell: Buffer): Buffer {
  const layer = new LayerKey(key, direction);
  if (counter !== 0) throw new RangeError('the examples begin at 0');
  return layer.open(cell.subarray(8), cell.length > 2_048);
}

// --- primitives ---

function sha256(...parts: Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function hkdf(ikm: Uint8Array, salt: Uint8Array, info: string | Uint8Array, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length));
}

function unmask(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createDecipheriv('chacha20', key, Buffer.alloc(16)).update(bytes);
}

function aeadOpen(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAAD(ad, { plaintextLength: sealed.length - 16 });
  decipher.setAuthTag(sealed.subarray(sealed.length - 16));
  return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - 16)), decipher.final()]);
}

function x25519(secrets: Secrets, ownPublic: Uint8Array, otherPublic: Uint8Array): Buffer {
  const own = secrets.x25519.get(Buffer.from(ownPublic).toString('hex'));
  if (own === undefined) throw new Error('a key of nobody we know');
  const d = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), own]);
  const p = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), otherPublic]);
  return diffieHellman({
    privateKey: createPrivateKey({ key: d, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: p, format: 'der', type: 'spki' }),
  });
}

function kemOf(secrets: Secrets, encapsulationKey: Uint8Array): KeyObject {
  const key = secrets.kem.get(Buffer.from(encapsulationKey).toString('hex'));
  if (key === undefined) throw new Error('an ML-KEM key of nobody we know');
  return key;
}

function littleEndian(counter: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(counter, 4);
  return nonce;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
