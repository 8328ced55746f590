/**
 * A sample of relays, and how much of the time each was there when we looked: where guards are drawn from.
 *
 * Shape   at most SAMPLE_MAX relays drawn uniformly from the view, no two of one prefix; for each the last DAYS_KEPT days on which we
 *         looked, with looks and answers. A sealed row per relay: node id 32, hour last listed 4, then per day: day 4, looks 1, answers 1.
 * Unit    days and hours since 1970 by the host's clock, because they outlive restarts.
 * Errors  none; damaged rows are dropped.
 * Why     a guard that is often away makes us use others, and each further one is a further chance to have a bad one. So guards are those
 *         that answered at least UP_SHARE of our looks over a week; while nothing has been watched for a week, of what was watched;
 *         and never one that has not answered us itself. Fewer than CHOICE_MIN would be no choice, and whoever fills the first
 *         class alone would be drawn.
 * Source  design § 10 (guards).
 * @module
 */
import { fromHexKey, hexKey, NODE_ID_BYTES } from '../ids.ts';
import type { Random } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { mayShareCircuit, type PathRules, pickOne } from './path.ts';
import type { SealedRows } from './sealed-rows.ts';

export const SAMPLE_MAX = 24;
const DAYS_KEPT = 7;
const UP_SHARE = 0.8;
const CHOICE_MIN = 3;
const HOURS_PER_DAY = 24;
/** Not listed for so long, or watched for two days and away half of the time: its place is given to another. */
const UNLISTED_HOURS_MAX = 7 * HOURS_PER_DAY;
const POOR_SHARE = 0.5;
const POOR_AFTER_LOOKS = 48;
const DAY_BYTES = 6;
const DAYS_AT = NODE_ID_BYTES + 4;
const BYTE_MAX = 255;

interface Day {
  readonly day: number;
  looks: number;
  answers: number;
}

interface Watched {
  readonly key: string;
  listedHour: number;
  /** At the last look. */
  isUp: boolean;
  /** Oldest first. */
  readonly days: Day[];
}

export interface RelayUptime {
  /** Fills the sample from the view; those of it that the view lists. */
  sample(relays: readonly Descriptor[], nowHour: number): readonly Descriptor[];
  looked(key: string, isUp: boolean, nowHour: number): void;
  /** The best of `relays` to draw a guard from. */
  candidates(relays: readonly Descriptor[]): readonly Descriptor[];
  save(): void;
}

export function createRelayUptime(rows: SealedRows, rules: PathRules, random: Random): RelayUptime {
  const watched = new Map<string, Watched>();
  for (const row of rows.load()) {
    const entry = decode(row);
    if (entry !== undefined && watched.size < SAMPLE_MAX) watched.set(entry.key, entry);
  }

  function forget(nowHour: number): void {
    for (const entry of [...watched.values()]) {
      const { looks, share } = sumOf(entry);
      const isPoor = looks >= POOR_AFTER_LOOKS && share < POOR_SHARE;
      if (isPoor || nowHour - entry.listedHour > UNLISTED_HOURS_MAX) watched.delete(entry.key);
    }
  }

  return {
    sample(relays, nowHour) {
      forget(nowHour);
      const listed = relays.filter((relay) => watched.has(hexKey(relay.nodeId)));
      for (const relay of listed) watched.get(hexKey(relay.nodeId))!.listedHour = nowHour;
      let others = relays.filter((relay) => !watched.has(hexKey(relay.nodeId)));
      let latest = listed;
      while (watched.size < SAMPLE_MAX) {
        const against = latest;
        others = others.filter((relay) => against.every((member) => mayShareCircuit(relay, member, rules)));
        const drawn = pickOne(others, random);
        if (drawn === undefined) break;
        const key = hexKey(drawn.nodeId);
        watched.set(key, { key, listedHour: nowHour, isUp: false, days: [] });
        listed.push(drawn);
        latest = [drawn]; // those left have been compared with all the others
      }
      return listed;
    },
    looked(key, isUp, nowHour) {
      const entry = watched.get(key);
      if (entry === undefined) return;
      entry.isUp = isUp;
      const today = Math.floor(nowHour / HOURS_PER_DAY);
      let day = entry.days.at(-1);
      if (day?.day !== today) {
        day = { day: today, looks: 0, answers: 0 };
        entry.days.push(day);
        if (entry.days.length > DAYS_KEPT) entry.days.shift();
      }
      if (day.looks === BYTE_MAX) return;
      day.looks++;
      if (isUp) day.answers++;
    },
    candidates(relays) {
      const up = relays.filter((relay) => watched.get(hexKey(relay.nodeId))?.isUp);
      const factsOf = (relay: Descriptor) => sumOf(watched.get(hexKey(relay.nodeId))!);
      const mostly = up.filter((relay) => factsOf(relay).share >= UP_SHARE);
      const forAWeek = mostly.filter((relay) => factsOf(relay).days === DAYS_KEPT);
      return [forAWeek, mostly].find(({ length }) => length >= CHOICE_MIN) ?? up;
    },
    save() {
      rows.save([...watched.values()].map(encode));
    },
  };
}

function sumOf({ days }: Watched): { readonly days: number; readonly looks: number; readonly share: number } {
  const looks = days.reduce((sum, day) => sum + day.looks, 0);
  const answers = days.reduce((sum, day) => sum + day.answers, 0);
  return { days: days.length, looks, share: looks === 0 ? 0 : answers / looks };
}

function encode({ key, listedHour, days }: Watched): Uint8Array {
  const row = new Uint8Array(DAYS_AT + days.length * DAY_BYTES);
  const view = new DataView(row.buffer);
  row.set(fromHexKey(key));
  view.setUint32(NODE_ID_BYTES, listedHour);
  days.forEach(({ day, looks, answers }, index) => {
    const at = DAYS_AT + index * DAY_BYTES;
    view.setUint32(at, day);
    row[at + 4] = looks;
    row[at + 5] = answers;
  });
  return row;
}

function decode(row: Uint8Array): Watched | undefined {
  const count = (row.length - DAYS_AT) / DAY_BYTES;
  if (!Number.isInteger(count) || count < 0 || count > DAYS_KEPT) return undefined;
  const view = new DataView(row.buffer, row.byteOffset);
  const days = Array.from({ length: count }, (_, index): Day => {
    const at = DAYS_AT + index * DAY_BYTES;
    return { day: view.getUint32(at), looks: row[at + 4]!, answers: row[at + 5]! };
  });
  // What was up before the restart has to answer again before it is drawn.
  const key = hexKey(row.subarray(0, NODE_ID_BYTES));
  return { key, listedHour: view.getUint32(NODE_ID_BYTES), isUp: false, days };
}
