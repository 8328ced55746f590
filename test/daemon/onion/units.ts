/**
 * Hand-made descriptors and links for tests of single files.
 * @module
 */
import { hexKey, nodeId, ringLocation } from '../../../daemon/ids.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { BINDING, type Descriptor, ROLE, type Role } from '../../../daemon/wire/descriptor-types.ts';

export function relayAt(index: number, host = `10.${index}.0.1`, role: Role = ROLE.full): Descriptor {
  const bytes = new Uint8Array(32).fill(index);
  return {
    nodeId: nodeId(bytes),
    identityKey: bytes,
    sequence: 1,
    linkKey: bytes,
    onionKey: bytes,
    nextOnionKey: bytes,
    addresses: [{ host, port: 9_480 }],
    role,
    location: ringLocation(0),
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'test',
    issuedHour: 1,
    encoded: Uint8Array.of(index),
  };
}

export interface TestLink extends Link {
  readonly sent: Uint8Array[];
  /** What sendCell answers from now on. */
  takes: boolean;
  isOpen: boolean;
}

export function testLink(handle: number, dialledByUs = true, peer: Descriptor | undefined = undefined): TestLink {
  const sent: Uint8Array[] = [];
  const link: TestLink = {
    handle,
    peer,
    peerKey: peer === undefined ? `light-${handle}` : hexKey(peer.nodeId),
    dialledByUs,
    remote: { host: '10.0.0.1', port: 1 },
    openedAtMs: 0,
    rttMs: undefined,
    counters: { bytesIn: 0, bytesOut: 0, recordsIn: 0, recordsOut: 0, paddingBytesOut: 0 },
    queuedBytes: 0,
    isOpen: true,
    exporterSecret: new Uint8Array(32),
    sent,
    takes: true,
    sendMessage: () => true,
    sendCell(cell) {
      sent.push(cell);
      return link.takes;
    },
    close() {
      link.isOpen = false;
    },
  };
  return link;
}
