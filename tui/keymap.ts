/**
 * The keys, once: the dispatcher, the footer and the help panel all read this table.
 *
 * Shape   each row: the keys as the terminal names them, the action, a short hint for the footer and a sentence for the help.
 * Why     a key that is not here does nothing, and nothing here is without effect.
 * Source  ux § 1.3.
 * @module
 */
export const TABS = [
  { id: 'overview', key: '1', title: 'Overview' },
  { id: 'peers', key: '2', title: 'Peers' },
  { id: 'ring', key: '3', title: 'Ring' },
  { id: 'routing', key: '4', title: 'Routing' },
  { id: 'store', key: '5', title: 'Store' },
  { id: 'circuits', key: '6', title: 'Circuits' },
  { id: 'transfers', key: '7', title: 'Xfers' },
  { id: 'log', key: '8', title: 'Log' },
  { id: 'config', key: '9', title: 'Config' },
] as const;
export type TabId = (typeof TABS)[number]['id'];

export type ActionName =
  | `tab-${TabId}`
  | 'next-tab'
  | 'previous-tab'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'enter'
  | 'back'
  | 'filter'
  | 'sort'
  | 'reverse'
  | 'pause'
  | 'faster'
  | 'slower'
  | 'help'
  | 'explain'
  | 'reconnect'
  | 'mouse'
  | 'command'
  | 'publish'
  | 'fetch'
  | 'cancel'
  | 'copy'
  | 'reveal'
  | 'resize'
  | 'invite'
  | 'verify'
  | 'lost'
  | 'layout'
  | 'shorter'
  | 'longer'
  | 'redraw'
  | 'suspend'
  | 'quit';

export interface KeyRow {
  readonly keys: readonly string[];
  readonly action: ActionName;
  /** Shown in the footer where it fits; empty keeps it out. */
  readonly hint: string;
  readonly sentence: string;
  /** Tabs where it has an effect; absent: everywhere. */
  readonly tabs?: readonly TabId[];
}

const tabRows: readonly KeyRow[] = TABS.map((tab) => ({
  keys: [tab.key],
  action: `tab-${tab.id}`,
  hint: '',
  sentence: `open ${tab.title}`,
}));

