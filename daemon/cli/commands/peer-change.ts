/**
 * `holloway peer add`, `peer drop` and `peer ban`.
 *
 * Unit    a drop is a ban of DROP_MS; a ban lasts BAN_MS unless --for says otherwise.
 * Errors  usage for a name that no peer has; bad_invite and its kin.
 * Why     a peer is named as `peer list` shows it, so that no node id has to be typed, or kept in a shell's history.
 * @module
 */
import type { PeersAddedDocument } from '../../api/schema-owner.ts';
import { LocalError } from '../../errors.ts';
import { confirm } from '../confirm.ts';
import type { CommandRun } from '../context.ts';
import { durationText } from '../output.ts';

const DROP_MS = 60_000;
const BAN_MS = 3_600_000;
const STDIN_BYTES_MAX = 16_384;

interface BanDocument {
  readonly v: 1;
  readonly banned: number;
}

export const peerAdd: CommandRun = async ({ api, output, interrupted }, [given]) => {
  const text = given === '-' ? await readStdin() : given!;
  const document = await api.post<PeersAddedDocument>('/v1/peers/add', { text }, interrupted);
  output.line(`${document.linked} of ${document.tried} linked`);
  output.document(document);
  return 0;
};

export const peerDrop: CommandRun = (context, [alias]) => sendAway(context, alias!, DROP_MS);

export const peerBan: CommandRun = (context, [alias]) =>
  sendAway(context, alias!, context.options.durationMs('for') ?? BAN_MS);

async function sendAway(context: Parameters<CommandRun>[0], alias: string, forMs: number): Promise<number> {
  const { api, output, interrupted } = context;
  const question = `Send ${alias} away for ${durationText(forMs)}? What is under way over it goes elsewhere.`;
  if (!(await confirm(context, question))) throw new LocalError('cancelled');
  const document = await api.post<BanDocument>('/v1/peers/ban', { alias, forMs }, interrupted);
  output.line(`${alias} is sent away for ${durationText(forMs)}`);
  output.document(document);
  return 0;
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > STDIN_BYTES_MAX) throw new LocalError('usage', 'that is too long for an invite');
  }
  return Buffer.concat(parts).toString('utf8').trim();
}
