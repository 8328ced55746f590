/**
 * Ring: where the peers are, as a circle, by logarithmic distance, or on one line; and whether the links have the lengths they should.
 *
 * Shape   0.0 is up, clockwise. Peers are letters, a nearest; `◆` is this node. Lines are links, the selected one solid.
 * Unit    fraction of the ring; a cell of Braille holds 2x4 dots, which are square on a terminal.
 * @module
 */
import type { PeerStatus, Status } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import { type Area, columns } from '../cells.ts';
import { formatAge, formatBytes, formatDistance, formatDuration, formatLocation, padEnd, padStart } from '../format.ts';
import { lengthAdvice, lengthClasses } from '../link-lengths.ts';
import { ringPeers } from '../lists.ts';
import type { Model } from '../model.ts';
import { bar, box, type Frame, onClick, wrap } from '../widgets/frame.ts';

export const RING_NUMBERS: readonly ShownNumber[] = [
  'peers.up',
  'node.location',
  'node.estimatedNodes',
  'peers.list[].location',
  'peers.list[].distance',
  'peers.list[].rttMs',
  'peers.list[].ageMs',
  'peers.list[].bytesIn',
  'peers.list[].bytesOut',
  'peers.lengthClasses[].have',
  'peers.lengthClasses[].ideal',
  'peers.list[].bytesPerSec',
  'requests.byPlace[]',
  'beyond[]',
];

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#';

interface Place {
  readonly peer: PeerStatus;
  readonly letter: string;
}

/** Letters by distance: the nearest peer is a. */
function placesOf(status: Status): Place[] {
  return status.peers.list
    .toSorted((a, b) => a.distance - b.distance || (a.alias < b.alias ? -1 : 1))
    .map((peer, i) => ({ peer, letter: LETTERS[Math.min(i, LETTERS.length - 1)]! }));
}

export function drawRing(frame: Frame, area: Area, model: Model, status: Status): void {
  const narrow = frame.layout === 'narrow';
  const [left, right] = columns(area, narrow ? 5 : 11, narrow ? 5 : 9) as [Area, Area];
  const titles = {
    ring: '0.0 is up, clockwise',
    log: 'by distance, logarithmic',
    strip: 'from 0.0 to 1.0',
  };
  const extras = [
    ...(model.beyondShown ? [`${status.beyond.length} of peers' peers`] : []),
    ...(model.byTraffic ? ['lines by traffic'] : []),
  ];
  const isCircle = model.ringLayout === 'ring';
  const inside = box(frame, left, narrow ? 'Ring' : `Ring  ${titles[model.ringLayout]}`, {
    note: isCircle && extras.length > 0 ? extras.join(', ') : model.ringLayout,
  });
  if (status.peers.list.length === 0) {
    const text = 'No peers yet. Each takes its place here, by its location, as soon as this node routes to it.';
    for (const [y, line] of wrap(text, inside.width).entries()) frame.canvas.text(inside, 0, y, line, 'dim');
  } else drawLayout(frame, inside, model, status);
  drawSide(frame, right, model, status);
}

function drawLayout(frame: Frame, area: Area, model: Model, status: Status): void {
  const places = placesOf(status);
  const chosen = model.selectedPeer;
  if (model.ringLayout === 'strip') drawStrip(frame, { ...area, y: area.y + 1 }, places, chosen, status);
  else if (model.ringLayout === 'log') drawLog(frame, area, places, chosen, status);
  else drawCircle(frame, area, places, model, status);
}

/** Dots of Braille: two columns and four rows in each cell. */
function createDots(width: number, height: number) {
  const BITS = [0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80] as const;
  const cells = new Map<number, number>();
  return {
    set(x: number, y: number): void {
      const [column, line] = [Math.floor(x / 2), Math.floor(y / 4)];
      if (column < 0 || column >= width || line < 0 || line >= height) return;
      const bit = BITS[(Math.floor(x) % 2) * 4 + (Math.floor(y) % 4)]!;
      cells.set(line * width + column, (cells.get(line * width + column) ?? 0) | bit);
    },
    cells: () => [...cells].map(([at, bits]) => ({ x: at % width, y: Math.floor(at / width), bits })),
  };
}

type Dots = ReturnType<typeof createDots>;

function dotted(dots: Dots, from: readonly [number, number], to: readonly [number, number], spacing: number): void {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  for (let at = 0; at <= length; at += spacing) {
    const share = length === 0 ? 0 : at / length;
    dots.set(from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share);
  }
}