export const KEYMAP: readonly KeyRow[] = [
  ...tabRows,
  { keys: ['tab'], action: 'next-tab', hint: 'next', sentence: 'next tab' },
  { keys: ['S-tab'], action: 'previous-tab', hint: '', sentence: 'previous tab' },
  { keys: ['up', 'k'], action: 'up', hint: '', sentence: 'up' },
  { keys: ['down', 'j'], action: 'down', hint: '', sentence: 'down' },
  {
    keys: ['left', 'h'],
    action: 'left',
    hint: '',
    sentence: 'left: the panel or peer before',
    tabs: ['overview', 'ring'],
  },
  {
    keys: ['right', 'l'],
    action: 'right',
    hint: '',
    sentence: 'right: the panel or peer after',
    tabs: ['overview', 'ring'],
  },
  { keys: ['pageup', 'C-u'], action: 'page-up', hint: '', sentence: 'a page up' },
  { keys: ['pagedown', 'C-d'], action: 'page-down', hint: '', sentence: 'a page down' },
  { keys: ['home'], action: 'first', hint: '', sentence: 'to the first line' },
  { keys: ['end'], action: 'last', hint: '', sentence: 'to the last line' },
  {
    keys: ['enter'],
    action: 'enter',
    hint: 'open',
    sentence: "on Overview: open the selected panel's tab; on Peers: details; on Ring: the peer; on Config: change",
    tabs: ['overview', 'peers', 'ring', 'config'],
  },
  { keys: ['escape'], action: 'back', hint: '', sentence: 'back: close details, help, explanation or filter' },
  {
    keys: ['/'],
    action: 'filter',
    hint: 'filter',
    sentence: 'show only the rows that contain a text',
    tabs: ['peers', 'log', 'config'],
  },
  {
    keys: ['l'],
    action: 'lost',
    hint: 'lost',
    sentence: 'peers that were lost: who, when, for how long, how often',
    tabs: ['peers'],
  },
  {
    keys: ['i'],
    action: 'invite',
    hint: 'invite',
    sentence: "copy this node's descriptor: whoever puts it into network.seeds joins through it",
    tabs: ['peers'],
  },
  { keys: ['L'], action: 'layout', hint: 'layout', sentence: 'ring, logarithm or strip', tabs: ['ring'] },
  { keys: ['s'], action: 'sort', hint: 'sort', sentence: 'sort by the next column', tabs: ['peers'] },
  { keys: ['S'], action: 'reverse', hint: 'reverse', sentence: 'reverse the order', tabs: ['peers'] },
  {
    keys: ['p'],
    action: 'publish',
    hint: 'publish',
    sentence: 'publish a file',
    tabs: ['overview', 'transfers'],
  },
  { keys: ['g'], action: 'fetch', hint: 'get', sentence: 'fetch a key', tabs: ['overview', 'transfers'] },
  { keys: ['K'], action: 'cancel', hint: 'cancel', sentence: 'cancel the selected transfer', tabs: ['transfers'] },
  {
    keys: ['y'],
    action: 'copy',
    hint: 'copy',
    sentence: 'copy the key of the selected transfer, without showing it',
    tabs: ['transfers'],
  },
  {
    keys: ['R'],
    action: 'resize',
    hint: 'resize',
    sentence: 'another size of the store; it says first what that gives up',
    tabs: ['store'],
  },
  { keys: ['V'], action: 'verify', hint: 'verify', sentence: 'check every block of the store', tabs: ['store'] },
  { keys: [':'], action: 'command', hint: 'command', sentence: 'a command line; Tab completes' },
  {
    keys: ['['],
    action: 'shorter',
    hint: '',
    sentence: 'a shorter window: 1m 10m 1h 24h 7d',
    tabs: ['overview', 'routing', 'store'],
  },
  {
    keys: [']'],
    action: 'longer',
    hint: '',
    sentence: 'a longer window: 1m 10m 1h 24h 7d',
    tabs: ['overview', 'routing', 'store'],
  },
  { keys: ['x'], action: 'reveal', hint: '', sentence: 'show keys and addresses for a minute, or hide them again' },
  {
    keys: ['e'],
    action: 'explain',
    hint: 'explain',
    sentence: 'explain every number of this screen: meaning, window, what is normal, what to do',
  },
  { keys: ['space'], action: 'pause', hint: 'pause', sentence: 'hold the picture still, or let it go on' },
  { keys: ['+'], action: 'faster', hint: '', sentence: 'refresh more often (0.2 s at the least)' },
  { keys: ['-'], action: 'slower', hint: '', sentence: 'refresh less often (10 s at the most)' },
  { keys: ['r'], action: 'reconnect', hint: '', sentence: 'connect to the daemon again, now' },
  { keys: ['m'], action: 'mouse', hint: '', sentence: 'mouse on or off (off: the terminal selects text)' },
  { keys: ['C-l'], action: 'redraw', hint: '', sentence: 'draw the whole screen anew' },
  { keys: ['C-z'], action: 'suspend', hint: '', sentence: 'suspend; fg comes back' },
  { keys: ['?'], action: 'help', hint: 'help', sentence: 'this help' },
  { keys: ['q', 'C-c'], action: 'quit', hint: 'quit', sentence: 'leave the dashboard; the daemon goes on' },
];

/** What a key does on a tab; undefined when it does nothing there. */
export function rowOfKey(key: string, tab: TabId): KeyRow | undefined {
  return rowsOfTab(tab).find((row) => row.keys.includes(key));
}

export function rowsOfTab(tab: TabId): readonly KeyRow[] {
  return KEYMAP.filter((row) => row.tabs === undefined || row.tabs.includes(tab));
}

/** How the key is written for a person. */
export function keyLabel(key: string): string {
  return key.replace(/^S-tab$/, 'S-Tab').replace(/^tab$/, 'Tab');
}
