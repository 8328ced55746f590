/**
 * `holloway status`: the verdict first, then one line per part of the node.
 *
 * Why     --watch prints only lines that changed, so that a screen reader reads news and a log holds no repetition.
 * @module
 */
import type { Status } from '../../api/schema.ts';
import { LocalError, USER_ERRORS } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { durationText, printable, sizeText } from '../output.ts';

const GLYPHS = { HEALTHY: '●', DEGRADED: '▲', CONNECTING: '◌', TROUBLE: '✖', OFFLINE: '○' } as const;
/** Below this an exit sees too large a share of a document (design § 10). */
const EXITS_WANTED = 8;

export const status: CommandRun = async (context) => {
  const { options, output, api } = context;
  if (options.flag('watch')) return watch(context);
  const found = await api.get<Status>('/v1/status', giveUpSignal(context));
  for (const line of statusLines(found)) output.line(line);
  output.document(found);
  return options.flag('check') ? checkCode(found) : 0;
};

function checkCode(found: Status): number {
  return found.verdict.word === 'HEALTHY' || found.verdict.word === 'DEGRADED' ? 0 : USER_ERRORS.offline.exit;
}

async function watch(context: Context): Promise<number> {
  const { output, api, options } = context;
  if (output.json) throw new LocalError('usage', '--watch is for people: programs read /v1/events');
  let current: Status | undefined;
  let before: readonly string[] = [];
  for await (const { data } of api.events('/v1/events', giveUpSignal(context))) {
    current = { ...(current as Status), ...(JSON.parse(data) as Partial<Status>) };
    const lines = statusLines(current);
    for (const line of lines) if (!before.includes(line)) output.line(line);
    before = lines;
    if (options.flag('check') && current.verdict.word === 'HEALTHY') return 0;
  }
  throw new LocalError('daemon_unreachable', 'it ended');
}

export function statusLines(found: Status): readonly string[] {
  const { verdict, peers, circuits, store, requests, traffic, transfers, node } = found;
  const lines = [`${GLYPHS[verdict.word]} ${verdict.word}  ${found.network}  ${verdict.reason || 'all is well'}`];
  if (verdict.next !== '') lines.push(`  next       ${verdict.next}`);
  if (found.network === 'devnet') lines.push('  devnet     all nodes are yours; nothing here is anonymous');
  lines.push(
    `  peers      ${peers.up} of ${peers.max} (${peers.in} in, ${peers.out} out, ${peers.ringNeighbours} on the ring), ${peers.links} links`,
    `  circuits   ${circuits.ready} ready, ${circuits.building} building; ${circuits.usableRelays} relays known`,
    `  location   ${node.location.toFixed(2)}, ${node.role}, about ${node.estimatedNodes} nodes`,
    `  store      ${store.store.blocks} blocks kept, ${store.cache.blocks} cached; ${sizeText(store.store.bytes + store.cache.bytes)} of ${sizeText(store.store.bytesMax + store.cache.bytesMax)}`,
    `  requests   ${requests.found} found, ${requests.notFound} not found, ${requests.failed} failed; ${requests.pending} under way`,
    `  traffic    ${sizeText(traffic.inBytes)} in, ${sizeText(traffic.outBytes)} out`,
  );
  const exits = Math.max(1, circuits.usableRelays - 2);
  if (circuits.usableRelays >= 3 && exits < EXITS_WANTED) {
    lines.push(`  exits      ${exits} for a document: below ${EXITS_WANTED} an exit can be blamed for it`);
  }
  for (const transfer of transfers.filter((candidate) => candidate.etaS !== null || candidate.error !== null)) {
    const rest = transfer.error === null ? `${sizeText(transfer.bytesPerSec)}/s` : `[${transfer.error.code}]`;
    lines.push(
      `  ${transfer.alias.padEnd(10)} ${transfer.kind} ${transfer.stage}, ${sizeText(transfer.bytes)}, ${rest}`,
    );
  }
  lines.push(`  up         ${durationText(found.uptimeMs)}, version ${found.version}`);
  return lines.map((line) => printable(line));
}