function drawCircle(frame: Frame, area: Area, places: readonly Place[], model: Model, status: Status): void {
  const chosen = model.selectedPeer;
  const center: [number, number] = [area.width, area.height * 2];
  const radius = Math.max(1, Math.min(center[0], center[1]) - 3);
  const at = (location: number): [number, number] => {
    const angle = location * 2 * Math.PI;
    return [center[0] + radius * Math.sin(angle), center[1] - radius * Math.cos(angle)];
  };
  const own = at(status.node.location);
  const [links, solid, beyond] = [1, 2, 3].map(() => createDots(area.width, area.height)) as [Dots, Dots, Dots];
  const steps = Math.ceil(radius * 2.2);
  for (let i = 0; i < steps; i++) links.set(...at(i / steps));
  const inner = (location: number): [number, number] => {
    const [x, y] = at(location);
    return [center[0] + (x - center[0]) * 0.9, center[1] + (y - center[1]) * 0.9];
  };
  if (model.beyondShown) for (const location of status.beyond) beyond.set(...inner(location));
  const traffic = places.map(({ peer }) => peer.bytesIn + peer.bytesOut);
  const busiest = Math.max(1, ...traffic);
  for (const [i, { peer }] of places.entries()) {
    // By traffic a line of dots is the denser the more it carried: from every second dot to every tenth.
    const spacing = model.byTraffic ? 2 + 8 * (1 - traffic[i]! / busiest) : 5;
    if (peer.alias === chosen) dotted(solid, own, at(peer.location), 1);
    else if (!frame.ascii || model.byTraffic) dotted(links, own, at(peer.location), spacing);
  }
  for (const [dots, role, plain] of [
    [beyond, 'spark2', ','],
    [links, 'border', '.'],
    [solid, 'spark', '*'],
  ] as const) {
    for (const { x, y, bits } of dots.cells())
      frame.canvas.text(area, x, y, frame.ascii ? plain : String.fromCharCode(0x2800 + bits), role);
  }
  const cell = (dot: readonly [number, number]): [number, number] => [Math.floor(dot[0] / 2), Math.floor(dot[1] / 4)];
  // The nearest last: where two share a cell, it is the one to see.
  for (const { peer, letter } of places.toReversed())
    mark(frame, area, ...cell(at(peer.location)), peer, letter, chosen);
  frame.canvas.text(area, ...cell(own), frame.glyphs.own, 'key');
}

function mark(
  frame: Frame,
  area: Area,
  x: number,
  y: number,
  peer: PeerStatus,
  letter: string,
  chosen: string | undefined,
): void {
  frame.canvas.text(area, x, y, letter, peer.alias === chosen ? 'selected' : peer.ringNeighbour ? 'title' : 'plain');
  onClick(frame, { x: area.x + x, y: area.y + y, width: 1, height: 1 }, { type: 'peer', alias: peer.alias });
}

/** Signed distance: negative before us on the ring. */
function offsetOf(location: number, own: number): number {
  const ahead = (((location - own) % 1) + 1) % 1;
  return ahead > 0.5 ? ahead - 1 : ahead;
}

const NEAREST = 0.0005;

function drawLog(frame: Frame, area: Area, places: readonly Place[], chosen: string | undefined, status: Status): void {
  const middle = Math.floor(area.width / 2);
  const column = (offset: number): number => {
    const size = Math.max(NEAREST, Math.abs(offset));
    const cells = Math.round((Math.log(size / NEAREST) / Math.log(0.5 / NEAREST)) * (middle - 2)) + 1;
    return Math.max(0, Math.min(area.width - 1, middle + (offset < 0 ? -cells : cells)));
  };
  const axis = Math.max(0, area.height - 2);
  const used = new Set<string>();
  for (const { peer, letter } of places) {
    const x = column(offsetOf(peer.location, status.node.location));
    let y = axis - 1;
    while (y > 0 && used.has(`${x},${y}`)) y--;
    used.add(`${x},${y}`);
    mark(frame, area, x, y, peer, letter, chosen);
  }
  frame.canvas.text(area, 0, axis, frame.glyphs.horizontal.repeat(area.width), 'border');
  frame.canvas.text(area, middle, axis, frame.glyphs.own, 'key');
  let rightmost = middle;
  for (const distance of [0.003, 0.02, 0.1, 0.5]) {
    const label = formatDistance(distance).replace(/0+$/, '');
    const right = Math.min(column(distance), area.width - label.length);
    if (right <= rightmost + 1) continue;
    frame.canvas.text(area, right, axis + 1, label, 'dim');
    frame.canvas.text(area, Math.max(0, column(-distance) - label.length + 1), axis + 1, label, 'dim');
    rightmost = right + label.length;
  }
}

function drawStrip(
  frame: Frame,
  area: Area,
  places: readonly Place[],
  chosen: string | undefined,
  status: Status,
): void {
  const column = (location: number): number => Math.min(area.width - 1, Math.floor(location * area.width));
  frame.canvas.text(area, 0, 0, frame.glyphs.horizontal.repeat(area.width), 'border');
  for (const { peer, letter } of places.toReversed()) mark(frame, area, column(peer.location), 0, peer, letter, chosen);
  frame.canvas.text(area, column(status.node.location), 0, frame.glyphs.own, 'key');
  frame.canvas.text(area, 0, 1, '0', 'dim');
  frame.canvas.text(area, Math.floor(area.width / 2), 1, '.5', 'dim');
  frame.canvas.textRight(area, 1, '1', 'dim');
}

