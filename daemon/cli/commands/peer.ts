/**
 * `holloway peer list` and `peer self`.
 * @module
 */
import type { DescriptorDocument, PeerStatus } from '../../api/schema.ts';
import type { CommandRun } from '../context.ts';
import { durationText, printable, sizeText } from '../output.ts';

export const peerList: CommandRun = async ({ api, output, interrupted }) => {
  const document = await api.get<{ peers: readonly PeerStatus[] }>('/v1/peers', interrupted);
  output.table([
    ['peer', 'location', 'distance', 'dir', 'ring', 'rtt', 'age', 'in', 'out', 'version'],
    ...document.peers.map((peer) => [
      peer.alias,
      peer.location.toFixed(2),
      peer.distance.toFixed(3),
      peer.direction,
      peer.ringNeighbour ? 'ring' : '-',
      peer.rttMs === null ? '-' : `${peer.rttMs.toFixed(1)} ms`,
      durationText(peer.ageMs),
      sizeText(peer.bytesIn),
      sizeText(peer.bytesOut),
      printable(peer.version),
    ]),
  ]);
  output.document(document);
  return 0;
};

export const peerSelf: CommandRun = async ({ api, output, interrupted }) => {
  const document = await api.get<DescriptorDocument>('/v1/descriptor', interrupted);
  output.line(document.descriptor);
  output.document(document);
  return 0;
};
