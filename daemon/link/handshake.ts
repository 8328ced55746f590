/**
 * The link handshake as two byte-in, byte-out state machines over Noise XKhfs.
 *
 * Shape   push(bytes) as they arrive, in pieces of any size; each call answers what to send, and at the end the session.
 *         'failed' is final: nothing is ever sent after it, and the caller reads on silently and closes later.
 * Errors  none are thrown for what a peer sends. A version we do not speak, a replay, a bad descriptor: all are 'failed'.
 * Why     XK: only who holds the responder's descriptor can make it answer, and the initiator's identity is sealed. Both
 *         secrets (X25519 and ML-KEM) enter the keys, so both must be broken. The responder tries its old link key for a day
 *         after it turned, because descriptors in other hands still name it.
 * Source  design § 4 "Link handshake"; PROTOCOL.md § 3. Noise itself: crypto/noise.ts.
 * @module
 */
import { concatBytes } from '../../crypto/bytes.ts';
import { createNoiseHandshake, type NoiseHandshake, type NoiseKeys } from '../../crypto/noise.ts';
import type { Crypto, DhKeyPair } from '../../crypto/provider.ts';
import type { NodeId } from '../ids.ts';
import type { Random } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { PROTOCOL_VERSION } from '../wire/messages.ts';
import {
  checkFlightPayload,
  createFlightKeys,
  decodeIntroduction,
  decodeMasked,
  encodeIntroduction,
  encodeMasked,
  FLIGHT_1_BODY_BYTES,
  FLIGHT_1_BYTES,
  FLIGHT_1_HEAD_BYTES,
  FLIGHT_2_BODY_BYTES,
  FLIGHT_2_BYTES,
  FLIGHT_3_BYTES,
  type FlightKeys,
  flightPayload,
  MASKED_BYTES,
  type Masked,
  NONCE_BYTES,
  PAD_BYTES_MAX,
  prologue,
} from './flights.ts';
import type { ReplayGuard } from './replay.ts';

const E_BYTES = 32;
const VERSION_MIN = 1;

/** What a finished handshake leaves behind. */
export interface Session extends NoiseKeys {
  readonly version: number;
  /** The other end; undefined for a light client that showed no descriptor. */
  readonly peer: Descriptor | undefined;
  /** Bytes that came after the last flight: the first records. */
  readonly rest: Uint8Array;
}

export type HandshakeStep =
  | { readonly type: 'wait' }
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  | { readonly type: 'done'; readonly bytes: Uint8Array | undefined; readonly session: Session }
  | { readonly type: 'failed' };

export interface HandshakeMachine {
  push(bytes: Uint8Array): HandshakeStep;
  /** The other end proved that it knows our descriptor (responder) or is who we dialled (initiator). */
  readonly proven: boolean;
}

const WAIT: HandshakeStep = { type: 'wait' };
const FAILED: HandshakeStep = { type: 'failed' };

export interface InitiatorOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly to: Descriptor;
  readonly staticKey: DhKeyPair;
  /** Encoded own descriptor; undefined shows none (light). */
  readonly ownDescriptor: Uint8Array | undefined;
  /** Name of the network; the default one if not given. */
  readonly network?: string | undefined;
}

export interface Initiator extends HandshakeMachine {
  /** Flight 1, to be sent as soon as the stream is open. */
  readonly first: Uint8Array;
}

