/**
 * Links that we dialled and nobody needs any more: closed after a minute.
 *
 * Unit    milliseconds of Clock.nowMs.
 * Why     gossip, seeking and joining dial nodes that become no peers; each link costs both ends keepalives and a place. A light node has no
 *         peers, and keeps a few links to be told things over.
 * @module
 */
import type { Link } from '../link/link-types.ts';
import type { Clock } from '../ports.ts';
import type { Peering } from './peering.ts';

export const IDLE_LINK_MS = 60_000;

/** @param keep so many links stay whatever they are for; @param isLinkInUse whether circuits need it; not given: nothing is closed */
export function closeIdleLinks(
  deps: { readonly clock: Clock; readonly peering: Pick<Peering, 'get' | 'isHeldBack'> },
  links: readonly Link[],
  keep: number,
  isLinkInUse: ((link: Link) => boolean) | undefined,
): void {
  if (isLinkInUse === undefined) return;
  const { clock, peering } = deps;
  let open = links.length;
  for (const link of links) {
    if (open <= keep) return;
    const isYoung = clock.nowMs() - link.openedAtMs < IDLE_LINK_MS;
    if (isYoung || !link.dialledByUs || peering.get(link.peerKey) !== undefined) continue;
    if (peering.isHeldBack(link.peerKey) || isLinkInUse(link)) continue;
    link.close('shutdown');
    open--;
  }
}
