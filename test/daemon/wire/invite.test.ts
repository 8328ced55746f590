import test from 'ava';
import fc from 'fast-check';
import { INVITE_CHARACTERS_MAX } from '../../../daemon/limits.ts';
import { decodeInvite, encodeInvite, INVITE_PREFIX, type Invite, networkIdOf } from '../../../daemon/wire/invite.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto();
const NOW_MS = 1_800_000_000_000;

function inviteOf(change: Partial<Invite> = {}): Invite {
  return {
    kind: 'network',
    networkName: 'meadow',
    networkId: networkIdOf(crypto, 'meadow'),
    seeds: [new Uint8Array(300).fill(7), new Uint8Array(280).fill(9)],
    expiresAtMs: NOW_MS + 60_000,
    secret: new Uint8Array(16).fill(3),
    ...change,
  };
}

test('invite: decode(encode(x)) is x, on one line', (t) => {
  const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
  const arbitrary = fc.record({
    kind: fc.constant('network' as const),
    networkName: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
    networkId: bytes(8),
    seeds: fc.array(bytes(1, 512), { minLength: 1, maxLength: 3 }),
    expiresAtMs: fc.integer({ min: 1, max: 0xffff_ffff }).map((seconds) => seconds * 1_000),
    secret: bytes(16),
  });
  fc.assert(
    fc.property(arbitrary, (invite) => {
      const line = encodeInvite(crypto, invite);
      t.regex(line, /^holloway-invite:[\w-]+$/);
      t.true(line.length <= INVITE_CHARACTERS_MAX);
      t.deepEqual(decodeInvite(crypto, line, 0), { type: 'invite', invite });
    }),
    { numRuns: 50 },
  );
});

test('invite: a friend names itself alone', (t) => {
  const friend = inviteOf({ kind: 'friend', seeds: [new Uint8Array(300)] });
  t.deepEqual(decodeInvite(crypto, encodeInvite(crypto, friend), NOW_MS), { type: 'invite', invite: friend });
  t.throws(() => encodeInvite(crypto, inviteOf({ kind: 'friend' })), { instanceOf: RangeError });
});

test('invite: valid until its last moment, then expired, and it still says what it was', (t) => {
  const invite = inviteOf();
  const line = encodeInvite(crypto, invite);
  t.is(decodeInvite(crypto, line, invite.expiresAtMs - 1).type, 'invite');
  t.deepEqual(decodeInvite(crypto, line, invite.expiresAtMs), { type: 'expired', invite });
});

test('invite: cut off anywhere it says so, with the number of characters that are missing', (t) => {
  const line = encodeInvite(crypto, inviteOf());
  for (let length = 1; length < line.length; length++) {
    const reading = decodeInvite(crypto, line.slice(0, length), NOW_MS + 1e9);
    t.is(reading.type, 'cutOff', `after ${length}`);
    if (length > INVITE_PREFIX.length + 4) t.like(reading, { missingCharacters: line.length - length });
  }
});

test('invite: one wrong character anywhere is damage, and never an invite', (t) => {
  const line = encodeInvite(crypto, inviteOf());
  for (let at = INVITE_PREFIX.length; at < line.length - 1; at++) {
    const wrong = `${line.slice(0, at)}${line[at] === 'A' ? 'B' : 'A'}${line.slice(at + 1)}`;
    const reading = decodeInvite(crypto, wrong, NOW_MS);
    t.true(['damaged', 'cutOff', 'newerVersion'].includes(reading.type), `${reading.type} at ${at}`);
    if (at > INVITE_PREFIX.length + 4) t.is(reading.type, 'damaged');
  }
  t.is(decodeInvite(crypto, `${line}AAAA`, NOW_MS).type, 'damaged');
  t.is(decodeInvite(crypto, `${line}!`, NOW_MS).type, 'damaged');
});

test('invite: line breaks, spaces and dots of a mail program are passed over', (t) => {
  const line = encodeInvite(crypto, inviteOf());
  const mailed = ` ${line.slice(0, 70)}\r\n  ${line.slice(70, 140)}\n${line.slice(140)}. `;
  t.is(decodeInvite(crypto, mailed, NOW_MS).type, 'invite');
});

test('invite: other texts are none, of any length', (t) => {
  for (const text of ['', 'CHK@abc', 'holloway', 'invite:AQ', 'x'.repeat(100_000), INVITE_PREFIX + 'A'.repeat(9_000)]) {
    const expected = text === 'holloway' ? 'cutOff' : 'notAnInvite';
    t.is(decodeInvite(crypto, text, NOW_MS).type, expected);
  }
  fc.assert(fc.property(fc.string(), (text) => void decodeInvite(crypto, INVITE_PREFIX + text, NOW_MS)));
});

test('invite: fields out of bounds are our own mistake', (t) => {
  const seed = new Uint8Array(10);
  for (const change of [
    { networkName: 'Meadow' },
    { networkId: new Uint8Array(7) },
    { secret: new Uint8Array(15) },
    { seeds: [] },
    { seeds: [seed, seed, seed, seed] },
    { seeds: [new Uint8Array(513)] },
    { expiresAtMs: -1 },
    { expiresAtMs: 2 ** 32 * 1_000 },
  ] satisfies Partial<Invite>[]) {
    t.throws(() => encodeInvite(crypto, inviteOf(change)), { instanceOf: RangeError });
  }
});

test('invite: base64url has one spelling: spare characters and spare bits are damage', (t) => {
  for (let length = 280; length < 283; length++) {
    const line = encodeInvite(crypto, inviteOf({ seeds: [new Uint8Array(length)] }));
    t.is(decodeInvite(crypto, line, NOW_MS).type, 'invite');
    for (const spare of ['A', 'w', '-']) t.is(decodeInvite(crypto, line + spare, NOW_MS).type, 'damaged', spare);
    if (line.slice(INVITE_PREFIX.length).length % 4 === 0) continue;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(line.at(-1)!);
    t.is(decodeInvite(crypto, line.slice(0, -1) + alphabet[last + 1]!, NOW_MS).type, 'damaged', 'spare bits');
  }
});
