/**
 * The dashboard's line to the daemon: subscribes, and subscribes again for ever when the line breaks.
 *
 * Shape   GET /v1/events?refreshMs=N&window=W -> FeedEvents. `retry` goes at once, `setRefresh` subscribes anew, `close` ends it.
 * Unit    back-off 0.5 s doubling to 5 s; a stream that is silent for 3 refreshes (5 s at the least) counts as broken.
 * Errors  none escape: every failure is a `lost` event with cause and next step.
 * Why     a daemon that hangs keeps its socket open: only silence tells. A status of another version is refused by name
 *         instead of being drawn half.
 * Source  ux §§ 1.1, 1.4.
 * @module
 */
import type { Status, WindowName } from '../daemon/api/schema.ts';
import { API_VERSION } from '../daemon/api/schema.ts';
import { createApiClient } from '../daemon/api/schema-client.ts';
import { LocalError, USER_ERRORS } from '../daemon/errors.ts';
import type { FeedEvent } from './model.ts';

export const BACKOFF_MIN_MS = 500;
export const BACKOFF_MAX_MS = 5_000;
const SILENCE_MIN_MS = 5_000;
const MEMBERS = [
  'verdict',
  'node',
  'peers',
  'traffic',
  'history',
  'requests',
  'store',
  'circuits',
  'transfers',
  'log',
] as const;

export interface ControlClient {
  retry(): void;
  setRefresh(refreshMs: number, window: WindowName): void;
  close(): void;
}

export function createControlClient(options: {
  readonly socketPath: string;
  readonly refreshMs: number;
  readonly onEvent: (event: FeedEvent) => void;
}): ControlClient {
  const api = createApiClient(options.socketPath);
  let refreshMs = options.refreshMs;
  let window: WindowName = '1m';
  let backoffMs = BACKOFF_MIN_MS;
  let run = new AbortController();
  let waiting: NodeJS.Timeout | undefined;
  let closed = false;

  async function subscribe(): Promise<void> {
    clearTimeout(waiting);
    run.abort();
    const mine = new AbortController();
    run = mine;
    const silence = watchSilence(mine, refreshMs);
    let failure: unknown = new LocalError('daemon_unreachable', 'it ended the stream');
    try {
      for await (const { event, data } of api.events(
        `/v1/events?refreshMs=${refreshMs}&window=${window}`,
        mine.signal,
      )) {
        if (mine !== run || closed) return;
        silence.heard();
        if (event === 'snapshot') options.onEvent({ type: 'snapshot', status: checked(JSON.parse(data)) });
        if (event === 'delta') options.onEvent({ type: 'delta', part: JSON.parse(data) as Partial<Status> });
        backoffMs = BACKOFF_MIN_MS;
      }
    } catch (error) {
      failure = error;
    } finally {
      silence.stop();
    }
    if (closed || mine !== run) return; // replaced: whoever replaced it speaks now
    mine.abort();
    waiting = setTimeout(() => void subscribe(), backoffMs);
    options.onEvent({ type: 'lost', ...explained(failure), retryAtMs: Date.now() + backoffMs });
    backoffMs = Math.min(BACKOFF_MAX_MS, backoffMs * 2);
  }

  void subscribe();
  return {
    retry() {
      backoffMs = BACKOFF_MIN_MS;
      if (!closed) void subscribe();
    },
    setRefresh(ms, wanted) {
      refreshMs = ms;
      window = wanted;
      if (!closed) void subscribe();
    },
    close() {
      closed = true;
      clearTimeout(waiting);
      run.abort();
    },
  };
}

function watchSilence(run: AbortController, refreshMs: number): { heard(): void; stop(): void } {
  const limitMs = Math.max(SILENCE_MIN_MS, refreshMs * 3);
  const give = (): void =>
    run.abort(new LocalError('daemon_unreachable', `silent for ${Math.round(limitMs / 1_000)} s`));
  let timer = setTimeout(give, limitMs);
  return {
    heard() {
      clearTimeout(timer);
      timer = setTimeout(give, limitMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** A status that every view can draw; anything else is another program's, or another version's. */
function checked(value: unknown): Status {
  const status = value as Partial<Status> | null;
  if (status?.v !== API_VERSION || MEMBERS.some((name) => typeof status[name] !== 'object')) {
    throw new LocalError('usage', 'this daemon speaks another version of the control API');
  }
  return status as Status;
}

function explained(failure: unknown): { readonly cause: string; readonly next: string } {
  if (failure instanceof LocalError && failure.code === 'usage') {
    return { cause: failure.detail ?? failure.message, next: 'use the same version of holloway for both' };
  }
  if (failure instanceof LocalError) {
    const { what, next } = USER_ERRORS[failure.code];
    return { cause: failure.detail === undefined ? what : `${what}: ${failure.detail}`, next };
  }
  return { cause: 'the daemon sent something that is not a status', next: 'use the same version of holloway for both' };
}
