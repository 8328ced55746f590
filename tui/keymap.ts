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
  | 'halt'
  | 'retry'
  | 'earlier'
  | 'later'
  | 'drop'
  | 'ban'
  | 'add-peer'
  | 'beyond'
  | 'weights'
  | 'trace'
  | 'busy'
  | 'unset'
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
    sentence: 'copy an invite to this network, good for 24 h: whoever runs holloway peer join with it comes in',
    tabs: ['peers'],
  },
  {
    keys: ['a'],
    action: 'add-peer',
    hint: 'add',
    sentence: 'dial a node: paste its invite or descriptor',
    tabs: ['peers'],
  },
  {
    keys: ['D'],
    action: 'drop',
    hint: 'Drop',
    sentence: 'drop the selected peer: it may come back after a minute',
    tabs: ['peers'],
  },
  {
    keys: ['B'],
    action: 'ban',
    hint: 'Ban',
    sentence: 'ban the selected peer for an hour (other times: :peer ban ALIAS 2d)',
    tabs: ['peers'],
  },
  { keys: ['L'], action: 'layout', hint: 'layout', sentence: 'ring, logarithm or strip', tabs: ['ring'] },
  {
    keys: ['F'],
    action: 'beyond',
    hint: "peers' peers",
    sentence: 'show where the peers of our peers are, as those claim',
    tabs: ['ring'],
  },
  {
    keys: ['t'],
    action: 'weights',
    hint: 'traffic',
    sentence: 'draw the lines by traffic: the busiest links are the densest',
    tabs: ['ring'],
  },
  {
    keys: ['T'],
    action: 'trace',
    hint: 'trace',
    sentence: 'trace one key: where this node would send it, and what happens to requests for it here',
    tabs: ['routing'],
  },
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
  {
    keys: ['space'],
    action: 'halt',
    hint: 'pause/resume',
    sentence: 'pause the selected transfer, or let it go on',
    tabs: ['transfers'],
  },
  {
    keys: ['K'],
    action: 'cancel',
    hint: 'cancel',
    sentence: 'cancel the selected transfer; of one that has ended: take it off the list',
    tabs: ['transfers'],
  },
  {
    keys: ['R'],
    action: 'retry',
    hint: 'retry',
    sentence: 'begin a failed or waiting transfer now',
    tabs: ['transfers'],
  },
  { keys: ['<'], action: 'earlier', hint: '', sentence: 'serve the selected transfer earlier', tabs: ['transfers'] },
  { keys: ['>'], action: 'later', hint: '', sentence: 'serve the selected transfer later', tabs: ['transfers'] },
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
  {
    keys: ['K'],
    action: 'busy',
    hint: 'busy keys',
    sentence: 'count which blocks peers ask for most, in memory; again: stop, and forget them',
    tabs: ['store'],
  },
  {
    keys: ['u'],
    action: 'unset',
    hint: 'unset',
    sentence: 'the selected setting back to its default',
    tabs: ['config'],
  },
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
  {
    keys: ['space'],
    action: 'pause',
    hint: 'pause',
    sentence: 'hold the picture still, or let it go on',
    tabs: TABS.map(({ id }) => id).filter((id) => id !== 'transfers'),
  },
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
export function rowOfKey(key: string, tab: TabId, keymap: readonly KeyRow[] = KEYMAP): KeyRow | undefined {
  return rowsOfTab(tab, keymap).find((row) => row.keys.includes(key));
}

export function rowsOfTab(tab: TabId, keymap: readonly KeyRow[] = KEYMAP): readonly KeyRow[] {
  return keymap.filter((row) => row.tabs === undefined || row.tabs.includes(tab));
}

/** How the key is written for a person. */
export function keyLabel(key: string): string {
  return key.replace(/^S-tab$/, 'S-Tab').replace(/^tab$/, 'Tab');
}

/** C-c must always lead out. */
const KEPT_KEYS: readonly string[] = ['C-c'];

/**
 * The table with other keys, as `tui.keys` says: entries ACTION=KEY, where KEY is as `holloway top --keys` prints it.
 * A key that is given to one action is taken from the others of the same tabs.
 * @returns a sentence when an entry cannot be followed
 */
export function remapped(entries: readonly string[]): readonly KeyRow[] | string {
  let rows: readonly KeyRow[] = KEYMAP;
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    const [action, key] = [entry.slice(0, equals), entry.slice(equals + 1)];
    const row = rows.find((one) => one.action === action);
    if (equals <= 0 || row === undefined)
      return `tui.keys: no action is called "${action}"; holloway top --keys lists them`;
    if (!/^(?:[!-~]|(?:C|S|M)-[!-~]|[a-z]{2,9}|f\d{1,2})$/.test(key))
      return `tui.keys: "${key}" is no key; such as P, C-p or f5`;
    if (KEPT_KEYS.includes(key)) return `tui.keys: ${key} always leaves the dashboard`;
    rows = rows.map((one) => {
      if (one === row) return { ...one, keys: [key, ...one.keys.filter((old) => KEPT_KEYS.includes(old))] };
      const meets = one.tabs === undefined || row.tabs === undefined || one.tabs.some((tab) => row.tabs!.includes(tab));
      return meets && one.keys.includes(key) ? { ...one, keys: one.keys.filter((old) => old !== key) } : one;
    });
  }
  const lost = rows.find(({ keys, action }) => keys.length === 0 && (action === 'help' || action === 'quit'));
  return lost === undefined ? rows : `tui.keys: ${lost.action} must keep a key`;
}

/** The map as lines of text. */
export function keyLines(rows: readonly KeyRow[]): readonly string[] {
  const width = Math.max(...rows.map(({ action }) => action.length));
  return rows.map(({ keys, action, sentence, tabs }) => {
    const where = tabs === undefined || tabs.length > 5 ? '' : ` (${tabs.join(', ')})`;
    return `${keys.map(keyLabel).join(' ').padEnd(14)} ${action.padEnd(width)}  ${sentence}${where}`;
  });
}
