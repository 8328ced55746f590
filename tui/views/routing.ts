/**
 * Routing: how the requests that passed here ended, by hops to live and by time, and why some were refused.
 * @module
 */

import type { RequestStatus, Status } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { RouteDocument } from '../../daemon/api/schema-owner.ts';
import { type Area, columns, stack } from '../cells.ts';
import {
  counted,
  formatAge,
  formatCount,
  formatDistance,
  formatDuration,
  formatLocation,
  formatShare,
  padEnd,
  padStart,
} from '../format.ts';
import type { Model } from '../model.ts';
import { box, type Fact, type Frame, facts, wrap } from '../widgets/frame.ts';
import { histogram, timeClasses } from '../widgets/histogram.ts';
import { type Column, table } from '../widgets/table.ts';
import { requestFacts, windowText } from './overview.ts';

export const ROUTING_NUMBERS: readonly ShownNumber[] = [
  'history.served',
  'history.found',
  'history.notFound',
  'history.failed',
  'history.coveredMs',
  'history.stepMs',
  'requests.served',
  'requests.found',
  'requests.notFound',
  'requests.failed',
  'requests.foundShare',
  'requests.notFoundShare',
  'requests.failedShare',
  'requests.pending',
  'requests.timeP50Ms',
  'requests.timeP95Ms',
  'requests.timeHistogram[]',
  'requests.foundInStore',
  'requests.foundInCache',
  'requests.forwardedFetches',
  'requests.forwardedInserts',
  'requests.copiesSent',
  'requests.exitFetches',
  'requests.exitInserts',
  'requests.coalesced',
  'requests.rejectedLoop',
  'requests.rejectedOverload',
  'requests.timeouts',
  'requests.badBlocks',
  'requests.answeredNoRoute',
  'requests.answeredRecentlyFailed',
  'requests.byKind[].fetches',
  'requests.byKind[].inserts',
  'trace.distance',
  'trace.tookMs',
  'trace.htl',
  'trace.agoMs',
  'requests.byHtl[].htl',
  'requests.byHtl[].seen',
  'requests.byHtl[].found',
  'requests.byHtl[].notFound',
  'requests.byHtl[].failed',
  'requests.byHtl[].foundShare',
  'requests.byHtl[].notFoundShare',
  'requests.byHtl[].failedShare',
];

type HtlRow = RequestStatus['byHtl'][number];

const HTL_COLUMNS: readonly Column<HtlRow>[] = [
  { title: 'HTL', width: 3, right: true, priority: 1, text: (row) => String(row.htl) },
  { title: 'Seen', width: 7, right: true, priority: 2, text: (row) => formatCount(row.seen) },
  { title: 'Found', width: 5, right: true, priority: 3, text: (row) => formatShare(row.found, row.seen) },
  { title: 'Not', width: 5, right: true, priority: 4, text: (row) => formatShare(row.notFound, row.seen) },
  {
    title: 'Failed',
    width: 6,
    right: true,
    priority: 5,
    text: (row) => formatShare(row.failed, row.seen),
    role: (row) => (row.failed > row.seen * 0.05 ? 'warn' : 'plain'),
  },
];

export function drawRouting(frame: Frame, area: Area, model: Model, status: Status): void {
  const { requests } = status;
  if (model.route !== undefined) {
    drawTrace(frame, area, model.route);
    return;
  }
  if (frame.layout === 'narrow') {
    drawNarrow(frame, area, model, requests);
    return;
  }
  const [left, right] = columns(area, 1, 1) as [Area, Area];
  const [outcomes, byHtl] = stack(left, 7, 0) as [Area, Area];
  const wide = frame.layout === 'wide';
  const [times, causes, kinds] = wide
    ? (stack(right, 0, 12, 7) as [Area, Area, Area])
    : (stack(right, 0, 12) as [Area, Area]);
  if (kinds !== undefined) drawKinds(frame, kinds, requests);
  facts(frame, box(frame, outcomes, `Answered, ${windowText(status)}`), requestFacts(status, status.history), 13, 6);
  drawByHtl(frame, byHtl, model, requests);
  drawTimes(frame, times, requests);
  drawCauses(frame, causes, requests);
}

