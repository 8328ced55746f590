/**
 * The onion layer: circuits of our own through one guard, and circuits of others through us.
 *
 * Shape   cells come in by (link, circuit id) and go to the machine that owns that end; nothing else is shared between the two sides.
 * Errors  a cell of a wrong shape closes its link; everything wrong inside a circuit destroys that circuit alone, without a reason.
 * Why     what we want leaves through a guard, so our own node is never a relay of our own circuits and its router never hears of it.
 * Source  design §§ 1, 4, 10.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { Link } from '../link/link-types.ts';
import { createBuildBudget } from './build-budget.ts';
import { COMMAND, readCell } from './cell.ts';
import { createCellScheduler } from './cell-scheduler.ts';
import { createCircuitBuilder } from './circuit-builder.ts';
import { createCircuitPool } from './circuit-pool.ts';
import { createCircuitTable } from './circuit-table.ts';
import { type Document, openDocument } from './document.ts';
import { createGuards, GUARD_TABLE } from './guard.ts';
import { createGuardLooks } from './guard-looks.ts';
import { type OnionDeps, type OnionOptions, type OnionParts, sendDestroy } from './onion-parts.ts';
import type { CircuitInfo, CircuitSource, OnionSnapshot } from './onion-types.ts';
import { createPacing } from './pacing.ts';
import { usableRelays } from './path.ts';
import { createRelaySide } from './relay.ts';
import { createRelayUptime } from './relay-uptime.ts';
import { createSealedRows } from './sealed-rows.ts';

export type { OnionDeps, OnionOptions } from './onion-parts.ts';

/** On one's own machine a dead guard is dead; on the open net it may be a reboot, or somebody who wants us to change. */
const GUARD_PATIENCE_PRIVATE_MS = 2_000;
/** There dead relays are many at once, and killed for show. */
const REFILL_PRIVATE_MS = 250;
/** Half an hour cost a user 6 guards a year among relays that are up 96 % of the time, six hours 2 (experiment `guards`). */
export const GUARD_PATIENCE_MS = 21_600_000;

const SAMPLE_TABLE = 'guard-sample';

export interface Onion extends CircuitSource {
  /** Any bytes at all may come here. */
  handleCell(link: Link, cell: Uint8Array): void;
  linkClosed(link: Link): void;
  linkDrained(link: Link): void;
  /** The link did not take that cell, because its queue is full. */
  linkOverflowed(link: Link, cell: Uint8Array): void;
  /** Cells for a tick of the link's fixed pattern. */
  fillSlot(link: Link, room: number): Uint8Array[];
  /** Circuits run over it, or it is our guard's: not to be closed as idle. */
  isLinkInUse(link: Link): boolean;
  start(): void;
  stop(): void;
  snapshot(): OnionSnapshot;
}

