/**
 * Handshake messages as attackers send them: replayed, spliced, cut, reflected, changed, forged with and without the descriptor.
 *
 * Shape   `next` makes one attack: the machine it is aimed at, already as far as that attack needs, and the bytes. None may be accepted (a
 *         session, circuit keys) and none answered.
 * Why     one source for the short test, the long run and real sockets: what one of them refuses, all have seen.
 * @module
 */
import { connect } from 'node:net';
import { answerCircuitRequest, type CircuitRequest, createCircuitRequest } from '../../crypto/ntor.ts';
import type { Crypto, DhKeyPair } from '../../crypto/provider.ts';
import {
  createFlightKeys,
  encodeMasked,
  FLIGHT_1_BYTES,
  FLIGHT_1_HEAD_BYTES,
  MASKED_BYTES,
  NONCE_BYTES,
} from '../../daemon/link/flights.ts';
import {
  createInitiator,
  createResponder,
  type HandshakeMachine,
  type HandshakeStep,
  type Initiator,
} from '../../daemon/link/handshake.ts';
import type { ReplayGuard } from '../../daemon/link/replay.ts';
import type { NetAddress, Random } from '../../daemon/ports.ts';
import type { Descriptor } from '../../daemon/wire/descriptor-types.ts';

export interface Victim {
  readonly descriptor: Descriptor;
  readonly linkKeys: readonly DhKeyPair[];
  readonly onionKey: DhKeyPair;
  readonly replay: ReplayGuard;
  readonly decodeDescriptor: (bytes: Uint8Array) => Descriptor;
}

export interface Attacker {
  readonly descriptor: Descriptor;
  readonly linkKey: DhKeyPair;
}

/** What came of one attack. */
export interface Outcome {
  readonly kind: string;
  readonly isAccepted: boolean;
  readonly isAnswered: boolean;
}

/** First flights can also be thrown at a socket. */
export interface FirstFlight {
  readonly kind: string;
  readonly bytes: Uint8Array;
}

interface Conversation {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
  readonly third: Uint8Array;
}

/** RFC 7748 § 6.1 and the list of small-order points: all-zero secrets. */
const SMALL_ORDER = ['00', '01'].map((low) => new Uint8Array(Buffer.from(low.padEnd(64, '0'), 'hex')));

export class HandshakeAttacks {
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #victim: Victim;
  readonly #attacker: Attacker;
  readonly #recorded: Conversation[] = [];
  readonly #created: { request: Uint8Array; created: Uint8Array }[] = [];

  /** @param conversations honest ones that are recorded first, with the victim as responder */
  constructor(crypto: Crypto, random: Random, victim: Victim, attacker: Attacker, conversations: number) {
    this.#crypto = crypto;
    this.#random = random;
    this.#victim = victim;
    this.#attacker = attacker;
    for (let i = 0; i < conversations; i++) {
      this.#recorded.push(this.#converse());
      const request = this.#circuitRequest();
      this.#created.push({ request: request.data, created: this.#answerCircuit(request.data)! });
    }
  }

  get recorded(): readonly Conversation[] {
    return this.#recorded;
  }