function drawSide(frame: Frame, area: Area, model: Model, status: Status): void {
  const inside = box(frame, area, 'Selected');
  const { canvas, glyphs } = frame;
  const count = status.peers.up;
  canvas.text(inside, 0, 0, `${glyphs.own} you  ${formatLocation(status.node.location)}`, 'key');
  canvas.textRight(inside, 0, `${count} links`, 'dim');
  const place = placesOf(status).find(({ peer }) => peer.alias === model.selectedPeer);
  let y = 1;
  if (place === undefined) canvas.text(inside, 0, y++, 'left and right walk the ring', 'dim');
  else {
    const { peer, letter } = place;
    const away = `${formatDistance(peer.distance)} away`;
    canvas.text(
      inside,
      0,
      y++,
      `${glyphs.pointer} ${letter} ${padEnd(peer.alias, 4)} ${formatLocation(peer.location)}  ${away}`,
    );
    const facts = `${formatDuration(peer.rttMs)} · ${peer.ringNeighbour ? 'neighbour' : 'long link'} · ${formatAge(peer.ageMs)}`;
    canvas.text(inside, 2, y++, facts);
    if (frame.layout !== 'narrow')
      canvas.text(inside, 2, y++, `↓${formatBytes(peer.bytesIn)} ↑${formatBytes(peer.bytesOut)} since it opened`);
  }
  if (frame.layout !== 'narrow') y = Math.max(y + 1, 5);
  drawLengths(frame, { ...inside, y: inside.y + y, height: Math.max(0, inside.height - y) }, status);
}

function drawLengths(frame: Frame, area: Area, status: Status): void {
  if (status.peers.list.length === 0) return;
  const classes = lengthClasses(
    status.peers.list.map(({ distance }) => distance),
    status.node.estimatedNodes,
  );
  const { canvas } = frame;
  canvas.text(area, 0, 0, 'Link lengths', 'title');
  canvas.textRight(area, 0, 'have  ideal', 'label');
  const most = Math.max(1, ...classes.map(({ have }) => have));
  const room = area.width - 21;
  for (const [i, { to, have, ideal }] of classes.entries()) {
    canvas.text(area, 1, i + 1, padEnd(`< ${formatDistance(to).replace(/0+$/, '')}`, 7), 'label');
    if (room >= 3) bar(frame, area, 8, i + 1, room, have / most);
    canvas.textRight(area, i + 1, `${padStart(String(have), 4)}  ${padStart(ideal.toFixed(1), 5)}`);
  }
  const { text, isMissing } = lengthAdvice(classes);
  const lines = wrap(isMissing ? `${frame.glyphs.states.DEGRADED} ${text}` : text, area.width);
  for (const [i, line] of lines.entries())
    canvas.text(area, 0, classes.length + 1 + i, line, isMissing ? 'warn' : 'dim');
  const used = classes.length + 2 + lines.length;
  drawArrivals(frame, { ...area, y: area.y + used, height: area.height - used }, status);
}

/** Where the requests of peers go, a mark a sixteenth of the ring; the arrow is this node. */
function drawArrivals(frame: Frame, area: Area, { requests, node }: Status): void {
  const { byPlace } = requests;
  if (area.height < 3 || byPlace.length === 0) return;
  const { canvas, glyphs } = frame;
  canvas.text(area, 0, 0, 'Requests arriving, by place', 'title');
  const cells = Math.max(1, Math.min(2, Math.floor((area.width - 6) / byPlace.length)));
  const most = Math.max(1, ...byPlace);
  const levels = [...glyphs.levels];
  const marks = byPlace.map(
    (count) => levels[count === 0 ? 0 : Math.max(1, Math.round((count / most) * (levels.length - 1)))]!,
  );
  canvas.text(area, 1, 1, marks.map((mark) => mark.repeat(cells)).join(''), 'spark');
  canvas.text(area, 2 + byPlace.length * cells, 1, '0-1', 'dim');
  canvas.text(area, 1 + Math.floor(node.location * byPlace.length * cells), 2, glyphs.own, 'key');
}

/** Below 60 columns: one line of ring, who is selected, and the lengths that matter. */
export function ringCard(frame: Frame, area: Area, model: Model, status: Status): void {
  const places = placesOf(status);
  if (places.length === 0) {
    frame.canvas.text(area, 0, 0, 'No peers yet.', 'dim');
    return;
  }
  drawStrip(frame, area, places, model.selectedPeer, status);
  const place = places.find(({ peer }) => peer.alias === model.selectedPeer);
  const text =
    place === undefined
      ? `${ringPeers(model).length} links; left and right walk them`
      : `${place.letter} ${place.peer.alias} ${formatLocation(place.peer.location)}, ${formatDistance(place.peer.distance)} away`;
  frame.canvas.text(area, 0, 2, padEnd(text, area.width));
  const distances = status.peers.list.map(({ distance }) => distance);
  const { text: advice, isMissing } = lengthAdvice(lengthClasses(distances, status.node.estimatedNodes));
  for (const [y, line] of wrap(advice, area.width).entries())
    frame.canvas.text(area, 0, 3 + y, line, isMissing ? 'warn' : 'dim');
}