function drawByHtl(frame: Frame, area: Area, model: Model, requests: RequestStatus): void {
  const inside = box(frame, area, 'By hops to live');
  const rows = requests.byHtl.filter((row) => row.seen > 0).toSorted((a, b) => b.htl - a.htl);
  if (rows.length === 0) {
    empty(frame, inside, 'No requests yet: they come once peers route past this node.');
    return;
  }
  const most = Math.max(...rows.map((row) => row.seen));
  const room = inside.width - 34;
  const withBar: Column<HtlRow>[] =
    room >= 6 && frame.layout !== 'narrow'
      ? [
          ...HTL_COLUMNS,
          { title: '', width: Math.min(room, 40), priority: 6, text: () => '', share: (row) => row.seen / most },
        ]
      : [...HTL_COLUMNS];
  table(frame, inside, withBar, rows, { first: model.scroll, ...(frame.layout === 'narrow' ? { most: 3 } : {}) });
}

function drawTimes(frame: Frame, area: Area, requests: RequestStatus): void {
  const note =
    requests.timeP50Ms === null
      ? undefined
      : `half ≤ ${formatDuration(requests.timeP50Ms)}, 95% ≤ ${formatDuration(requests.timeP95Ms)}`;
  const inside = box(frame, area, 'Time to answer', note === undefined ? {} : { note });
  const classes = timeClasses(requests.timeHistogram, inside.height);
  if (classes.length === 0) {
    empty(frame, inside, 'No answers yet. Each answered request adds to the class of its time here.');
    return;
  }
  histogram(frame, inside, classes, 9);
}

function drawCauses(frame: Frame, area: Area, requests: RequestStatus): void {
  const inside = box(frame, area, 'Refusals and work');
  facts(frame, inside, causeFacts(requests), 13, 6);
}

export function causeFacts(requests: RequestStatus): Fact[] {
  const refusal = (label: string, count: number, limitShare: number, note: string): Fact => ({
    label,
    value: padStart(formatCount(count), 5),
    note,
    role: count > requests.served * limitShare ? 'warn' : 'plain',
  });
  const two = (label: string, first: number, note: string): Fact => ({
    label,
    value: padStart(formatCount(first), 5),
    note,
  });
  return [
    refusal('loop', requests.rejectedLoop, 0.1, 'seen before'),
    refusal('overload', requests.rejectedOverload, 0.05, 'refused for load'),
    refusal('time-out', requests.timeouts, 0.05, 'next hop silent'),
    refusal('no route', requests.answeredNoRoute, 0.05, 'nobody nearer'),
    two('just failed', requests.answeredRecentlyFailed, 'not looked again'),
    refusal('bad block', requests.badBlocks, 0, 'link closed'),
    two('from store', requests.foundInStore, `cache ${formatCount(requests.foundInCache)}`),
    two('fetch hops', requests.forwardedFetches, `insert hops ${formatCount(requests.forwardedInserts)}`),
    two('exit fetches', requests.exitFetches, `exit inserts ${formatCount(requests.exitInserts)}`),
    two('copies sent', requests.copiesSent, `joined ${formatCount(requests.coalesced)}`),
  ];
}

function drawKinds(frame: Frame, area: Area, requests: RequestStatus): void {
  const inside = box(frame, area, 'By kind, since start');
  frame.canvas.textRight(inside, 0, 'fetches  inserts', 'label');
  for (const [y, { kind, fetches, inserts }] of requests.byKind.entries()) {
    frame.canvas.text(inside, 0, y + 1, kind, 'label');
    frame.canvas.textRight(inside, y + 1, `${padStart(formatCount(fetches), 7)}  ${padStart(formatCount(inserts), 7)}`);
  }
}

const STEP_TEXTS: Readonly<Record<string, string>> = {
  here: 'found in our own store',
  data: 'answered with the block',
  answered: 'has it, or stored it',
  dataNotFound: 'not found there',
  routeNotFound: 'no route there: back',
  rejectedLoop: 'was there before: back',
  rejectedOverload: 'overloaded: back',
  recentlyFailed: 'just failed there: back',
  noCopies: 'could not store it: back',
  timeout: 'no answer: back',
};

