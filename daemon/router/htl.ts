/**
 * Hops to live: how much further a request may travel.
 *
 * Shape   the exit draws 18..22; each node passes on one less, except that a request which came over a link whose coin says so,
 *         with 20 or more, is passed on with the same. A Fetch that arrives with HTL_FINAL is answered from the store alone.
 * Unit    hops, integer, 0..HTL_MAX.
 * Errors  none. A received HTL above HTL_MAX is clamped: inflating it buys a peer no more than HTL_MAX does.
 * Why     the coin belongs to the link a request came over, for all its life. Tossed per request, a peer could average our
 *         answers and learn where requests begin; taken from the link it leaves by, the next node would know the coin and see
 *         in every 22 our own exit's draw. It also makes what we send on the same for every next hop we try.
 * Source  design § 8.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { HTL_BASE, HTL_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Random } from '../ports.ts';

/** A Fetch with this HTL or less is one question to one store: the end of a path asks its co-owners so. */
export const HTL_FINAL = 1;
/** From here up the coin of a link may keep the HTL. */
const HTL_KEPT_FROM = 20;

/** The HTL an exit begins with. */
export function drawHtl(random: Random): number {
  return HTL_BASE + Math.floor(random.unit() * (HTL_MAX - HTL_BASE + 1));
}

/**
 * The HTL to send on for a request that arrived with `htl`.
 * @param htl hops; above HTL_MAX counts as HTL_MAX, below 0 as 0
 * @param keepsHigh the coin of the link it came over
 * @returns hops in 0..HTL_MAX, never more than `htl`
 */
export function nextHtl(htl: number, keepsHigh: boolean): number {
  const hops = Math.min(Math.max(Math.trunc(htl), 0), HTL_MAX);
  if (hops >= HTL_KEPT_FROM && keepsHigh) return hops;
  return Math.max(hops - 1, 0);
}

/** The coin of a link: the same bit for as long as the link lives, 1/2 each way. */
export function createHtlCoins(crypto: Crypto): (link: Link) => boolean {
  const coins = new WeakMap<Link, boolean>();
  return (link) => {
    let coin = coins.get(link);
    if (coin === undefined) {
      coin = (crypto.hmac(link.exporterSecret, 'holloway htl coin')[0]! & 1) === 1;
      coins.set(link, coin);
    }
    return coin;
  };
}
