/**
 * The guard: the one first hop of all our circuits, kept for months; and its spare.
 *
 * Shape   sealed rows of the Records table "guard": in use, then spare; each since-hour 4 (big-endian), node id 32, signed descriptor.
 *         Both are drawn from the watched sample (relay-uptime.ts), the spare not before it is needed: by then more is known of whom to take.
 * Unit    milliseconds of the monotonic clock for patience; hours since 1970 for age, because it outlives restarts.
 * Why     every first hop is a chance to have a bad one, so there is one, and it is not fled in haste: whoever can make us change guards
 *         walks us to his own. Only dials count against it, only while another link of ours stands (else it is our own line that is
 *         down), and TRIES_MIN tries. After a minute of them the spare takes over and the two swap places: two known relays are not
 *         flight, and without it a guard that is switched off would cut its users off. A new relay is drawn only when both
 *         have been gone for `patienceMs`. Circuits that die are the builder's back-off, never a reason to leave.
 * Source  design § 10; anonymity § 7 rules 4, 25.
 * @module
 */
import { ProtocolError } from '../errors.ts';
import { fromHexKey, hexKey, NODE_ID_BYTES } from '../ids.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { GuardLooks } from './guard-looks.ts';
import type { OnionDeps } from './onion-parts.ts';
import { mayShareCircuit, type PathRules, pickOne, usableRelays } from './path.ts';
import type { RelayUptime } from './relay-uptime.ts';
import type { SealedRows } from './sealed-rows.ts';

export const GUARD_TABLE = 'guard';
/** Of versions before 0.2: rows of the same content, not sealed. They are taken over and deleted. */
const OPEN_TABLE = 'guards';
const NODE_ID_AT = 4;
const DESCRIPTOR_AT = NODE_ID_AT + NODE_ID_BYTES;
const HOUR_MS = 3_600_000;
const TRIES_MIN = 3;
/** How long the guard in use may stay away before the spare takes over. */
const SPARE_AFTER_MS = 60_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 60_000;
/** A circuit of three needs as many relays; with fewer no guard is drawn, because the choice would be no choice. */
const RELAYS_MIN = 3;

interface Guard {
  readonly key: string;
  readonly sinceHour: number;
  /** The newest we have seen; undefined when the kept one is too old and the view has no newer one yet. */
  descriptor: Descriptor | undefined;
  encoded: Uint8Array;
  failures: number;
  firstFailureMs: number;
  retryAtMs: number;
  /** Clock.nowMs of the first failed dial of those after which it was left; undefined once it answered again. */
  lostSinceMs: number | undefined;
}

export interface Guards {
  /** The guard in use, drawn when there is none yet; undefined while too few relays are known, or nothing valid of the guard. */
  current(): Descriptor | undefined;
  /** When the guard in use may be dialled (again). */
  readonly dialAtMs: number;
  dialled(key: string): void;
  dialFailed(key: string): void;
  /** Clock.nowMs at which the guard in use was chosen; negative if before this start. */
  readonly sinceMs: number | undefined;
  readonly currentKey: string | undefined;
}

/** Where guards are drawn from, and kept. */
export interface GuardSource {
  readonly rows: SealedRows;
  readonly uptime: RelayUptime;
  readonly looks: GuardLooks;
}

