/**
 * Noise XK, and XK with hybrid forward secrecy: the link handshake's state machine.
 *
 * Shape   XK     <- s ... ; -> e, es ; <- e, ee ; -> s, se          (Noise_XK_25519_ChaChaPoly_SHA256)
 *         XKhfs  <- s ... ; -> e, es, e1 ; <- e, ee, ekem1 ; -> s, se
 *         Overheads: XK 48, 48, 64 bytes beyond the payload; XKhfs 1,248, 1,152, 64.
 * Errors  readMessage is null when the bytes do not verify (wrong tag or length, point of small order, refused KEM key), and
 *         the state is then dead: every later read is null. Calling out of turn, writing on a dead state and contradicting
 *         options are our own faults and throw RangeError. A remote static key of small order (it may stand in a
 *         stranger's descriptor) does not throw: nobody can read the first message, and no answer to it verifies.
 * Why     XK keeps the initiator's identity from everyone but the responder it means, and silence meets whoever does not
 *         know the responder's key. The KEM is ephemeral: it protects today's traffic from tomorrow's quantum computer, while
 *         both static keys stay X25519.
 * Source  Noise revision 34 § 5 and § 7.5; draft HFS extension for e1 and ekem1, where e1 follows the DH of its message and
 *         ekem1 follows ee. Checked with the public XK vectors (test/vectors/noise-xk.json) and own frozen XKhfs ones.
 * @module
 */
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES } from './aead.ts';
import { concatBytes, wipeBytes } from './bytes.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_ENCAPSULATION_KEY_BYTES } from './kem.ts';
import type { AeadKey, Crypto, DhKeyPair, KemKeyPair, KemResult } from './provider.ts';
import { DH_BYTES } from './x25519.ts';

export type NoisePattern = 'XK' | 'XKhfs';

type Token = 'e' | 'es' | 'ee' | 's' | 'se' | 'e1' | 'ekem1';

const PATTERNS: Record<NoisePattern, { readonly name: string; readonly messages: readonly (readonly Token[])[] }> = {
  XK: {
    name: 'Noise_XK_25519_ChaChaPoly_SHA256',
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se'],
    ],
  },
  XKhfs: {
    name: 'Noise_XKhfs_25519+MLKEM768_ChaChaPoly_SHA256',
    messages: [
      ['e', 'es', 'e1'],
      ['e', 'ee', 'ekem1'],
      ['s', 'se'],
    ],
  },
};

const EMPTY = new Uint8Array(0);

/** Noise § 5.2: the transcript hash, the chaining key and the key for what comes next. */
class SymmetricState {
  readonly #crypto: Crypto;
  #hash: Uint8Array;
  #chainingKey: Uint8Array;
  #key: AeadKey | undefined;
  #nonce = 0;