/** One key, as far as this node takes part in its way: where it would go, and what happened here since the trace began. */
function drawTrace(frame: Frame, area: Area, route: RouteDocument): void {
  const [left, right] = columns(area, 4, 6) as [Area, Area];
  const inside = box(frame, left, 'Would go to', { note: 'T ends it' });
  const { canvas } = frame;
  canvas.text(
    inside,
    0,
    0,
    `place ${formatLocation(route.place)}, we are ${formatDistance(route.ownDistance)} away`,
    'key',
  );
  for (const [i, { alias, distance, byClaim }] of route.candidates.entries())
    canvas.text(
      inside,
      0,
      i + 1,
      `${i + 1}. ${padEnd(alias, 5)} ${formatDistance(distance)}${byClaim ? '  via its peer' : ''}`,
    );
  const nobody = 'Nobody is nearer: requests for it end here, and its owners around us are asked.';
  const notes = [
    ...(route.candidates.length === 0 ? [nobody] : []),
    'Only what peers send through this node is seen, in memory, until this tab is left. Own requests go through circuits and never pass here.',
  ].flatMap((note) => wrap(note, inside.width));
  for (const [y, line] of notes.entries()) canvas.text(inside, 0, route.candidates.length + 2 + y, line, 'dim');
  const steps = box(frame, right, `Here since the trace began: ${counted(route.steps.length, 'step')}`);
  drawSteps(frame, steps, route);
}

function drawSteps(frame: Frame, steps: Area, route: RouteDocument): void {
  const { canvas } = frame;
  if (route.steps.length === 0) {
    empty(frame, steps, 'No request for the traced key has come by yet.');
    return;
  }
  const shown = route.steps.slice(-Math.max(1, steps.height));
  for (const [y, step] of shown.entries()) {
    const when = padStart(formatAge(step.agoMs), 6);
    canvas.text(
      steps,
      0,
      y,
      `${when} ago  ${padEnd(stepText(step), Math.max(0, steps.width - 12))}`,
      step.type === 'back' && step.what !== 'answered' ? 'warn' : 'plain',
    );
  }
}

function stepText({ type, alias, what, tookMs, htl }: RouteDocument['steps'][number]): string {
  const meaning = STEP_TEXTS[what] ?? what;
  if (type === 'arrived') return `${what} from ${alias ?? '?'}, ${htl ?? '?'} hops to live`;
  if (type === 'asked') return `asked ${alias ?? '?'}`;
  return type === 'back' ? `${alias ?? '?'} ${meaning}, ${formatDuration(tookMs)}` : `ended: ${meaning}`;
}

function drawNarrow(frame: Frame, area: Area, model: Model, requests: RequestStatus): void {
  const [left, right] = columns(area, 1, 1) as [Area, Area];
  drawByHtl(frame, left, model, requests);
  facts(frame, box(frame, right, `Served ${formatCount(requests.served)}`), [
    { label: 'found', value: formatCount(requests.found), note: formatShare(requests.found, requests.served) },
    {
      label: 'not found',
      value: formatCount(requests.notFound),
      note: formatShare(requests.notFound, requests.served),
    },
    { label: 'failed', value: formatCount(requests.failed), note: formatShare(requests.failed, requests.served) },
    { label: 'pending', value: formatCount(requests.pending) },
    { label: 'half', value: `≤ ${formatDuration(requests.timeP50Ms)}` },
    { label: '95%', value: `≤ ${formatDuration(requests.timeP95Ms)}` },
    ...causeFacts(requests)
      .slice(0, 4)
      .map(({ label, value, role }) => ({ label, value: value.trim(), ...(role === undefined ? {} : { role }) })),
  ]);
}

function empty(frame: Frame, area: Area, text: string): void {
  for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
}

export function routingCard(frame: Frame, area: Area, model: Model, status: Status): void {
  if (model.route !== undefined) {
    drawSteps(frame, area, model.route);
    return;
  }
  const { requests } = status;
  facts(frame, area, [
    { label: 'served', value: formatCount(requests.served), note: `${formatCount(requests.pending)} pending` },
    { label: 'found', value: formatCount(requests.found), note: formatShare(requests.found, requests.served) },
    {
      label: 'not found',
      value: formatCount(requests.notFound),
      note: formatShare(requests.notFound, requests.served),
    },
    { label: 'failed', value: formatCount(requests.failed), note: formatShare(requests.failed, requests.served) },
    {
      label: 'time',
      value: `half ≤ ${formatDuration(requests.timeP50Ms)}`,
      note: `95% ≤ ${formatDuration(requests.timeP95Ms)}`,
    },
    {
      label: 'refused',
      value: `loop ${formatCount(requests.rejectedLoop)}`,
      note: `time-out ${formatCount(requests.timeouts)}`,
    },
  ]);
}
