/**
 * Turns of circuits on a slow link, and the rule when memory runs out; ids and caps of the circuit table.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { CELL_LARGE_BYTES, CIRCUITS_PER_LINK_MAX, LINK_QUEUE_BYTES_MAX } from '../../../daemon/limits.ts';
import { COMMAND, DIALLER_BIT, newCell, readCircuitId } from '../../../daemon/onion/cell.ts';
import { createCellScheduler } from '../../../daemon/onion/cell-scheduler.ts';
import { createCircuitTable } from '../../../daemon/onion/circuit-table.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testLink } from './units.ts';

const endpoint = { cell: () => {}, cut: () => {} };

function cellOf(circuitId: number, mark: number, size: 'small' | 'large' = 'small'): Uint8Array {
  const cell = newCell(size, circuitId, COMMAND.relay);
  cell[8] = mark;
  return cell;
}

test('scheduler: straight through while the link takes cells; then circuits take turns, each in its order', (t) => {
  const link = testLink(1);
  const scheduler = createCellScheduler(createManualClock(), () => t.fail());
  link.takes = false;
  scheduler.send(link, cellOf(1, 0));
  for (const [circuitId, mark] of [
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 1],
    [2, 2],
    [3, 1],
  ] as const)
    scheduler.send(link, cellOf(circuitId, mark));
  t.is(link.sent.length, 1, 'the rest waits');
  scheduler.drained(link);
  t.is(link.sent.length, 2, 'one cell, and the link holds back again');
  link.takes = true;
  scheduler.drained(link);
  t.deepEqual(
    link.sent.map((cell) => [readCircuitId(cell), cell[8]]),
    [
      [1, 0],
      [1, 1],
      [2, 1],
      [3, 1],
      [1, 2],
      [2, 2],
      [1, 3],
    ],
  );
});

test('scheduler: order within a circuit holds for any mix of sends and drains', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean(), fc.boolean()), { maxLength: 60 }), (steps) => {
      const link = testLink(1);
      const scheduler = createCellScheduler(createManualClock(), () => {});
      const next = [0, 0, 0, 0];
      for (const [circuitId, takes, drains] of steps) {
        link.takes = takes;
        if (drains) scheduler.drained(link);
        scheduler.send(link, cellOf(circuitId, next[circuitId]!++));
      }
      link.takes = true;
      scheduler.drained(link);
      for (let id = 0; id < 4; id++) {
        const marks = link.sent.filter((cell) => readCircuitId(cell) === id).map((cell) => cell[8]);
        t.deepEqual(marks, [...Array(next[id]).keys()]);
      }
    }),
  );
});

test('scheduler: past LINK_QUEUE_BYTES_MAX the circuit that waited longest is cut whole, not a cell of anyone', async (t) => {
  const link = testLink(1);
  const clock = createManualClock();
  const cut: number[] = [];
  const scheduler = createCellScheduler(clock, (_link, circuitId) => cut.push(circuitId));
  link.takes = false;
  scheduler.send(link, cellOf(9, 0));
  scheduler.send(link, cellOf(5, 0, 'large'));
  await clock.advance(1);
  const room = Math.floor(LINK_QUEUE_BYTES_MAX / CELL_LARGE_BYTES);
  for (let i = 1; i < room; i++) scheduler.send(link, cellOf(6, i & 0xff, 'large'));
  t.deepEqual(cut, [], 'at the cap');
  scheduler.send(link, cellOf(6, 0, 'large'));
  t.deepEqual(cut, [5]);
  link.takes = true;
  scheduler.drained(link);
  t.is(link.sent.filter((cell) => readCircuitId(cell) === 5).length, 0);
  t.is(link.sent.filter((cell) => readCircuitId(cell) === 6).length, room, 'none of the other is missing');
});

test('scheduler: DESTROY drops what waits and overtakes; forget and a closed link drop too', (t) => {
  const link = testLink(1);
  const scheduler = createCellScheduler(createManualClock(), () => {});
  link.takes = false;
  scheduler.send(link, cellOf(1, 0));
  scheduler.send(link, cellOf(1, 1));
  scheduler.send(link, cellOf(2, 1));
  scheduler.send(link, cellOf(3, 1));
  scheduler.sendLast(link, newCell('small', 1, COMMAND.destroy));
  t.is(link.sent.at(-1)![4], COMMAND.destroy);
  scheduler.forget(link, 2);
  link.takes = true;
  scheduler.drained(link);
  t.deepEqual(link.sent.map(readCircuitId), [1, 1, 3]);
  link.takes = false;
  scheduler.send(link, cellOf(4, 0));
  scheduler.send(link, cellOf(4, 1));
  scheduler.closeLink(link);
  link.isOpen = false;
  scheduler.send(link, cellOf(4, 2));
  scheduler.drained(link);
  t.is(link.sent.length, 4);
});

test('table: ids of the dialling end have the top bit, those of the other end have not', (t) => {
  const table = createCircuitTable(createSeededRandom(1));
  const dialled = testLink(1, true);
  const accepted = testLink(2, false);
  for (let i = 0; i < 20; i++) {
    t.true(table.draw(dialled, endpoint)! >= DIALLER_BIT);
    t.true(table.draw(accepted, endpoint)! < DIALLER_BIT);
  }
  t.false(table.accept(dialled, DIALLER_BIT + 1, endpoint), 'ours to draw');
  t.true(table.accept(dialled, 1, endpoint));
  t.false(table.accept(dialled, 1, endpoint), 'taken');
  t.false(table.accept(accepted, 1, endpoint));
  t.is(table.find(dialled, 1), endpoint);
  table.remove(dialled, 1);
  t.is(table.find(dialled, 1), undefined);
  t.true(table.accept(dialled, 1, endpoint));
});

test('table: CIRCUITS_PER_LINK_MAX for either side, counted apart, and per link', (t) => {
  const table = createCircuitTable(createSeededRandom(2));
  const link = testLink(1, true);
  for (let i = 0; i < CIRCUITS_PER_LINK_MAX; i++) t.true(table.accept(link, i, endpoint));
  t.false(table.accept(link, CIRCUITS_PER_LINK_MAX, endpoint));
  for (let i = 0; i < CIRCUITS_PER_LINK_MAX; i++) t.not(table.draw(link, endpoint), undefined);
  t.is(table.draw(link, endpoint), undefined);
  t.not(table.draw(testLink(2), endpoint), undefined);
  table.remove(link, 0);
  t.true(table.accept(link, CIRCUITS_PER_LINK_MAX, endpoint));
  let cuts = 0;
  const other = testLink(3);
  table.draw(other, { cell: () => {}, cut: () => cuts++ });
  table.closeLink(other);
  table.closeLink(other);
  t.is(cuts, 1);
});