export function createGuards(deps: OnionDeps, rules: PathRules, patienceMs: number, source: GuardSource): Guards {
  const { clock, records, random, log } = deps;
  const { rows, uptime, looks } = source;
  /** In use, then spare. */
  const guards: Guard[] = load();
  const wallHour = (): number => Math.floor(clock.wallMs() / HOUR_MS);

  function load(): Guard[] {
    const loaded: Guard[] = [];
    const open = records.entries(OPEN_TABLE);
    for (const row of [...rows.load(), ...open.map(([, content]) => content)]) {
      if (row.length <= DESCRIPTOR_AT) continue;
      const sinceHour = new DataView(row.buffer, row.byteOffset).getUint32(0);
      const encoded = row.slice(DESCRIPTOR_AT);
      loaded.push(freshGuard(hexKey(row.subarray(NODE_ID_AT, DESCRIPTOR_AT)), sinceHour, encoded, decodeKept(encoded)));
    }
    if (open.length > 0) {
      save(loaded.slice(0, 2));
      for (const [name] of open) records.delete(OPEN_TABLE, name);
    }
    return loaded.slice(0, 2);
  }

  /** Too old after days offline: the guard stays the guard, and its new descriptor comes with the view. */
  function decodeKept(encoded: Uint8Array): Descriptor | undefined {
    try {
      return deps.decodeDescriptor(encoded);
    } catch (error) {
      if (!(error instanceof ProtocolError)) log.write('error', 'onion', 'a kept guard descriptor broke its decoder');
      return undefined;
    }
  }

  function save(kept: readonly Guard[] = guards): void {
    rows.save(
      kept.map((guard) => {
        const row = new Uint8Array(DESCRIPTOR_AT + guard.encoded.length);
        new DataView(row.buffer).setUint32(0, guard.sinceHour);
        row.set(fromHexKey(guard.key), NODE_ID_AT);
        row.set(guard.encoded, DESCRIPTOR_AT);
        return row;
      }),
    );
  }

  function draw(relays: readonly Descriptor[]): Guard | undefined {
    const others = relays.filter((relay) => guards.every((guard) => isApart(relay, guard)));
    if (!looks.isReady(others)) return undefined;
    const drawn = pickOne(uptime.candidates(others), random);
    return drawn === undefined ? undefined : freshGuard(hexKey(drawn.nodeId), wallHour(), drawn.encoded, drawn);
  }

  function isApart(relay: Descriptor, guard: Guard): boolean {
    if (guard.descriptor === undefined) return hexKey(relay.nodeId) !== guard.key;
    return mayShareCircuit(relay, guard.descriptor, rules);
  }

  /** Takes newer descriptors from the view, and draws the first guard. */
  function refresh(): void {
    const relays = usableRelays(deps.relays.relays(), rules);
    let changed = false;
    for (const guard of guards) {
      const newer = relays.find(({ nodeId }) => hexKey(nodeId) === guard.key);
      if (newer === undefined || newer.sequence <= (guard.descriptor?.sequence ?? -1)) continue;
      guard.descriptor = newer;
      guard.encoded = newer.encoded;
      changed = true;
    }
    if (guards.length === 0 && relays.length >= RELAYS_MIN) {
      const drawn = draw(relays);
      if (drawn !== undefined) guards.push(drawn);
      changed ||= drawn !== undefined;
    }
    if (changed) save();
  }

  function isGone(guard: Guard, nowMs: number): boolean {
    return guard.lostSinceMs !== undefined && nowMs - guard.lostSinceMs >= patienceMs;
  }

  function leaveGuard(): void {
    const nowMs = clock.nowMs();
    const left = guards[0]!;
    const spare = guards[1];
    left.lostSinceMs ??= left.firstFailureMs;
    const isDrawn = spare === undefined || (isGone(left, nowMs) && isGone(spare, nowMs));
    const next = (isDrawn ? draw(usableRelays(deps.relays.relays(), rules)) : undefined) ?? spare;
    // With nobody to turn to we go on trying: the guard may come back.
    if (next === undefined) return;
    guards.splice(0, 2, next, left);
    next.failures = 0;
    next.retryAtMs = nowMs;
    save();
    log.write('warn', 'onion', 'the guard could not be reached for long; the spare takes over');
  }

  function dialFailed(key: string): void {
    const guard = guards[0];
    if (guard?.key !== key) return;
    const nowMs = clock.nowMs();
    const retryMs = Math.min(RETRY_FIRST_MS * 2 ** Math.min(guard.failures, 16), RETRY_MAX_MS, patienceMs / 4);
    guard.retryAtMs = nowMs + retryMs;
    if (!deps.links.all().some((link) => link.isOpen)) return;
    if (guard.failures === 0) {
      guard.firstFailureMs = nowMs;
      // With so little patience the next one is drawn in seconds: a look of an hour ago would not know who died since.
      if (patienceMs < SPARE_AFTER_MS) looks.round();
    }
    guard.failures++;
    if (guard.failures >= TRIES_MIN && nowMs - guard.firstFailureMs >= Math.min(SPARE_AFTER_MS, patienceMs))
      leaveGuard();
  }

  return {
    current() {
      refresh();
      const guard = guards[0];
      // Nobody has a valid descriptor of it: as good as unreachable.
      if (guard !== undefined && guard.descriptor === undefined && clock.nowMs() >= guard.retryAtMs)
        dialFailed(guard.key);
      return guards[0]?.descriptor;
    },
    get dialAtMs() {
      return guards[0]?.retryAtMs ?? 0;
    },
    dialled(key) {
      const guard = guards.find((each) => each.key === key);
      if (guard === undefined) return;
      guard.failures = 0;
      guard.retryAtMs = clock.nowMs();
      guard.lostSinceMs = undefined;
    },
    dialFailed,
    get sinceMs() {
      const guard = guards[0];
      return guard === undefined ? undefined : clock.nowMs() - (wallHour() - guard.sinceHour) * HOUR_MS;
    },
    get currentKey() {
      return guards[0]?.key;
    },
  };
}

function freshGuard(key: string, sinceHour: number, encoded: Uint8Array, descriptor: Descriptor | undefined): Guard {
  return { key, sinceHour, encoded, descriptor, failures: 0, firstFailureMs: 0, retryAtMs: 0, lostSinceMs: undefined };
}
