/**
 * A million hostile handshake messages in memory and some thousands over real sockets: none may be accepted, none answered.
 *
 * Shape   first flights in equal shares of all kinds, in every hundred one each on a second flight, a third flight, a CREATE and a CREATED (they
 *         cost a handshake of our own first).
 * @module
 */
import { randomBytes } from 'node:crypto';
import { createCrypto } from '../../crypto/engine.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { createReplayGuard } from '../../daemon/link/replay.ts';
import { decodeDescriptor } from '../../daemon/wire/descriptor.ts';
import { makeIdentity, NOW_HOUR, silentLog } from '../daemon/link/world.ts';
import { HandshakeAttacks, type Outcome, sayAndListen } from '../support/handshake-attacks.ts';
import { type OnionNode, startOnionNode } from '../support/onion-node.ts';
import type { LongResult } from './run.ts';

const ATTACKS = 1_000_000;
const OVER_SOCKETS = 4_000;
const SOCKETS_AT_ONCE = 100;
const RECORDED = 64;
const COSTLY_EVERY = 100;

export async function run(): Promise<LongResult> {
  const random = createSystemRandom();
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
  const node = await startOnionNode();
  const makeAttacks = (recorded: number): HandshakeAttacks =>
    new HandshakeAttacks(
      crypto,
      random,
      {
        ...node,
        linkKeys: [node.linkKey],
        replay: createReplayGuard(undefined, silentLog),
        decodeDescriptor: (bytes) =>
          decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true }),
      },
      makeIdentity(1),
      recorded,
    );
  const counts = new Map<string, number>();
  let accepted = 0;
  let answered = 0;
  const note = ({ kind, isAccepted, isAnswered }: Outcome): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (isAccepted) accepted++;
    if (isAnswered) answered++;
  };

  const attacks = makeAttacks(RECORDED);
  const costly = [
    () => attacks.trySecond(),
    () => attacks.tryThird(),
    () => attacks.tryCreate(),
    () => attacks.tryCreated(),
  ];
  const before = process.cpuUsage();
  for (let i = 0; i < ATTACKS; i++) {
    const turn = i % COSTLY_EVERY;
    note(costly[turn]?.() ?? attacks.tryFirst(attacks.first(attacks.firstKinds[i % attacks.firstKinds.length]!)));
    if (i % 100_000 === 99_999) console.log(`${i + 1} messages, ${accepted} accepted, ${answered} answered`);
  }
  const { user, system } = process.cpuUsage(before);
  const sockets = await overSockets(node, makeAttacks(RECORDED));
  node.stop();
  return {
    held: accepted === 0 && answered === 0 && sockets.heardBytes === 0 && sockets.links === 0,
    lines: [
      `in memory: ${ATTACKS} messages of ${counts.size} kinds, ${accepted} accepted, ${answered} answered; ${((user + system) / ATTACKS).toFixed(0)} us of CPU each, making them included`,
      `real sockets: ${OVER_SOCKETS} connections, ${sockets.heardBytes} bytes came back, ${sockets.links} links opened`,
      ...[...counts].map(([kind, count]) => `${String(count).padStart(8)}  ${kind}`),
    ],
  };
}

async function overSockets(node: OnionNode, attacks: HandshakeAttacks): Promise<{ heardBytes: number; links: number }> {
  const at = node.descriptor.addresses[0]!;
  // Each recorded flight is honest once: that answer is what later ones must not get.
  for (const { first } of attacks.recorded) await sayAndListen(at, first, 100);
  let heardBytes = 0;
  for (let begun = 0; begun < OVER_SOCKETS; begun += SOCKETS_AT_ONCE) {
    const batch = Array.from({ length: SOCKETS_AT_ONCE }, (_, index) => {
      const kind = attacks.firstKinds[(begun + index) % attacks.firstKinds.length]!;
      return sayAndListen(at, attacks.first(kind).bytes, 100 + randomBytes(1)[0]!);
    });
    heardBytes += (await Promise.all(batch)).reduce((sum, bytes) => sum + bytes, 0);
  }
  return { heardBytes, links: node.links.all().length };
}
