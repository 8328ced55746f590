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
    name: 'peer add',
    args: [
      {
        name: '<invite>',
        sentence: 'an invite of this network, or a descriptor as peer self prints it; - reads stdin',
      },
    ],
    flags: [],
    sentence: 'Ask the nodes of an invite or descriptor in as peers.',
    example: 'holloway peer add "$(cat invite.txt)"',
    json: { v: 'integer', tried: 'integer', linked: 'integer' },
    load: async () => (await import('../peer-change.ts')).peerAdd,
  },
  {
    name: 'peer drop',
    args: [{ name: '<peer>', sentence: 'as peer list names it, for example p04' }],
    flags: [{ flags: '--yes', sentence: 'without asking' }],
    sentence: 'End routing over a peer; it may come back after a minute.',
    example: 'holloway peer drop p04',
    json: { v: 'integer', banned: 'integer' },
    load: async () => (await import('../peer-change.ts')).peerDrop,
  },
  {
    name: 'peer ban',
    args: [{ name: '<peer>', sentence: 'as peer list names it, for example p04' }],
    flags: [
      { flags: '--for <time>', sentence: 'how long, 1s..30d (1h); bans end with the daemon' },
      { flags: '--yes', sentence: 'without asking' },
    ],
    sentence: 'End routing over a peer and keep it away for a time.',
    example: 'holloway peer ban p04 --for 24h',
    json: { v: 'integer', banned: 'integer' },
    load: async () => (await import('../peer-change.ts')).peerBan,
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
