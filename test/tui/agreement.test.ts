import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { configDocument } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { startControlApi } from '../../daemon/api/control.ts';
import type { Status } from '../../daemon/api/schema.ts';
import { createApiClient } from '../../daemon/api/schema-client.ts';
import { createStatusSource } from '../../daemon/api/status.ts';
import { textOf } from '../../tui/cells.ts';
import { createControlClient } from '../../tui/control-client.ts';
import { draw } from '../../tui/draw.ts';
import { TABS } from '../../tui/keymap.ts';
import { createModel, type FeedEvent, type Model, step } from '../../tui/model.ts';
import { createFakeNode } from '../daemon/api/fake-node.ts';
import { createManualClock } from '../support/manual-clock.ts';

/** A busy node behind the real control API, in time that is moved by hand. */
async function withDaemon(
  act: (rig: {
    readonly socketPath: string;
    readonly node: ReturnType<typeof createFakeNode>;
    readonly clock: ReturnType<typeof createManualClock>;
  }) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-agree-'));
  const clock = createManualClock();
  const node = createFakeNode(() => clock.nowMs());
  const line = { atMs: 1_000, level: 'info', subsystem: 'node', text: 'a line', repeats: 1 } as const;
  const log = { lines: () => [line] };
  const status = createStatusSource({ node, clock, log, version: '0.1.0', pid: 7, memoryBytes: () => 5_000_000 });
  const config = configDocument(loadConfig({ flags: {}, env: {}, file: join(dir, 'none') }), '/etc/none');
  const socketPath = join(dir, 'api.sock');
  const sockets = { api: socketPath, readOnly: join(dir, 'ro.sock') };
  const api = await startControlApi({ node, clock, status, config, stop: () => {} }, sockets);
  try {
    await act({ socketPath, node, clock });
  } finally {
    status.stop();
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const modelAt = (width: number, height: number): Model =>
  createModel({ readOnly: false, refreshMs: 1_000, mouse: false, nowMs: 0, offsetMinutes: 0, width, height });
const fed = (model: Model, event: FeedEvent): Model => step(model, { type: 'feed', event, nowMs: 0 })[0];

test('dashboard: after any number of deltas every screen is what status --json of that second says', (t) =>
  withDaemon(async ({ socketPath, node, clock }) => {
    const api = createApiClient(socketPath);
    let model = modelAt(120, 40);
    let heard: (() => void) | undefined;
    const client = createControlClient({
      socketPath,
      refreshMs: 1_000,
      onEvent: (event) => {
        model = fed(model, event);
        heard?.();
      },
    });
    const event = (): Promise<void> => new Promise((resolve) => (heard = resolve));
    await event();
    node.client.fetch('CHK@nothing', { trafficClass: 'fast' });
    for (let second = 1; second <= 8; second++) {
      node.bytesIn += second * 40_000;
      node.writeFailures = second === 4 ? 2 : node.writeFailures;
      node.peersUp = second === 6 ? 2 : 3;
      const next = event();
      await clock.advance(1_000);
      await next;
      const asked = await api.get<Status>('/v1/status');
      t.deepEqual(model.status, asked, `second ${second}`);
      const fresh = { ...fed(modelAt(120, 40), { type: 'snapshot', status: asked }), peerRates: model.peerRates };
      for (const { id } of TABS) {
        const screen = (of: Model): string[] => draw({ ...of, tab: id }, 120, 40, { ascii: false }).map(textOf);
        t.deepEqual(screen(model), screen(fresh), `${id} in second ${second}`);
      }
    }
    t.true((model.status?.traffic.inBytesPerSec ?? 0) > 0);
    client.close();
  }));
