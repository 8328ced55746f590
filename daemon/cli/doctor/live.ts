/**
 * Checks that ask a running daemon: socket, verdict, reachability, clock, peers, circuits, store, and a block there and back.
 *
 * Unit    times of the round trip are measured here, from the request to the last byte.
 * Errors  none: whatever does not answer is a finding.
 * Why     the round trip is the only check that proves something: everything before it can look right while nothing arrives.
 * Source  ux § 2.3 "doctor".
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { lockHolder } from '../../../config/lock.ts';
import type { Paths } from '../../../config/paths.ts';
import type { PeerStatus, Status } from '../../api/schema.ts';
import type { ApiClient } from '../../api/schema-client.ts';
import { LocalError } from '../../errors.ts';
import { durationText, localErrorOf } from '../output.ts';
import { type Finding, fine, trouble } from './finding.ts';

const ANSWER_MS = 3_000;
const ROUND_TRIP_MS = 60_000;
const ROUND_TRIP_BYTES = 1_024;
const CLOCK_FINE_MS = 60_000;
const CLOCK_SKEW_MAX_MS = 6 * 3_600_000;
/** Before that nobody has had time to dial us. */
const SETTLED_MS = 300_000;
const BUILD_FAILURES_FINE = 0.1;

export async function checkSocket(
  api: ApiClient,
  paths: Paths,
): Promise<{ readonly finding: Finding; readonly status: Status | undefined }> {
  const startedMs = performance.now();
  try {
    const status = await api.get<Status>('/v1/status', AbortSignal.timeout(ANSWER_MS));
    const took = Math.max(1, Math.round(performance.now() - startedMs));
    return { finding: fine('socket', `answers in ${took} ms, pid ${status.pid}, version ${status.version}`), status };
  } catch (error) {
    const holder = lockHolder(paths.lockFile);
    if (holder === undefined) {
      const finding = trouble('warn', 'socket', {
        code: 'daemon_unreachable',
        text: 'no daemon runs with this home, so the network was not looked at',
        next: 'holloway start, then holloway doctor again',
        run: 'holloway start',
      });
      return { finding, status: undefined };
    }
    const finding = trouble('fail', 'socket', {
      code: 'daemon_unreachable',
      text: `a daemon runs (pid ${holder.pid}) and does not answer (${localErrorOf(error).detail ?? 'too late'})`,
      next: `end it and start it again: kill ${holder.pid} && holloway start`,
      run: `kill ${holder.pid} && sleep 11 && holloway start`,
    });
    return { finding, status: undefined };
  }
}

/** Everything that a Status tells. */
export function checkStatus(status: Status): readonly Finding[] {
  return [verdict(status), ...reach(status), clock(status), peers(status), circuits(status), store(status)];
}

function verdict(status: Status): Finding {
  const { word, reason, next } = status.verdict;
  if (word === 'HEALTHY') return fine('verdict', `HEALTHY, network ${status.network}`);
  const isOut = word === 'OFFLINE' || word === 'TROUBLE';
  return trouble(isOut ? 'fail' : 'warn', 'verdict', {
    code: word === 'TROUBLE' ? 'internal' : word === 'OFFLINE' ? 'offline' : 'connecting',
    text: `${word} ${reason}`,
    next: next || 'holloway status --watch',
  });
}

/** In: somebody dialled us. Out: somebody we dialled answered. */
function reach({ peers, node, uptimeMs, network }: Status): readonly Finding[] {
  const found: Finding[] = [];
  const port = node.link?.slice(node.link.lastIndexOf(':') + 1) ?? '';
  if (peers.in > 0) found.push(fine('port in', `TCP ${port}: ${peers.in} peers dialled us`));
  else if (network === 'devnet' || uptimeMs < SETTLED_MS) {
    found.push(fine('port in', `TCP ${port}: nobody has dialled us yet`));
  } else {
    found.push(
      trouble('warn', 'port in', {
        code: 'unreachable',
        text: `TCP ${port}: nobody has dialled us in ${durationText(uptimeMs)}`,
        next: `open it in the firewall: sudo ufw allow ${port}/tcp; behind a router, forward it to this machine`,
        run: `sudo ufw allow ${port}/tcp`,
      }),
    );
  }
  if (peers.out > 0) found.push(fine('port out', `${peers.out} peers answered our dialling`));
  else if (peers.links > 0) found.push(fine('port out', 'all links were dialled by others'));
  else {
    found.push(
      trouble('fail', 'port out', {
        code: 'offline',
        text: 'no connection to anybody stands',
        next: 'check that this machine is online and may dial out by TCP; without a network: holloway peer join INVITE',
      }),
    );
  }
  return found;
}

