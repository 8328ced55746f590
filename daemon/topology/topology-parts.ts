/**
 * What the topology is made from, what it is told, and what its node may ask of it.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import type { NodeId } from '../ids.ts';
import type { Link, LinkProber, Links } from '../link/link-types.ts';
import type { Clock, Log, Random, Records } from '../ports.ts';
import type { Descriptor, Role } from '../wire/descriptor-types.ts';
import type { Message } from '../wire/messages.ts';
import type { JoinStage, Peer, PeerControl, Reachability, RelayView, RoutingView } from './topology-types.ts';

export interface TopologyDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly links: Links & LinkProber;
  readonly records: Records;
}

export interface TopologyOptions {
  readonly role: Role;
  readonly seeds: readonly Uint8Array[];
  readonly allowPrivateAddresses: boolean;
  readonly prefixRules: boolean;
  readonly ringNeighboursEachSide: number;
  readonly longLinks: number;
  readonly peersMax: number;
  readonly ownDescriptor: () => Descriptor;
  readonly onPeerUp: (peer: Peer) => void;
  readonly onPeerDown: (peer: Peer) => void;
  /** Whether circuits need this link. When given, links that we dialled, and that neither peers nor circuits use, are closed. */
  readonly isLinkInUse?: (link: Link) => boolean;
  /** Whether requests sent to that peer hardly ever succeed; absent: nobody is. */
  readonly isUseless?: (peerKey: string) => boolean;
}

export interface Topology extends RoutingView, RelayView {
  readonly joinStage: JoinStage;
  /** Whether others can dial us, and where they see us. */
  readonly reachability: Reachability;
  /** Peers' clocks minus ours; undefined with too few peers. */
  readonly clockOffsetMs: number | undefined;
  readonly seedsTried: number;
  readonly seedsAnswered: number;
  start(): void;
  /** Says goodbye on all links and cancels all timers. */
  stop(): void;
  linkOpened(link: Link): void;
  linkClosed(link: Link): void;
  handleMessage(link: Link, message: Message): void;
  networkHour(): number;
  /** For the owner of the node. */
  readonly control: PeerControl;
  /** That relay could not be reached or did not do its work: a little later it is left out, for a while. */
  relayFailed(id: NodeId): void;
}