  readonly #firstKinds: Readonly<Record<string, () => Uint8Array>> = {
    'first: replayed': () => this.#pick().first,
    'first: replayed with another pad': () => {
      const { first } = this.#pick();
      return this.#joined(first.subarray(0, FLIGHT_1_BYTES), this.#random.bytes(first.length - FLIGHT_1_BYTES));
    },
    'first: head and body of two': () =>
      this.#joined(this.#pick().first.subarray(0, FLIGHT_1_HEAD_BYTES), this.#fresh().subarray(FLIGHT_1_HEAD_BYTES)),
    'first: fresh head, old body': () =>
      this.#joined(this.#fresh().subarray(0, FLIGHT_1_HEAD_BYTES), this.#pick().first.subarray(FLIGHT_1_HEAD_BYTES)),
    'first: a bit changed': () => this.#flipped(this.#fresh()),
    'first: a replayed one with a bit changed': () => this.#flipped(this.#pick().first),
    'first: bytes changed': () => {
      const flight = this.#flipped(this.#fresh());
      const at = this.#below(flight.length - 32);
      flight.set(this.#random.bytes(1 + this.#below(32)), at);
      flight[at]! ^= 1 + this.#below(255);
      return flight;
    },
    'first: cut': () => {
      const flight = this.#fresh();
      return flight.subarray(0, this.#below(flight.length));
    },
    'first: cut and filled with random': () => {
      const flight = this.#fresh();
      flight.set(this.#random.bytes(flight.length - 16), 16);
      return flight;
    },
    'first: a byte behind it': () => this.#joined(this.#fresh(), this.#random.bytes(1)),
    'first: a second flight': () => this.#pick().second,
    'first: a third flight': () => this.#joined(this.#pick().third, this.#random.bytes(1_400)),
    'first: garbage': () => this.#random.bytes(FLIGHT_1_HEAD_BYTES + this.#below(2_300)),
    'first: for another node': () => this.#initiator(this.#attacker.descriptor).first,
    'first: right head, random body': () => this.#forgedHead(this.#random.bytes(32)),
    'first: right head, point of small order': () => this.#forgedHead(SMALL_ORDER[this.#below(SMALL_ORDER.length)]!),
    'first: right head, long pad': () => this.#forgedHead(this.#random.bytes(32), 1_025 + this.#below(60_000)),
    'first: right head, version 0': () => this.#forgedHead(this.#random.bytes(32), 0, 0),
    'first: to a forgotten link key': () => {
      const { publicKey: linkKey } = this.#crypto.dhKeyPair();
      return this.#initiator({ ...this.#victim.descriptor, linkKey }).first;
    },
  };

  get firstKinds(): readonly string[] {
    return Object.keys(this.#firstKinds);
  }

  first(kind: string): FirstFlight {
    return { kind, bytes: this.#firstKinds[kind]!() };
  }

  /** What the victim makes of a first flight. */
  tryFirst({ kind, bytes }: FirstFlight): Outcome {
    return outcomeOf(kind, this.#responder(), bytes);
  }

  /** A changed, replayed or reflected second flight, at a fresh initiator. */
  trySecond(): Outcome {
    const initiator = this.#initiator();
    const honest = (): Uint8Array => sent(this.#responder().push(initiator.first))!;
    const { kind, bytes } = this.#oneOf({
      'second: a bit changed': () => this.#flipped(honest()),
      'second: of another session': () => this.#pick().second,
      'second: reflected first': () => initiator.first,
      'second: cut and filled': () => {
        const flight = honest();
        const at = this.#below(flight.length);
        return this.#joined(flight.subarray(0, at), this.#random.bytes(flight.length - at + 1_024));
      },
      'second: halves of two': () => {
        const flight = honest();
        flight.set(this.#pick().second.subarray(0, 36 + 200));
        return flight;
      },
      'second: another KEM ciphertext': () => {
        const flight = honest();
        flight.set(this.#pick().second.subarray(36, 36 + 1_104), 36);
        return flight;
      },
      'second: garbage': () => this.#random.bytes(3_000),
    });
    return outcomeOf(kind, initiator, bytes);
  }

  /** A changed, replayed or foreign third flight, at a responder that has answered. */
  tryThird(): Outcome {
    const initiator = this.#initiator();
    const responder = this.#responder();
    const second = sent(responder.push(initiator.first))!;
    const { kind, bytes } = this.#oneOf({
      'third: a bit changed': () => this.#flipped(sent(initiator.push(second))!),
      'third: of another session': () => this.#pick().third,
      'third: reflected second': () => this.#joined(second),
      'third: halves of two': () =>
        this.#joined(this.#pick().third.subarray(0, 48), sent(initiator.push(second))!.subarray(48)),
      'third: garbage': () => this.#random.bytes(704),
    });
    return outcomeOf(kind, responder, bytes);
  }

  /** A changed CREATE at a relay. (A replayed one is answered: with fresh keys that nobody can compute.) */
  tryCreate(): Outcome {
    const old = this.#created[this.#below(this.#created.length)]!.request;
    const { kind, bytes } = this.#oneOf({
      'create: a bit changed': () => this.#flipped(old),
      'create: halves of two': () => {
        const other = this.#created[(this.#below(this.#created.length - 1) + 1) % this.#created.length]!.request;
        const at = 64 + this.#below(1_200);
        const joined = this.#joined(old.subarray(0, at), other.subarray(at));
        return joined.every((byte, index) => byte === old[index]) ? this.#flipped(old) : joined;
      },
      'create: cut': () => old.subarray(0, this.#below(old.length)),
      'create: another onion key': () => {
        const request = this.#joined(old);
        request.set(this.#crypto.dhKeyPair().publicKey, 32);
        return request;
      },
      'create: point of small order': () => {
        const request = this.#joined(old);
        request.set(SMALL_ORDER[this.#below(SMALL_ORDER.length)]!, 64);
        return request;
      },
      'create: garbage for us': () => {
        const request = this.#random.bytes(1_328).slice();
        request.set(old.subarray(0, 64));
        return request;
      },
    });
    const isAnswered = this.#answerCircuit(bytes) !== undefined;
    return { kind, isAccepted: isAnswered, isAnswered };
  }

  /** A changed or foreign CREATED at a client. */
  tryCreated(): Outcome {
    const request = this.#circuitRequest();
    const honest = (): Uint8Array => this.#answerCircuit(request.data)!;
    const { kind, bytes } = this.#oneOf({
      'created: a bit changed': () => this.#flipped(honest()),
      'created: of another circuit': () => this.#created[this.#below(this.#created.length)]!.created,
      'created: point of small order': () => {
        const created = honest();
        created.set(SMALL_ORDER[this.#below(SMALL_ORDER.length)]!);
        return created;
      },
      'created: another KEM ciphertext': () => {
        const created = honest();
        created.set(this.#created[0]!.created.subarray(32, 32 + 1_088), 32);
        return created;
      },
    });
    return { kind, isAccepted: request.finish(bytes) !== null, isAnswered: false };
  }

  // --- parts ---

  #initiator(to: Descriptor = this.#victim.descriptor): Initiator {
    return createInitiator({
      crypto: this.#crypto,
      random: this.#random,
      to,
      staticKey: this.#attacker.linkKey,
      ownDescriptor: this.#attacker.descriptor.encoded,
    });
  }

  #responder(): HandshakeMachine {
    const { descriptor, linkKeys, replay, decodeDescriptor } = this.#victim;
    return createResponder({
      crypto: this.#crypto,
      random: this.#random,
      ownNodeId: descriptor.nodeId,
      linkKeys,
      replay,
      decodeDescriptor,
    });
  }

  #converse(): Conversation {
    const initiator = this.#initiator();
    const responder = this.#responder();
    const second = sent(responder.push(initiator.first));
    const third = second === undefined ? undefined : sent(initiator.push(second));
    if (second === undefined || third === undefined || responder.push(third).type !== 'done')
      throw new Error('an honest handshake failed');
    return { first: initiator.first, second, third };
  }

  #circuitRequest(): CircuitRequest {
    const { nodeId } = this.#victim.descriptor;
    const onionKey = this.#victim.onionKey.publicKey;
    return createCircuitRequest(this.#crypto, { nodeId, onionKey, position: 1, delay: 0, flags: 0 });
  }

  #answerCircuit(data: Uint8Array): Uint8Array | undefined {
    const { descriptor, onionKey } = this.#victim;
    return answerCircuitRequest(this.#crypto, { nodeId: descriptor.nodeId, onionKeys: [onionKey], data })?.created;
  }

  /** Whoever knows the node id can make a head that holds. */
  #forgedHead(ephemeral: Uint8Array, padLength = 0, version = 1): Uint8Array {
    const nonce = this.#random.bytes(NONCE_BYTES);
    const keys = createFlightKeys(this.#crypto, this.#victim.descriptor.nodeId, nonce);
    const masked = keys.mask('holloway mask i', encodeMasked({ ephemeral, padLength, word: version }));
    return this.#joined(
      nonce,
      masked,
      keys.mac(masked),
      this.#random.bytes(FLIGHT_1_BYTES - NONCE_BYTES - MASKED_BYTES - 16),
    );
  }

  /** A flight that nobody has sent yet, and that would be answered as it is. Every 16th is really new. */
  #fresh(): Uint8Array {
    if (this.#unsent === undefined || this.#below(16) === 0) this.#unsent = this.#initiator().first;
    return this.#unsent.slice();
  }
  #unsent: Uint8Array | undefined;

  #oneOf(makers: Readonly<Record<string, () => Uint8Array>>): FirstFlight {
    const kinds = Object.keys(makers);
    const kind = kinds[this.#below(kinds.length)]!;
    return { kind, bytes: makers[kind]!() };
  }

  #pick(): Conversation {
    return this.#recorded[this.#below(this.#recorded.length)]!;
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    const changed = bytes.slice();
    changed[this.#below(changed.length)]! ^= 1 << this.#below(8);
    return changed;
  }

  #joined(...parts: readonly Uint8Array[]): Uint8Array {
    return new Uint8Array(Buffer.concat(parts));
  }

  #below(count: number): number {
    return Math.floor(this.#random.unit() * count);
  }
}

/** Says `bytes` to a real node and listens for a while: how many bytes came back. */
export function sayAndListen(at: NetAddress, bytes: Uint8Array, listenMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let heard = 0;
    const socket = connect({ host: at.host, port: at.port }, () => {
      socket.write(bytes);
      setTimeout(() => socket.destroy(), listenMs);
    });
    socket.on('data', (piece) => {
      heard += piece.length;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(heard));
  });
}

function outcomeOf(kind: string, machine: HandshakeMachine, bytes: Uint8Array): Outcome {
  const { type } = machine.push(bytes);
  return { kind, isAccepted: type === 'done', isAnswered: type === 'send' || type === 'done' };
}

function sent(step: HandshakeStep): Uint8Array | undefined {
  return step.type === 'send' || step.type === 'done' ? step.bytes : undefined;
}
