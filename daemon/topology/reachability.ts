/**
 * Whether others can dial us, and at which address they see us: what `doctor` needs to say which case of NAT this is.
 *
 * Shape   every link that a node opened to us is proof that we can be reached; linked for long enough without one, we take it that nobody can. Every
 *         peer tells the address it sees us at (Observed); the one named from most networks is taken, if two at least agree.
 * Unit    milliseconds of Clock.nowMs. Ports of observed addresses are of outgoing streams, and say nothing about where we listen.
 * Errors  none: a liar has one voice for each /16 (IPv4) or /32 (IPv6) that he links from.
 * Why     a node behind a router that maps nothing works all the same: it routes and stores over the links that it dials. But its owner
 *         should know, for its circuits then serve nobody else.
 * Source  design § 7 (NAT); ux § 5 (doctor).
 * @module
 */
import { LINKS_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, NetAddress } from '../ports.ts';
import { addressFromBytes, pathPrefix } from '../wire/address.ts';
import type { Reachability } from './topology-types.ts';

/** Dialled by us and standing for so long: by then somebody who knows of us would have come. */
const NOBODY_CAME_MS = 300_000;
const LINKS_MIN = 3;
const VOICES_MIN = 2;

export interface ReachabilityWatch {
  linkOpened(link: Link): void;
  observed(link: Link, address: Uint8Array): void;
  linkClosed(link: Link): void;
  state(links: readonly Link[]): Reachability;
}

export function createReachability(deps: { readonly clock: Clock }): ReachabilityWatch {
  const { clock } = deps;
  /** What each open link says; as many as there can be links. */
  const seen = new Map<Link, NetAddress>();
  let acceptedMs: number | undefined;

  function observedAddress(): string | undefined {
    const voices = new Map<string, Set<string>>();
    for (const [link, { host }] of seen) {
      const from = voices.get(host) ?? new Set();
      from.add(pathPrefix(link.remote.host));
      voices.set(host, from);
    }
    const [best] = [...voices].sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1));
    return best === undefined || best[1].size < VOICES_MIN ? undefined : best[0];
  }

  return {
    linkOpened(link) {
      if (!link.dialledByUs && link.peer !== undefined) acceptedMs = clock.nowMs();
    },
    observed(link, bytes) {
      const address = addressFromBytes(bytes);
      if (address !== undefined && (seen.has(link) || seen.size < LINKS_MAX)) seen.set(link, address);
    },
    linkClosed: (link) => void seen.delete(link),
    state(links) {
      const standing = links.filter((link) => clock.nowMs() - link.openedAtMs >= NOBODY_CAME_MS);
      const isAlone = standing.filter((link) => link.dialledByUs).length >= LINKS_MIN;
      return {
        dialled: acceptedMs !== undefined ? 'yes' : isAlone ? 'no' : 'unknown',
        observedHost: observedAddress(),
      };
    },
  };
}
