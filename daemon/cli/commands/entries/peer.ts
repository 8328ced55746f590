/**
 * Links of this node to others.
 * @module
 */
import { type CommandSpec, TIMEOUT } from '../spec.ts';

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
  {
    name: 'peer invite',
    args: [],
    flags: [{ flags: '--expires <time>', sentence: 'how long it is good for, 1m..30d (24h)' }, TIMEOUT],
    sentence: 'Print one line that lets somebody join this network; it holds addresses of this node and of two peers.',
    example: 'holloway peer invite --expires 24h > invite.txt',
    json: { v: 'integer', invite: 'text', network: 'text', seeds: 'integer', expiresAtMs: 'integer' },
    load: async () => (await import('../peer-join.ts')).peerInvite,
  },
  {
    name: 'peer join',
    args: [{ name: '<invite>', sentence: 'the line; - reads it from stdin' }],
    flags: [
      { flags: '--no-restart', sentence: 'only write the configuration, also when a daemon runs' },
      { flags: '--yes', sentence: 'leave the network of before without asking' },
      TIMEOUT,
    ],
    sentence: 'Join the network of an invite: write it into the configuration, and start a running daemon anew.',
    example: 'holloway peer join "$(cat invite.txt)"',
    json: { v: 'integer', network: 'text', seeds: 'integer', 'peers?': 'integer', 'verdict?': 'text' },
    load: async () => (await import('../peer-join.ts')).peerJoin,
  },
];
