/**
 * Every command, once. The parser, --help, the manual, completions and the tests of all four read this table.
 *
 * Shape   one file of entries for each group of commands in entries/; here they stand in the order in which help lists them.
 * @module
 */
import { CONFIG_COMMANDS } from './entries/config.ts';
import { DAEMON_COMMANDS } from './entries/daemon.ts';
import { DEVNET_COMMANDS } from './entries/devnet.ts';
import { DOCTOR_COMMANDS } from './entries/doctor.ts';
import { DOCUMENT_COMMANDS } from './entries/document.ts';
import { KEY_COMMANDS } from './entries/key.ts';
import { MAN_COMMANDS } from './entries/man.ts';
import { OPEN_COMMANDS } from './entries/open.ts';
import { PEER_COMMANDS } from './entries/peer.ts';
import { SITE_COMMANDS } from './entries/site.ts';
import { STATUS_COMMANDS } from './entries/status.ts';
import { STORE_COMMANDS } from './entries/store.ts';
import { TRANSFERS_COMMANDS } from './entries/transfers.ts';
import type { CommandSpec } from './spec.ts';

export { type CommandSpec, type FlagSpec, GLOBAL_FLAGS } from './spec.ts';

export const COMMANDS: readonly CommandSpec[] = [
  ...DAEMON_COMMANDS,
  ...STATUS_COMMANDS,
  ...DOCUMENT_COMMANDS,
  ...TRANSFERS_COMMANDS,
  ...KEY_COMMANDS,
  ...SITE_COMMANDS,
  ...OPEN_COMMANDS,
  ...PEER_COMMANDS,
  ...STORE_COMMANDS,
  ...CONFIG_COMMANDS,
  ...DOCTOR_COMMANDS,
  ...DEVNET_COMMANDS,
  ...MAN_COMMANDS,
];

/** The sentence of a group: the first word of commands that have two. */
export const GROUPS: Readonly<Record<string, string>> = {
  transfers: 'The queue: publishes and fetches that survive their asker and the daemon.',
  site: 'Folders with editions under a key.',
  key: 'Signing keys: who publishes under a name, and updates it.',
  peer: 'Links of this node to others.',
  store: 'The datastore: what it holds, its size, its seal.',
  config: 'Settings: what they are and where they come from.',
  devnet: 'A whole network of real daemons on this machine. All nodes are yours: nothing there is anonymous.',
};
