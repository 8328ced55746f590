/**
 * The circuit handshake: one-way authenticated, hybrid, in the shape of ntor v3.
 *
 * Shape   request 1,328: nodeId 32, onion key B 32, X 32, ML-KEM key 1,184, sealed extra 16, MAC 32.
 *         answer 1,152: Y 32, ML-KEM ciphertext 1,088, auth 32.
 *         extra, before it is sealed: version 1, position 1, delay 2 (big-endian), flags 1, zero 11.
 * Errors  whatever does not verify is null: another node's id, an onion key we do not hold, a wrong MAC, an unknown version, a
 *         position outside 1..3, a point of small order, a refused KEM key, a wrong auth. RangeError: our own wrong arguments.
 *         An onion key of small order (it may stand in a stranger's descriptor) gives a request that nobody can answer.
 * Why     the relay proves it holds b (xB is in the keys) and the client stays anonymous. X25519 and ML-KEM must both be
 *         broken to read a circuit. The extra is sealed under xB, so position and delay are for the relay alone; the circuit
 *         keys hang on every byte of both messages, so whoever changes one gets no circuit.
 * Source  formats.md, rows CREATE data, CREATED and circuit keys; Tor proposal 332 (ntor v3) for the two-phase shape.
 * @module
 */
import { AEAD_NONCE_BYTES } from './aead.ts';
import { concatBytes, requireLength, wipeBytes } from './bytes.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_ENCAPSULATION_KEY_BYTES } from './kem.ts';
import type { Crypto, DhKeyPair } from './provider.ts';
import { DH_BYTES } from './x25519.ts';

export const CIRCUIT_REQUEST_BYTES = 1_328;
export const CIRCUIT_ANSWER_BYTES = 1_152;
export const CIRCUIT_POSITIONS_MAX = 3;

const VERSION = 1;
const EXTRA_BYTES = 16;
const ONION_KEY_AT = 32;
const EPHEMERAL_AT = ONION_KEY_AT + DH_BYTES;
const KEM_KEY_AT = EPHEMERAL_AT + DH_BYTES;
const EXTRA_AT = KEM_KEY_AT + KEM_ENCAPSULATION_KEY_BYTES;
const MAC_AT = EXTRA_AT + EXTRA_BYTES;
const ANSWER_AUTH_AT = DH_BYTES + KEM_CIPHERTEXT_BYTES;

/** Zero is safe as a nonce because each extra key comes from a fresh X. */
const ZERO_NONCE = new Uint8Array(AEAD_NONCE_BYTES);

/** What a hop is told besides the keys. */
export interface CircuitExtra {
  /** Place of this relay in its circuit, 1..3. */
  readonly position: number;
  /** Mean delay asked for, as the circuit layer understands it: 0..65,535. */
  readonly delay: number;
  /** One byte, for the circuit layer. */
  readonly flags: number;
}

/** Client to relay, and back: 32 bytes each. */
export interface CircuitKeys {
  readonly forward: Uint8Array;
  readonly backward: Uint8Array;
}

export interface CircuitRequestOptions extends CircuitExtra {
  readonly nodeId: Uint8Array; // 32
  readonly onionKey: Uint8Array; // 32
}

export interface CircuitRequest {
  readonly data: Uint8Array; // 1,328
  /** The circuit's keys, if `created` proves the relay. Works once: the ephemeral secrets are gone afterwards. */
  finish(created: Uint8Array): CircuitKeys | null;
}

export interface CircuitAnswer extends CircuitExtra {
  readonly created: Uint8Array; // 1,152
  readonly keys: CircuitKeys;
}

