/**
 * What a stranger can make a node spend before it knows who he is, and what a whole handshake costs.
 *
 * Unit    microseconds of CPU time of this process, the best of several batches; one X25519 exchange of the same run stands beside them.
 * Why     garbage must cost next to nothing to refuse, or the handshake itself is the flood gate. Whoever holds the descriptor can always
 *         force one exchange: without it nobody could tell his flight from a good one.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createCrypto } from '../../crypto/engine.ts';
import { answerCircuitRequest, createCircuitRequest } from '../../crypto/ntor.ts';
import { createInitiator, createResponder, type HandshakeMachine } from '../../daemon/link/handshake.ts';
import { createReplayGuard } from '../../daemon/link/replay.ts';
import { decodeDescriptor } from '../../daemon/wire/descriptor.ts';
import { makeIdentity, NOW_HOUR, silentLog } from '../daemon/link/world.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

const BATCHES = 15;
const GARBAGE_US_MAX = 20;
const HOLDER_US_MAX = 60;

export async function run(): Promise<void> {
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => randomBytes(length) });
  const random = createSeededRandom('bench handshake');
  const [alice, bob] = [makeIdentity(1), makeIdentity(2)];
  const responder = (): HandshakeMachine =>
    createResponder({
      crypto,
      random,
      ownNodeId: bob.descriptor.nodeId,
      linkKeys: [bob.linkKey],
      replay: createReplayGuard(undefined, silentLog),
      decodeDescriptor: (bytes) => decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true }),
    });
  const initiator = () =>
    createInitiator({
      crypto,
      random,
      to: bob.descriptor,
      staticKey: alice.linkKey,
      ownDescriptor: alice.descriptor.encoded,
    });
  const refuse = (flight: Uint8Array): void => {
    if (responder().push(flight).type !== 'failed') throw new Error('a bad flight was not refused');
  };

  const garbage = randomBytes(1_400);
  const { first } = initiator();
  const holder = first.slice();
  holder[100]! ^= 1; // the head holds, what follows does not
  const [own, other] = [crypto.dhKeyPair(), crypto.dhKeyPair()];
  const nodeId = bob.descriptor.nodeId;
  const exchangeUs = cpuUs(500, () => crypto.dh(own.privateKey, other.publicKey));
  const garbageUs = cpuUs(2_000, () => refuse(garbage));
  const holderUs = cpuUs(400, () => refuse(holder));

  console.log(`handshakes, CPU us, ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}`);
  line('one X25519 exchange with a fresh public key', exchangeUs);
  line('refusing garbage from whoever lacks the descriptor', garbageUs, GARBAGE_US_MAX);
  line('refusing garbage from one who has it', holderUs, HOLDER_US_MAX);
  line(
    'a link handshake, both ends together',
    cpuUs(100, () => {
      const a = initiator();
      const b = responder();
      const second = b.push(a.first);
      const done = second.type === 'send' ? a.push(second.bytes) : undefined;
      if (done?.type !== 'done' || b.push(done.bytes!).type !== 'done') throw new Error('the handshake failed');
    }),
  );
  const onionKey = crypto.dhKeyPair();
  const request = () =>
    createCircuitRequest(crypto, { nodeId, onionKey: onionKey.publicKey, position: 1, delay: 0, flags: 0 });
  const { data } = request();
  const answer = (bytes: Uint8Array) => answerCircuitRequest(crypto, { nodeId, onionKeys: [onionKey], data: bytes });
  line(
    'a circuit handshake at one hop, client',
    cpuUs(100, () => {
      const asked = request();
      if (asked.finish(answer(asked.data)!.created) === null) throw new Error('the circuit handshake failed');
    }) - cpuUs(100, () => answer(data)),
  );
  line(
    'a circuit handshake at one hop, relay',
    cpuUs(200, () => answer(data)),
  );
}

function line(what: string, us: number, wantedUs?: number): void {
  const verdict = wantedUs === undefined ? '' : us <= wantedUs ? `reached: <= ${wantedUs}` : `MISSED: <= ${wantedUs}`;
  console.log(`${what.padEnd(54)} ${us.toFixed(1).padStart(8)}  ${verdict}`.trimEnd());
}

function cpuUs(times: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch <= BATCHES; batch++) {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) work();
    const { user, system } = process.cpuUsage(before);
    if (batch > 0) best = Math.min(best, (user + system) / times);
  }
  return best;
}