export function createInitiator(options: InitiatorOptions): Initiator {
  const { crypto, random, to } = options;
  const input = new Gathered(FLIGHT_2_BYTES + PAD_BYTES_MAX);
  const nonce = random.bytes(NONCE_BYTES);
  const pad = drawPad(random);
  const noise = createNoiseHandshake({
    crypto,
    pattern: 'XKhfs',
    initiator: true,
    prologue: prologue(to.nodeId, nonce, pad.length, PROTOCOL_VERSION, options.network),
    staticKey: options.staticKey,
    remoteStatic: to.linkKey,
  });
  const message = noise.writeMessage(flightPayload(crypto, PROTOCOL_VERSION, pad));
  const head = encodeMasked({ ephemeral: message.subarray(0, E_BYTES), padLength: pad.length, word: PROTOCOL_VERSION });
  const keys = createFlightKeys(crypto, to.nodeId, nonce);
  const masked = keys.mask('holloway mask i', head);
  const first = concatBytes(nonce, masked, keys.mac(masked), message.subarray(E_BYTES), pad);

  let state: 'head' | 'body' | 'over' = 'head';
  let answer: Masked | null = null;
  let proven = false;
  const fail = (): HandshakeStep => {
    state = 'over';
    return FAILED;
  };

  function push(bytes: Uint8Array): HandshakeStep {
    if (state === 'over') return FAILED;
    input.push(bytes);
    if (state === 'head') {
      if (input.length < MASKED_BYTES) return WAIT;
      answer = decodeMasked(keys.mask('holloway mask r', input.view(0, MASKED_BYTES)));
      if (answer === null || answer.word !== 0) return fail();
      state = 'body';
    }
    const { ephemeral, padLength } = answer!;
    if (input.length < FLIGHT_2_BYTES + padLength) return WAIT;
    const sealed = input.view(MASKED_BYTES, FLIGHT_2_BODY_BYTES);
    const payload = noise.readMessage(concatBytes(ephemeral, sealed));
    if (payload === null) return fail();
    const version = checkFlightPayload(crypto, payload, input.view(FLIGHT_2_BYTES, padLength));
    if (version === null || version < VERSION_MIN || version > PROTOCOL_VERSION) return fail();
    const third = noise.writeMessage(encodeIntroduction(options.ownDescriptor));
    proven = true;
    state = 'over';
    const rest = input.rest(FLIGHT_2_BYTES + padLength);
    return { type: 'done', bytes: third, session: { ...noise.split(), version, peer: to, rest } };
  }

  return {
    first,
    push,
    get proven() {
      return proven;
    },
  };
}

export interface ResponderOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly ownNodeId: NodeId;
  /** Current first, then those still honoured. */
  readonly linkKeys: readonly DhKeyPair[];
  readonly replay: ReplayGuard;
  /** Throws ProtocolError for a descriptor that does not hold. */
  readonly decodeDescriptor: (bytes: Uint8Array) => Descriptor;
  /** Name of the network; the default one if not given. */
  readonly network?: string | undefined;
}