function encodeExtra(extra: CircuitExtra): Uint8Array {
  const { position, delay, flags } = extra;
  const inRange = (value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high;
  if (!inRange(position, 1, CIRCUIT_POSITIONS_MAX))
    throw new RangeError(`circuit position ${position}: 1 to 3 expected`);
  if (!inRange(delay, 0, 0xffff)) throw new RangeError(`circuit delay ${delay}: 0 to 65535 expected`);
  if (!inRange(flags, 0, 0xff)) throw new RangeError(`circuit flags ${flags}: one byte expected`);
  const bytes = new Uint8Array(EXTRA_BYTES);
  bytes.set([VERSION, position, delay >> 8, delay & 0xff, flags]);
  return bytes;
}

function decodeExtra(bytes: Uint8Array): CircuitExtra | null {
  const [version = 0, position = 0, delayHigh = 0, delayLow = 0, flags = 0, ...rest] = bytes;
  if (version !== VERSION || position < 1 || position > CIRCUIT_POSITIONS_MAX) return null;
  if (rest.some((byte) => byte !== 0)) return null;
  return { position, delay: delayHigh * 256 + delayLow, flags };
}

/** Keys for the extra, from xB alone; bound to the addressee and to both of the client's ephemeral keys. */
function extraKeys(crypto: Crypto, xB: Uint8Array, clear: Uint8Array): { encKey: Uint8Array; macKey: Uint8Array } {
  const output = crypto.hkdf(xB, 'holloway circuit extra 1', crypto.sha256(clear), 64);
  const keys = { encKey: output.slice(0, 32), macKey: output.slice(32) };
  wipeBytes(output);
  return keys;
}

interface Secrets {
  readonly xY: Uint8Array;
  readonly xB: Uint8Array;
  readonly kem: Uint8Array;
}

/** formats.md, circuit keys. Takes the secrets over: they are wiped. */
function deriveKeys(
  crypto: Crypto,
  secrets: Secrets,
  request: Uint8Array,
  answerWithoutAuth: Uint8Array,
): { keys: CircuitKeys; auth: Uint8Array } {
  const ikm = concatBytes(secrets.xY, secrets.xB, secrets.kem);
  const info = crypto.sha256(request, answerWithoutAuth, request.subarray(0, ONION_KEY_AT));
  const output = crypto.hkdf(ikm, 'holloway circuit 1', info, 96);
  const keys = { forward: output.slice(0, 32), backward: output.slice(32, 64) };
  const auth = output.slice(64);
  wipeBytes(ikm, output, secrets.xY, secrets.xB, secrets.kem);
  return { keys, auth };
}

/** The client's first half. */
export function createCircuitRequest(crypto: Crypto, options: CircuitRequestOptions): CircuitRequest {
  const { nodeId, onionKey } = options;
  requireLength(nodeId, 32, 'node id');
  requireLength(onionKey, DH_BYTES, 'onion key');
  const extra = encodeExtra(options);
  const ephemeral = crypto.dhKeyPair();
  // In place of the zero secret a random one: the request stays well-formed, and its answer never verifies.
  const xB = crypto.dh(ephemeral.privateKey, onionKey) ?? crypto.randomBytes(DH_BYTES).slice();
  const kem = crypto.kemKeyPair();

  const clear = concatBytes(nodeId, onionKey, ephemeral.publicKey, kem.encapsulationKey);
  const { encKey, macKey } = extraKeys(crypto, xB, clear);
  const maced = concatBytes(clear, crypto.chacha20Xor(encKey, ZERO_NONCE, extra));
  const data = concatBytes(maced, crypto.hmac(macKey, maced));
  wipeBytes(encKey, macKey);

  let pending: { xB: Uint8Array; privateKey: Uint8Array; decapsulationKey: unknown } | undefined = {
    xB,
    privateKey: ephemeral.privateKey,
    decapsulationKey: kem.decapsulationKey,
  };
  return {
    data: data.slice(),
    finish(created) {
      if (pending === undefined) return null;
      const { privateKey, decapsulationKey } = pending;
      pending = undefined;
      const keys = finishRequest(crypto, { xB, privateKey, decapsulationKey }, data, created);
      wipeBytes(privateKey, xB);
      return keys;
    },
  };
}

function finishRequest(
  crypto: Crypto,
  own: { readonly xB: Uint8Array; readonly privateKey: Uint8Array; readonly decapsulationKey: unknown },
  request: Uint8Array,
  created: Uint8Array,
): CircuitKeys | null {
  if (created.length !== CIRCUIT_ANSWER_BYTES) return null;
  const xY = crypto.dh(own.privateKey, created.subarray(0, DH_BYTES));
  const kem = crypto.kemDecapsulate(own.decapsulationKey, created.subarray(DH_BYTES, ANSWER_AUTH_AT));
  if (xY === null || kem === null) return null;
  const secrets = { xY, xB: own.xB, kem };
  const { keys, auth } = deriveKeys(crypto, secrets, request, created.subarray(0, ANSWER_AUTH_AT));
  if (crypto.equal(auth, created.subarray(ANSWER_AUTH_AT))) return keys;
  wipeBytes(keys.forward, keys.backward, auth);
  return null;
}

export interface CircuitAnswerOptions {
  readonly nodeId: Uint8Array; // 32
  /** The current onion key and those still honoured. */
  readonly onionKeys: readonly DhKeyPair[];
  readonly data: Uint8Array;
}

/** The relay's half: its answer and the keys it now shares, or null. */
export function answerCircuitRequest(crypto: Crypto, options: CircuitAnswerOptions): CircuitAnswer | null {
  const { nodeId, onionKeys, data } = options;
  if (data.length !== CIRCUIT_REQUEST_BYTES) return null;
  if (!crypto.equal(data.subarray(0, ONION_KEY_AT), nodeId)) return null;
  const asked = data.subarray(ONION_KEY_AT, EPHEMERAL_AT);
  const onionKey = onionKeys.find((pair) => crypto.equal(pair.publicKey, asked));
  if (onionKey === undefined) return null;

  const clientKey = data.subarray(EPHEMERAL_AT, KEM_KEY_AT);
  const xB = crypto.dh(onionKey.privateKey, clientKey);
  if (xB === null) return null;
  const extra = openExtra(crypto, xB, data);
  // The KEM comes after the MAC: whoever does not know our onion key costs us one DH and no more.
  const kem = extra === null ? null : crypto.kemEncapsulate(data.subarray(KEM_KEY_AT, EXTRA_AT));
  if (extra === null || kem === null) {
    wipeBytes(xB);
    return null;
  }

  const ephemeral = crypto.dhKeyPair();
  const xY = crypto.dh(ephemeral.privateKey, clientKey);
  wipeBytes(ephemeral.privateKey);
  if (xY === null) return null;
  const answer = concatBytes(ephemeral.publicKey, kem.ciphertext);
  const { keys, auth } = deriveKeys(crypto, { xY, xB, kem: kem.secret }, data, answer);
  return { created: concatBytes(answer, auth), keys, ...extra };
}

function openExtra(crypto: Crypto, xB: Uint8Array, data: Uint8Array): CircuitExtra | null {
  const { encKey, macKey } = extraKeys(crypto, xB, data.subarray(0, EXTRA_AT));
  const mac = crypto.hmac(macKey, data.subarray(0, MAC_AT));
  const holds = crypto.equal(mac, data.subarray(MAC_AT));
  const extra = holds ? decodeExtra(crypto.chacha20Xor(encKey, ZERO_NONCE, data.subarray(EXTRA_AT, MAC_AT))) : null;
  wipeBytes(encKey, macKey);
  return extra;
}
