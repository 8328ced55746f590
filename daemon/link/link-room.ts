/**
 * Who has to go when there is no room for another link: a pure choice.
 *
 * Shape   accepted links are counted by the prefix that they come from: /24 of IPv4, /32 of IPv6, and private addresses one by one,
 *         because several nodes share one where such are allowed at all.
 * Why     identities cost a stranger little and addresses cost him much. So one network gets LINKS_PER_PREFIX_MAX of our links, and at
 *         a cap the youngest idle link of whoever holds most makes room: a newcomer from elsewhere always gets in, and
 *         whoever fills the table fills it against himself. Links that peers or circuits use, and those that we dialled, are never given up.
 * Source  design § 5 (prefixes); anonymity § 3 A10.
 * @module
 */
import { LINKS_PER_HOST_MAX, LINKS_PER_PREFIX_MAX } from '../limits.ts';
import { isPrivate, peerPrefix } from '../wire/address.ts';
import type { Link } from './link-types.ts';

/** Key of what is counted together, and how many of it there may be. */
export function originOf(host: string): { readonly key: string; readonly linksMax: number } {
  return isPrivate(host)
    ? { key: host, linksMax: LINKS_PER_HOST_MAX }
    : { key: peerPrefix(host), linksMax: LINKS_PER_PREFIX_MAX };
}

/** The accepted links that come from where `host` is. */
export function linksFrom<T extends Link>(links: Iterable<T>, host: string): T[] {
  const { key } = originOf(host);
  return [...links].filter((link) => !link.dialledByUs && originOf(link.remote.host).key === key);
}

/** The youngest idle link of the origin with most of `links`; undefined when all are needed. */
export function leastWorth<T extends Link>(links: Iterable<T>, isInUse: (link: T) => boolean): T | undefined {
  const accepted = [...links].filter((link) => !link.dialledByUs);
  const counts = new Map<string, number>();
  for (const link of accepted) {
    const { key } = originOf(link.remote.host);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let least: T | undefined;
  let leastCount = 0;
  for (const link of accepted) {
    const count = counts.get(originOf(link.remote.host).key)!;
    const isLess = count > leastCount || (count === leastCount && link.handle > least!.handle);
    if (!isLess || isInUse(link)) continue;
    least = link;
    leastCount = count;
  }
  return least;
}