export function createResponder(options: ResponderOptions): HandshakeMachine {
  const { crypto, random, ownNodeId } = options;
  const input = new Gathered(FLIGHT_1_BYTES + PAD_BYTES_MAX);
  let state: 'head' | 'first' | 'third' | 'over' = 'head';
  let head: Masked | null = null;
  let keys: FlightKeys | undefined;
  let noise: NoiseHandshake | undefined;
  let version = 0;
  const fail = (): HandshakeStep => {
    state = 'over';
    return FAILED;
  };

  /** Nonce, masked part and MAC: no public-key work in here. */
  function readHead(): boolean {
    const nonce = input.view(0, NONCE_BYTES);
    const masked = input.view(NONCE_BYTES, MASKED_BYTES);
    const mac = input.view(NONCE_BYTES + MASKED_BYTES, FLIGHT_1_HEAD_BYTES - NONCE_BYTES - MASKED_BYTES);
    keys = createFlightKeys(crypto, ownNodeId, nonce.slice());
    if (!crypto.equal(mac, keys.mac(masked))) return false;
    if (options.linkKeys.some((pair) => options.replay.seen(pair.publicKey, mac))) return false;
    head = decodeMasked(keys.mask('holloway mask i', masked));
    return head !== null && head.word >= VERSION_MIN;
  }

  /** Finds the link key that the initiator meant, and answers; null if it meant none of ours. */
  function readFirst(): Uint8Array | null {
    const { ephemeral, padLength, word } = head!;
    const nonce = input.view(0, NONCE_BYTES);
    const mac = input.view(NONCE_BYTES + MASKED_BYTES, FLIGHT_1_HEAD_BYTES - NONCE_BYTES - MASKED_BYTES);
    const message = concatBytes(ephemeral, input.view(FLIGHT_1_HEAD_BYTES, FLIGHT_1_BODY_BYTES));
    const bound = prologue(ownNodeId, nonce, padLength, word, options.network);
    for (const staticKey of options.linkKeys) {
      const tried = createNoiseHandshake({ crypto, pattern: 'XKhfs', initiator: false, prologue: bound, staticKey });
      const payload = tried.readMessage(message);
      if (payload === null) continue;
      if (checkFlightPayload(crypto, payload, input.view(FLIGHT_1_BYTES, padLength)) !== word) return null;
      // Once more: another connection may have finished the same flight while this one waited for its padding.
      if (options.replay.seen(staticKey.publicKey, mac) || !options.replay.remember(staticKey.publicKey, mac))
        return null;
      noise = tried;
      version = Math.min(word, PROTOCOL_VERSION);
      return answerFirst(tried);
    }
    return null;
  }

  function answerFirst(tried: NoiseHandshake): Uint8Array {
    const pad = drawPad(random);
    const message = tried.writeMessage(flightPayload(crypto, version, pad));
    const plain = encodeMasked({ ephemeral: message.subarray(0, E_BYTES), padLength: pad.length, word: 0 });
    const masked = keys!.mask('holloway mask r', plain);
    return concatBytes(masked, message.subarray(E_BYTES), pad);
  }

  function readThird(): HandshakeStep {
    const payload = noise!.readMessage(input.view(0, FLIGHT_3_BYTES));
    const shown = payload === null ? null : decodeIntroduction(payload);
    if (shown === null) return fail();
    let peer: Descriptor | undefined;
    if (shown.length > 0) {
      try {
        peer = options.decodeDescriptor(shown);
      } catch {
        return fail();
      }
      // Else anybody could pass on a descriptor that he read elsewhere.
      if (!crypto.equal(peer.linkKey, noise!.remoteStatic!)) return fail();
      if (crypto.equal(peer.nodeId, ownNodeId)) return fail();
    }
    state = 'over';
    const rest = input.rest(FLIGHT_3_BYTES);
    return { type: 'done', bytes: undefined, session: { ...noise!.split(), version, peer, rest } };
  }

  function push(bytes: Uint8Array): HandshakeStep {
    if (state === 'over') return FAILED;
    input.push(bytes);
    if (state === 'head') {
      if (input.length < FLIGHT_1_HEAD_BYTES) return WAIT;
      if (!readHead()) return fail();
      state = 'first';
    }
    if (state === 'first') {
      const length = FLIGHT_1_BYTES + head!.padLength;
      if (input.length < length) return WAIT;
      // An initiator has nothing to say before our answer.
      const second = input.length === length ? readFirst() : null;
      if (second === null) return fail();
      input.clear();
      state = 'third';
      return { type: 'send', bytes: second };
    }
    return input.length < FLIGHT_3_BYTES ? WAIT : readThird();
  }

  return {
    push,
    get proven() {
      return state === 'third';
    },
  };
}

/** Bytes of a flight as they come in; what exceeds the longest flight (first records) is kept too. */
class Gathered {
  #bytes: Uint8Array;
  length = 0;

  constructor(expected: number) {
    this.#bytes = new Uint8Array(expected);
  }

  push(piece: Uint8Array): void {
    if (this.length + piece.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + piece.length));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.length);
    this.length += piece.length;
  }

  view(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start, start + length);
  }

  rest(start: number): Uint8Array {
    return this.#bytes.slice(start, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

function drawPad(random: Random): Uint8Array {
  return random.bytes(Math.floor(random.unit() * (PAD_BYTES_MAX + 1)));
}
