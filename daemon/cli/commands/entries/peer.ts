/**
 * Links of this node to others.
 * @module
 */
import type { CommandSpec } from '../spec.ts';

export const PEER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'peer list',
    args: [],
    flags: [],
    sentence: 'List the peers of the node.',
    example: 'holloway peer list',
    json: { v: 'integer', peers: ['object'] },
    load: async () => (await import('../peer.ts')).peerList,
  },
  {
    name: 'peer self',
    args: [],
    flags: [],
    sentence: 'Print the descriptor of this node, for network.seeds of another.',
    example: 'holloway peer self > seed.txt',
    json: { v: 'integer', descriptor: 'text' },
    load: async () => (await import('../peer.ts')).peerSelf,
  },
];