function clock({ node: { clockOffsetMs } }: Status): Finding {
  if (clockOffsetMs === null) return fine('clock', 'not compared: that takes 5 peers');
  const off = Math.abs(clockOffsetMs);
  if (off <= CLOCK_FINE_MS) return fine('clock', `within ${durationText(off)} of the peers`);
  return trouble(off > CLOCK_SKEW_MAX_MS ? 'fail' : 'warn', 'clock', {
    code: 'clock_off',
    text: `${durationText(off)} off from the peers`,
    next: 'set the clock of this machine: sudo timedatectl set-ntp true',
    run: 'sudo timedatectl set-ntp true',
  });
}

function peers({ peers: { up, list }, version }: Status): Finding {
  const others = [...new Set(list.map((peer: PeerStatus) => peer.version))].sort();
  const newer = others.filter((other) => isNewer(other, version));
  if (up < 2) {
    return trouble('warn', 'peers', {
      code: 'peers_few',
      text: `${up} peers`,
      next: 'wait a minute; holloway status --watch shows changes',
    });
  }
  if (newer.length * 2 > others.length) {
    return trouble('warn', 'peers', {
      code: 'versions_apart',
      text: `${up} peers, most of them newer than ${version}: ${newer.slice(0, 4).join(', ')}`,
      next: 'upgrade: npm install --global holloway@latest',
      run: 'npm install --global holloway@latest',
    });
  }
  return fine('peers', `${up} peers, versions ${others.slice(0, 4).join(', ')}`);
}

function isNewer(other: string, own: string): boolean {
  const parse = (text: string): number[] => (/\d+(?:\.\d+)*/.exec(text)?.[0] ?? '0').split('.').map(Number);
  const [a, b] = [parse(other), parse(own)];
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return false;
}

function circuits({ circuits: { ready, built, buildFailures, guardUp, usableRelays } }: Status): Finding {
  const failed = buildFailures / Math.max(1, built + buildFailures);
  const text = `${ready} ready, ${built} built, ${buildFailures} failed, ${usableRelays} relays known`;
  if (ready === 0 || !guardUp || (failed > BUILD_FAILURES_FINE && buildFailures >= 5)) {
    return trouble('warn', 'circuits', {
      code: 'circuits_failing',
      text: `${text}${guardUp ? '' : '; the guard does not answer'}`,
      next: 'wait: other relays are tried, and a guard that stays away is replaced',
    });
  }
  return fine('circuits', text);
}

function store({ store: { damaged, writeFailures, store: kept, cache } }: Status): Finding {
  if (writeFailures > 0 || damaged > 0) {
    return trouble('warn', 'store', {
      code: 'store_damaged',
      text: `since the start ${damaged} damaged blocks were dropped and ${writeFailures} writes refused`,
      next: 'check the disk, then: holloway store verify',
      run: 'holloway store verify',
    });
  }
  return fine('store', `${kept.blocks} blocks kept, ${cache.blocks} cached, none damaged`);
}

/** A block of random bytes through circuits to its place, and back through others. */
export async function checkRoundTrip(api: ApiClient, interrupted: AbortSignal): Promise<Finding> {
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(ROUND_TRIP_MS)]);
  const bytes = randomBytes(ROUND_TRIP_BYTES);
  const startedMs = performance.now();
  try {
    const { id } = await api.publish(once(bytes), {}, signal);
    const { uri } = await api.follow(id, () => {}, signal);
    if (uri === undefined) throw new LocalError('internal', 'a publish ended without a key');
    const putMs = performance.now() - startedMs;
    const fetching = await api.post<{ id: string }>('/v1/fetch', { uri }, signal);
    const followed = api.follow(fetching.id, () => {}, signal);
    followed.catch(() => {}); // awaited below; the content may fail first
    const hash = createHash('sha256');
    for await (const part of await api.content(fetching.id, signal)) hash.update(part);
    await followed;
    if (!hash.digest().equals(createHash('sha256').update(bytes).digest())) throw new LocalError('verify_failed');
    const getMs = performance.now() - startedMs - putMs;
    return fine('round trip', `a random block: put in ${durationText(putMs)}, back in ${durationText(getMs)}`);
  } catch (error) {
    interrupted.throwIfAborted();
    const { code } = localErrorOf(error);
    const what = signal.aborted ? `not within ${durationText(ROUND_TRIP_MS)}` : code;
    return trouble('fail', 'round trip', {
      code: 'round_trip_failed',
      text: `a random block did not come back (${what})`,
      next: 'run holloway doctor again in a minute; holloway logs --level warn names what failed',
      run: 'holloway doctor',
    });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
