/**
 * Circuits: our own onion paths, how often building one fails, and what we relay for others.
 * @module
 */
import type { CircuitStatus, Status } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import { type Area, columns, stack } from '../cells.ts';
import { formatAge, formatCount } from '../format.ts';
import type { Model } from '../model.ts';
import { box, type Frame, facts, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';
import { circuitFacts, relayedFacts } from './overview.ts';

export const CIRCUITS_NUMBERS: readonly ShownNumber[] = [
  'circuits.ready',
  'circuits.building',
  'circuits.built',
  'circuits.buildFailures',
  'circuits.failedShare',
  'circuits.usableRelays',
  'circuits.relayedGuard',
  'circuits.relayedMiddle',
  'circuits.relayedExit',
  'circuits.cellsRelayed',
  'circuits.list[].hops',
  'circuits.list[].ageMs',
  'circuits.list[].cellsIn',
  'circuits.list[].cellsOut',
];

const COLUMNS: readonly Column<CircuitStatus>[] = [
  { title: 'Circuit', width: 8, priority: 1, text: (circuit) => circuit.alias },
  {
    title: 'Use',
    width: 9,
    priority: 2,
    text: (circuit) => circuit.use,
    role: (circuit) => (circuit.use === 'building' ? 'dim' : 'plain'),
  },
  { title: 'Hops', width: 4, right: true, priority: 4, text: (circuit) => String(circuit.hops) },
  { title: 'Age', width: 7, right: true, priority: 3, text: (circuit) => formatAge(circuit.ageMs) },
  { title: 'Cells in', width: 9, right: true, priority: 5, text: (circuit) => formatCount(circuit.cellsIn) },
  { title: 'Cells out', width: 9, right: true, priority: 6, text: (circuit) => formatCount(circuit.cellsOut) },
];

export function drawCircuits(frame: Frame, area: Area, model: Model, status: Status): void {
  const narrow = frame.layout === 'narrow';
  const [top, bottom] = stack(area, narrow ? 0 : 7, narrow ? area.height : 0) as [Area, Area];
  if (!narrow) {
    const [own, relayed] = columns(top, 1, 1) as [Area, Area];
    facts(frame, box(frame, own, 'Own circuits'), circuitFacts(status));
    facts(frame, box(frame, relayed, 'Relayed for others'), relayedFacts(status));
  }
  const { ready, building } = status.circuits;
  drawList(frame, box(frame, bottom, `Circuits: ${ready} ready, ${building} building`), model, status);
}

function drawList(frame: Frame, area: Area, model: Model, status: Status): void {
  const { list } = status.circuits;
  if (list.length > 0) {
    table(frame, area, COLUMNS, list, {
      first: model.scroll,
      ...(frame.layout === 'narrow' || frame.layout === 'card' ? { most: 3 } : {}),
    });
    return;
  }
  const text =
    'No circuits yet. They are built by themselves as soon as three relays are known; nothing of yours leaves without one.';
  for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
}

export function circuitsCard(frame: Frame, area: Area, model: Model, status: Status): void {
  drawList(frame, area, model, status);
}
