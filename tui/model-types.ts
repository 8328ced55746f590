/**
 * The types of the dashboard's state machine: what it knows, what it is told, what it wants done.
 * @module
 */
import type { ConfigDocument } from '../config/document.ts';
import type { Status, WindowName } from '../daemon/api/schema.ts';
import type { BlockMapDocument, BusyKeysDocument, RouteDocument } from '../daemon/api/schema-owner.ts';
import type { FetchWish, PublishWish } from './commands.ts';
import type { ActionName, KeyRow, TabId } from './keymap.ts';
import type { PeerColumn } from './lists.ts';
import type { PeerRates } from './peer-rates.ts';

export type Connection =
  | { readonly type: 'connecting' }
  | { readonly type: 'live' }
  | {
      readonly type: 'lost';
      readonly sinceMs: number;
      readonly cause: string;
      readonly next: string;
      readonly retryAtMs: number;
    };

export type Overlay =
  | { readonly type: 'help' | 'explain'; readonly search: string; readonly index: number }
  /** What a command of the shell printed. */
  | {
      readonly type: 'output';
      readonly title: string;
      readonly lines: readonly string[];
      readonly search: string;
      readonly index: number;
    };

/** What only the open tab needs, and only while it is open. */
export type Look =
  | { readonly type: 'map'; readonly id: string }
  | { readonly type: 'busy' }
  | { readonly type: 'route' };

export type RingLayout = 'ring' | 'log' | 'strip';

/** What the daemon or the disk is asked for on behalf of the person; answered by a ModelEvent. */
export type Request =
  | PublishWish
  | FetchWish
  | { readonly type: 'cancel'; readonly id: string; readonly alias: string; readonly isQueued: boolean }
  | {
      readonly type: 'queue';
      readonly change: 'pause' | 'resume' | 'retry';
      readonly id: string;
      readonly alias: string;
    }
  | { readonly type: 'priority'; readonly id: string; readonly alias: string; readonly priority: number }
  | { readonly type: 'ban'; readonly alias: string; readonly forMs: number }
  | { readonly type: 'add-peer'; readonly text: string }
  | { readonly type: 'invite'; readonly lifeMs: number }
  | { readonly type: 'count-keys'; readonly on: boolean }
  | { readonly type: 'trace'; readonly uri: string | null }
  | { readonly type: 'shell'; readonly words: readonly string[] }
  | { readonly type: 'copy'; readonly id: string; readonly alias: string; readonly toFile: boolean }
  | { readonly type: 'reveal'; readonly ids: readonly string[] }
  | { readonly type: 'find-path'; readonly text: string; readonly path: string }
  /** Asks what it would give up; the answer is a question. */
  | { readonly type: 'plan-resize'; readonly sizeBytes: number }
  | { readonly type: 'resize'; readonly sizeBytes: number }
  | { readonly type: 'set'; readonly key: string; readonly value: string }
  | { readonly type: 'config' | 'self' | 'verify' | 'stop' };

/** At the bottom of the screen: a command being typed, or a question before something changes. */
export type Prompt =
  | { readonly type: 'command'; readonly text: string; readonly choices: readonly string[]; readonly fault: string }
  | { readonly type: 'confirm'; readonly question: string; readonly wanted: Request };

export interface Revealed {
  readonly untilMs: number;
  /** By transfer id. */
  readonly uris: ReadonlyMap<string, string>;
}

export interface Model {
  readonly readOnly: boolean;
  readonly strip: string;
  readonly nowMs: number;
  /** Of this machine's clock, east of UTC. */
  readonly offsetMinutes: number;
  readonly width: number;
  readonly height: number;
  readonly refreshMs: number;
  readonly mouse: boolean;
  readonly connection: Connection;
  /** The newest. */
  readonly status: Status | undefined;
  /** The one on show while paused. */
  readonly held: Status | undefined;
  readonly receivedAtMs: number;
  readonly notice: { readonly text: string; readonly untilMs: number } | undefined;
  readonly tab: TabId;
  readonly panel: number;
  readonly overlay: Overlay | undefined;
  /** While a filter is being typed. */
  readonly typing: boolean;
  readonly filter: string;
  readonly sort: { readonly column: PeerColumn; readonly descending: boolean };
  readonly selectedPeer: string | undefined;
  readonly selectedTransfer: string | undefined;
  readonly lostShown: boolean;
  readonly ringLayout: RingLayout;
  /** On the ring: places of peers' peers, and lines by traffic. */
  readonly beyondShown: boolean;
  readonly byTraffic: boolean;
  readonly keymap: readonly KeyRow[];
  readonly map: BlockMapDocument | undefined;
  readonly busy: BusyKeysDocument | undefined;
  readonly route: RouteDocument | undefined;
  readonly window: WindowName;
  readonly peerRates: PeerRates | undefined;
  readonly prompt: Prompt | undefined;
  readonly revealed: Revealed | undefined;
  readonly config: ConfigDocument | undefined;
  readonly configFailure: string;
  readonly details: boolean;
  /** First line on show, for tabs that scroll as a whole. */
  readonly scroll: number;
}

export type FeedEvent =
  | { readonly type: 'snapshot'; readonly status: Status }
  | { readonly type: 'delta'; readonly part: Partial<Status> }
  | { readonly type: 'lost'; readonly cause: string; readonly next: string; readonly retryAtMs: number };

export type ClickTarget =
  | { readonly type: 'action'; readonly action: ActionName }
  | { readonly type: 'peer' | 'transfer'; readonly alias: string }
  | { readonly type: 'column'; readonly column: PeerColumn }
  | { readonly type: 'panel'; readonly index: number }
  | { readonly type: 'line'; readonly index: number };

export type ModelEvent =
  | { readonly type: 'feed'; readonly event: FeedEvent; readonly nowMs: number }
  /** `key` as the terminal names it; `text` what it would write, if anything. */
  | { readonly type: 'key'; readonly key: string; readonly text?: string; readonly nowMs: number }
  | { readonly type: 'click'; readonly target: ClickTarget; readonly twice: boolean; readonly nowMs: number }
  | { readonly type: 'resize'; readonly width: number; readonly height: number; readonly nowMs: number }
  | { readonly type: 'tick'; readonly nowMs: number }
  /** Answers to requests. */
  | { readonly type: 'told'; readonly text: string; readonly nowMs: number }
  | { readonly type: 'asked'; readonly question: string; readonly wanted: Request; readonly nowMs: number }
  | {
      readonly type: 'config';
      readonly document: ConfigDocument | undefined;
      readonly fault: string;
      readonly nowMs: number;
    }
  | {
      readonly type: 'seen';
      readonly map?: BlockMapDocument;
      readonly busy?: BusyKeysDocument;
      readonly route?: RouteDocument;
      readonly nowMs: number;
    }
  | { readonly type: 'output'; readonly title: string; readonly lines: readonly string[]; readonly nowMs: number }
  | { readonly type: 'revealed'; readonly uris: ReadonlyMap<string, string>; readonly nowMs: number }
  | {
      readonly type: 'found-path';
      readonly before: string;
      readonly text: string;
      readonly choices: readonly string[];
      readonly nowMs: number;
    };

export type Effect = 'quit' | 'redraw' | 'suspend' | 'reconnect' | 'refresh' | 'mouse' | Request;
export type Step = readonly [Model, readonly Effect[]];