export function createOnion(deps: OnionDeps, options: OnionOptions): Onion {
  const { clock, random } = deps;
  const table = createCircuitTable(random.fork('circuit ids'));
  const scheduler = createCellScheduler(clock, cutForMemory);
  const parts: OnionParts = { deps, options, table, scheduler };
  const relaySide = createRelaySide(parts);
  const patienceMs =
    options.guardPatienceMs ?? (options.allowPrivateAddresses ? GUARD_PATIENCE_PRIVATE_MS : GUARD_PATIENCE_MS);
  const guardRandom = random.fork('guard');
  const sealing = { crypto: deps.crypto, records: deps.records, log: deps.log, random: guardRandom };
  const uptime = createRelayUptime(createSealedRows(sealing, SAMPLE_TABLE, options.stateKey), options, guardRandom);
  const looks = createGuardLooks({ clock, links: deps.links, prober: deps.prober }, uptime, () =>
    usableRelays(deps.relays.relays(), options),
  );
  const guards = createGuards({ ...deps, random: guardRandom }, options, patienceMs, {
    rows: createSealedRows(sealing, GUARD_TABLE, options.stateKey),
    uptime,
    looks,
  });
  const pacing = createPacing(clock, random.fork('pacing'), guardLink);
  const building = { ...parts, deps: { ...deps, random: random.fork('path') } };
  const budget = createBuildBudget(options.allowPrivateAddresses ? REFILL_PRIVATE_MS : undefined);
  const builder = createCircuitBuilder(building, guards, budget, (link) => pacing.keep(link));
  const pool = createCircuitPool(clock, random.fork('pool'), builder, options.circuitsReady);
  const documents = new Set<Document>();
  const dealing = { ...parts, deps: { ...deps, random: random.fork('dealing') } };
  let running = false;

  function guardLink(): Link | undefined {
    const key = guards.currentKey;
    return key === undefined ? undefined : deps.links.all().find((link) => link.isOpen && link.peerKey === key);
  }

  function cutForMemory(link: Link, circuitId: number): void {
    const endpoint = table.find(link, circuitId);
    if (endpoint === undefined) return;
    table.remove(link, circuitId);
    sendDestroy(parts, link, circuitId);
    endpoint.cut();
    deps.log.write('warn', 'onion', 'a link is too slow for its circuits: the one that waited longest was closed');
  }

  return {
    handleCell(link, bytes) {
      if (!running) return;
      const cell = readCell(bytes);
      if (cell === undefined) return link.close('ERR_MALFORMED');
      const endpoint = table.find(link, cell.circuitId);
      if (cell.command === COMMAND.destroy) {
        table.remove(link, cell.circuitId);
        scheduler.forget(link, cell.circuitId);
        endpoint?.cut();
      } else if (endpoint !== undefined) {
        endpoint.cell(cell);
      } else if (cell.command === COMMAND.create) {
        relaySide.create(link, cell);
      }
      // Anything else was under way when its circuit ended.
    },
    linkClosed(link) {
      scheduler.closeLink(link);
      table.closeLink(link);
    },
    linkDrained: (link) => scheduler.drained(link),
    linkOverflowed: (link, cell) => scheduler.overflow(link, cell),
    fillSlot: (link, room) => scheduler.fill(link, room),
    isLinkInUse: (link) => table.hasCircuits(link) || link.peerKey === guards.currentKey,

    async open(wished, signal) {
      signal?.throwIfAborted();
      if (!running) throw new LocalError('offline');
      const letGo = wished.trafficClass === 'strong' ? pacing.hold() : undefined;
      const document = openDocument(dealing, builder, pool, wished, () => {
        documents.delete(document);
        letGo?.();
      });
      documents.add(document);
      const close = (): void => document.close();
      signal?.addEventListener('abort', close, { once: true });
      try {
        await document.opened;
      } catch (error) {
        document.close();
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener('abort', close);
      }
      signal?.throwIfAborted();
      return document;
    },

    start() {
      if (running) return;
      running = true;
      pool.start();
    },
    stop() {
      if (!running) return;
      for (const document of [...documents]) document.close();
      pool.stop();
      builder.stop();
      pacing.stop();
      looks.stop();
      relaySide.stop();
      running = false;
    },
    snapshot,
  };

  function snapshot(): OnionSnapshot {
    const nowMs = clock.nowMs();
    const use = (circuit: Parameters<typeof pool.isReady>[0]): CircuitInfo['use'] =>
      circuit.state === 'building' ? 'building' : pool.isReady(circuit) ? 'ready' : 'document';
    return {
      circuits: [...builder.circuits].map((circuit) => ({
        alias: circuit.alias,
        use: use(circuit),
        hops: circuit.hops,
        ageMs: nowMs - circuit.createdAtMs,
        cellsIn: circuit.cellsIn,
        cellsOut: circuit.cellsOut,
        buildMs: circuit.buildMs,
      })),
      ready: pool.ready,
      building: builder.building,
      built: builder.built,
      buildFailures: builder.failures,
      relayed: relaySide.byPosition,
      cellsRelayed: relaySide.cellsRelayed,
      usableRelays: usableRelays(deps.relays.relays(), options).length,
      guardSinceMs: guards.sinceMs,
      guardUp: guardLink() !== undefined,
    };
  }
}