  constructor(crypto: Crypto, protocolName: string) {
    const name = new TextEncoder().encode(protocolName);
    this.#crypto = crypto;
    this.#hash = name.length <= 32 ? concatBytes(name, new Uint8Array(32 - name.length)) : crypto.sha256(name);
    this.#chainingKey = this.#hash.slice();
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(bytes: Uint8Array): void {
    this.#hash = this.#crypto.sha256(this.#hash, bytes);
  }

  /** Takes `secret` over: it is wiped. */
  mixKey(secret: Uint8Array): void {
    // Noise's HKDF with two outputs is RFC 5869 with the chaining key as salt, empty info and 64 bytes.
    const output = this.#crypto.hkdf(secret, this.#chainingKey, '', 64);
    wipeBytes(secret, this.#chainingKey);
    this.#key?.wipe();
    this.#chainingKey = output.slice(0, 32);
    this.#key = this.#crypto.aeadKey(output.subarray(32));
    this.#nonce = 0;
    wipeBytes(output);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    if (this.#key === undefined) throw new RangeError('noise: no key yet');
    const sealed = this.#key.seal(this.#nextNonce(), plaintext, this.#hash);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array | null {
    if (this.#key === undefined) return null;
    const plaintext = this.#key.open(this.#nextNonce(), sealed, this.#hash);
    if (plaintext !== null) this.mixHash(sealed);
    return plaintext;
  }

  /** Initiator's sending key, responder's sending key, and one more secret for other uses of this session. */
  split(): { first: Uint8Array; second: Uint8Array; exporterSecret: Uint8Array } {
    const output = this.#crypto.hkdf(EMPTY, this.#chainingKey, '', 64);
    const exporterSecret = this.#crypto.hkdf(this.#chainingKey, this.#hash, 'holloway exporter', 32);
    const keys = { first: output.slice(0, 32), second: output.slice(32), exporterSecret };
    wipeBytes(output);
    this.wipe();
    return keys;
  }

  wipe(): void {
    wipeBytes(this.#chainingKey);
    this.#key?.wipe();
    this.#key = undefined;
  }

  /** Noise § 12: four zero bytes, then the counter, 64 bits little-endian. A handshake key sees fewer than ten messages. */
  #nextNonce(): Uint8Array {
    const nonce = new Uint8Array(AEAD_NONCE_BYTES);
    nonce[4] = this.#nonce;
    this.#nonce += 1;
    return nonce;
  }
}

export interface NoiseOptions {
  readonly crypto: Crypto;
  readonly pattern: NoisePattern;
  readonly initiator: boolean;
  /** Whatever both sides must agree on before the first byte. */
  readonly prologue: Uint8Array;
  readonly staticKey: DhKeyPair;
  /** The responder's static key: the initiator must have it. */
  readonly remoteStatic?: Uint8Array;
  /** Only tests fix it; everyone else leaves it to be drawn. */
  readonly ephemeral?: DhKeyPair;
}

export interface NoiseKeys {
  readonly sendKey: Uint8Array; // 32
  readonly receiveKey: Uint8Array; // 32
  readonly exporterSecret: Uint8Array; // 32
}

export interface NoiseHandshake {
  /** The next message of ours, carrying `payload`. */
  writeMessage(payload: Uint8Array): Uint8Array;
  /** The payload of the peer's next message, or null: it does not verify and the state is dead. */
  readMessage(bytes: Uint8Array): Uint8Array | null;
  /** The peer's static key as soon as it is known and proven: for a responder, after the third message. */
  readonly remoteStatic: Uint8Array | undefined;
  /** The transcript hash so far; after the third message the channel binding of Noise § 11.2. */
  readonly handshakeHash: Uint8Array;
  /** All three messages are through. */
  readonly finished: boolean;
  /** The session's keys; once, after the third message. */
  split(): NoiseKeys;
}

class Handshake implements NoiseHandshake {
  readonly #crypto: Crypto;
  readonly #initiator: boolean;
  readonly #messages: readonly (readonly Token[])[];
  readonly #symmetric: SymmetricState;
  readonly #static: DhKeyPair;
  /** Drawn when it is first needed: a responder refuses most first messages without it. */
  #ephemeral: DhKeyPair | undefined;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #kemKeyPair: KemKeyPair | undefined;
  /** Made while reading e1, so that a refused key fails the read of the message it came in. */
  #kemResult: KemResult | undefined;
  #next = 0;
  #dead = false;
  #split = false;

  constructor(options: NoiseOptions) {
    const { crypto, initiator, remoteStatic } = options;
    const pattern = PATTERNS[options.pattern];
    if (initiator !== (remoteStatic !== undefined)) {
      throw new RangeError('noise: the initiator, and only it, knows the remote static key beforehand');
    }
    if (remoteStatic !== undefined && remoteStatic.length !== DH_BYTES) {
      throw new RangeError('noise: a static key has 32 bytes');
    }
    this.#crypto = crypto;
    this.#initiator = initiator;
    this.#messages = pattern.messages;
    this.#static = options.staticKey;
    this.#ephemeral = options.ephemeral;
    this.#remoteStatic = remoteStatic?.slice();
    this.#symmetric = new SymmetricState(crypto, pattern.name);
    this.#symmetric.mixHash(options.prologue);
    this.#symmetric.mixHash(remoteStatic ?? options.staticKey.publicKey); // the pre-message <- s
  }

  get remoteStatic(): Uint8Array | undefined {
    // A responder's copy arrives sealed but is proven only by se and the payload after it.
    return this.#initiator || this.finished ? this.#remoteStatic : undefined;
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.hash.slice();
  }

  get finished(): boolean {
    return this.#next === this.#messages.length && !this.#dead;
  }

  writeMessage(payload: Uint8Array): Uint8Array {
    if (this.#dead) throw new RangeError('noise: the handshake has failed');
    const parts = this.#takeTurn(true).map((token) => this.#writeToken(token));
    parts.push(this.#symmetric.encryptAndHash(payload));
    this.#endTurn();
    return concatBytes(...parts);
  }

  readMessage(bytes: Uint8Array): Uint8Array | null {
    if (this.#dead) return null;
    let offset = 0;
    for (const token of this.#takeTurn(false)) {
      const length = TOKEN_BYTES[token];
      if (bytes.length - offset < length) return this.#die();
      if (!this.#readToken(token, bytes.subarray(offset, offset + length))) return this.#die();
      offset += length;
    }
    const payload = this.#symmetric.decryptAndHash(bytes.subarray(offset));
    if (payload === null) return this.#die();
    this.#endTurn();
    return payload;
  }

  split(): NoiseKeys {
    if (!this.finished || this.#split) throw new RangeError('noise: split is called once, after the third message');
    this.#split = true;
    const { first, second, exporterSecret } = this.#symmetric.split();
    return this.#initiator
      ? { sendKey: first, receiveKey: second, exporterSecret }
      : { sendKey: second, receiveKey: first, exporterSecret };
  }

  /** The initiator writes messages 0 and 2, the responder 1. */
  #takeTurn(writing: boolean): readonly Token[] {
    const tokens = this.#messages[this.#next];
    if (tokens === undefined || ((this.#next % 2 === 0) === this.#initiator) !== writing) {
      throw new RangeError('noise: message out of turn');
    }
    return tokens;
  }

  #endTurn(): void {
    this.#next += 1;
    if (this.#next === this.#messages.length) this.#forgetEphemerals();
  }

  #writeToken(token: Token): Uint8Array {
    switch (token) {
      case 'e':
        this.#ephemeral ??= this.#crypto.dhKeyPair();
        this.#symmetric.mixHash(this.#ephemeral.publicKey);
        return this.#ephemeral.publicKey;
      case 's':
        return this.#symmetric.encryptAndHash(this.#static.publicKey);
      case 'e1':
        this.#kemKeyPair = this.#crypto.kemKeyPair();
        return this.#symmetric.encryptAndHash(this.#kemKeyPair.encapsulationKey);
      case 'ekem1': {
        if (this.#kemResult === undefined) throw new RangeError('noise: ekem1 before e1');
        const sealed = this.#symmetric.encryptAndHash(this.#kemResult.ciphertext);
        this.#symmetric.mixKey(this.#kemResult.secret);
        return sealed;
      }
      default:
        // Only es with a bad remote static key can fail here: every other remote key was used while it was read.
        if (!this.#mixDh(token)) this.#symmetric.mixKey(this.#crypto.randomBytes(DH_BYTES).slice());
        return EMPTY;
    }
  }

  #readToken(token: Token, bytes: Uint8Array): boolean {
    switch (token) {
      case 'e':
        this.#remoteEphemeral = bytes.slice();
        this.#symmetric.mixHash(bytes);
        return true;
      case 's': {
        const key = this.#symmetric.decryptAndHash(bytes);
        if (key === null) return false;
        this.#remoteStatic = key;
        return true;
      }
      case 'e1': {
        const key = this.#symmetric.decryptAndHash(bytes);
        const result = key === null ? null : this.#crypto.kemEncapsulate(key);
        if (result === null) return false;
        this.#kemResult = result;
        return true;
      }
      case 'ekem1': {
        const ciphertext = this.#symmetric.decryptAndHash(bytes);
        if (ciphertext === null || this.#kemKeyPair === undefined) return false;
        const secret = this.#crypto.kemDecapsulate(this.#kemKeyPair.decapsulationKey, ciphertext);
        if (secret === null) return false;
        this.#symmetric.mixKey(secret);
        return true;
      }
      default:
        return this.#mixDh(token);
    }
  }

  /** es and se: the first letter is the initiator's key, the second the responder's. */
  #mixDh(token: 'es' | 'ee' | 'se'): boolean {
    const [initiatorKey, responderKey] = token;
    const ownLetter = this.#initiator ? initiatorKey : responderKey;
    const remoteLetter = this.#initiator ? responderKey : initiatorKey;
    const own = ownLetter === 'e' ? this.#ephemeral : this.#static;
    const remote = remoteLetter === 'e' ? this.#remoteEphemeral : this.#remoteStatic;
    const secret = remote === undefined || own === undefined ? null : this.#crypto.dh(own.privateKey, remote);
    if (secret === null) return false;
    this.#symmetric.mixKey(secret);
    return true;
  }

  #die(): null {
    this.#dead = true;
    this.#symmetric.wipe();
    this.#forgetEphemerals();
    return null;
  }

  #forgetEphemerals(): void {
    if (this.#ephemeral !== undefined) wipeBytes(this.#ephemeral.privateKey);
    if (this.#kemResult !== undefined) wipeBytes(this.#kemResult.secret);
    this.#kemResult = undefined;
    this.#kemKeyPair = undefined;
  }
}

/** What each token takes on the wire; DH tokens take nothing. */
const TOKEN_BYTES: Record<Token, number> = {
  e: DH_BYTES,
  s: DH_BYTES + AEAD_TAG_BYTES,
  e1: KEM_ENCAPSULATION_KEY_BYTES + AEAD_TAG_BYTES,
  ekem1: KEM_CIPHERTEXT_BYTES + AEAD_TAG_BYTES,
  es: 0,
  ee: 0,
  se: 0,
};

/** One side of one handshake. Throws RangeError if the options contradict each other. */
export function createNoiseHandshake(options: NoiseOptions): NoiseHandshake {
  return new Handshake(options);
}
