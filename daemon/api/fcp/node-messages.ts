/**
 * What FCP clients ask about the node itself, in the fields they know: hello, node data, configuration, peers.
 *
 * Why     Build is a number that some clients compare with Freenet's, so it is one of Freenet's; Node, Version's first part and Revision say
 *         who really answers. What has no counterpart here is left out, never invented.
 * Source  FCPv2 NodeHello, NodeData, ConfigData, Peer.
 * @module
 */
import type { ConfigDocument } from '../../../config/document.ts';
import { encodeKeyText } from '../../client/base64.ts';
import type { Node } from '../../node-types.ts';
import type { Peer } from '../../topology/topology-types.ts';
import type { OutFields } from './output.ts';

/** The Freenet build whose protocol this is. */
const BUILD = 1_506;

export function helloFields(version: string, connectionIdentifier: string): OutFields {
  return {
    FCPVersion: '2.0',
    Node: 'Holloway',
    Version: `Holloway,${version},1.0,${BUILD}`,
    Build: BUILD,
    Revision: version,
    ExtBuild: 29,
    ExtRevision: version,
    Testnet: false,
    CompressionCodecs: '4 - GZIP(0), BZIP2(1), LZMA(2), LZMA_NEW(3)',
    ConnectionIdentifier: connectionIdentifier,
    NodeLanguage: 'ENGLISH',
  };
}

export interface NodeDataWishes {
  readonly withVolatile: boolean;
  readonly identifier: string | undefined;
}

export function nodeDataFields(node: Node, version: string, wishes: NodeDataWishes): OutFields {
  const { descriptor, settings } = node;
  const fields: Record<string, string | number | boolean | undefined> = {
    Identifier: wishes.identifier,
    identity: encodeKeyText(descriptor.nodeId),
    location: descriptor.location,
    version: `Holloway,${version},1.0,${BUILD}`,
    lastGoodVersion: `Holloway,${version},1.0,${BUILD}`,
    myName: settings.networkName,
    opennet: true,
    testnet: false,
    descriptor: Buffer.from(descriptor.encoded).toString('base64url'),
  };
  for (const [i, { host, port }] of descriptor.addresses.entries()) {
    fields[i === 0 ? 'physical.tcp' : `physical.tcp.${i}`] = host.includes(':')
      ? `[${host}]:${port}`
      : `${host}:${port}`;
  }
  if (!wishes.withVolatile) return fields;
  const { peers, nowMs, startedAtMs, bytesIn, bytesOut, store, estimatedNodes } = node.snapshot();
  const rtts = peers.map(({ link }) => link.rttMs).filter((rtt) => rtt !== undefined);
  return {
    ...fields,
    'volatile.uptimeSeconds': Math.floor((nowMs - startedAtMs) / 1_000),
    'volatile.averagePingTime': rtts.length === 0 ? undefined : rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length,
    'volatile.numberOfConnected': peers.length,
    'volatile.numberOfSimpleConnected': peers.length,
    'volatile.opennetSizeEstimateSession': Math.round(estimatedNodes),
    'volatile.totalInputBytes': bytesIn,
    'volatile.totalOutputBytes': bytesOut,
    'volatile.totalInputRate': Math.round((bytesIn * 1_000) / Math.max(1, nowMs - startedAtMs)),
    'volatile.totalOutputRate': Math.round((bytesOut * 1_000) / Math.max(1, nowMs - startedAtMs)),
    'volatile.storeHits': store.store.hits + store.cache.hits,
    'volatile.storeMisses': store.misses,
    'volatile.usedJavaMemory': process.memoryUsage.rss(),
  };
}

/** GetConfig: each setting under the trees that were asked for. */
export function configFields(config: ConfigDocument, wishes: ReadonlyMap<string, boolean>): OutFields {
  const fields: Record<string, string> = {};
  for (const setting of config.settings) {
    const trees: readonly (readonly [wish: string, tree: string, value: string])[] = [
      ['WithCurrent', 'current', setting.value],
      ['WithDefault', 'default', setting.default],
      ['WithShortDescription', 'shortDescription', setting.sentence],
      ['WithLongDescription', 'longDescription', `${setting.sentence} (${setting.range})`],
      ['WithDataTypes', 'dataType', setting.unit === null ? 'string' : 'number'],
      ['WithExpertFlag', 'expertFlag', 'false'],
      ['WithForceWriteFlag', 'forceWriteFlag', 'false'],
      ['WithSortOrder', 'sortOrder', String(config.settings.indexOf(setting))],
    ];
    for (const [wish, tree, value] of trees) if (wishes.get(wish) === true) fields[`${tree}.${setting.key}`] = value;
  }
  return fields;
}

export interface PeerWishes {
  readonly withMetadata: boolean;
  readonly withVolatile: boolean;
}

export function peerFields(peer: Peer, nowMs: number, wishes: PeerWishes): OutFields {
  const { descriptor, link } = peer;
  const { host, port } = link.remote;
  const fields: OutFields = {
    identity: encodeKeyText(descriptor.nodeId),
    location: peer.location,
    version: `Holloway,${descriptor.version},1.0,${BUILD}`,
    lastGoodVersion: `Holloway,${descriptor.version},1.0,${BUILD}`,
    opennet: true,
    testnet: false,
    seed: descriptor.role === 3,
    'physical.tcp': host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  };
  return {
    ...fields,
    ...(wishes.withMetadata
      ? {
          'metadata.neverConnected': false,
          'metadata.timeLastReceivedPacket': undefined,
          'metadata.detected.tcp': fields['physical.tcp'],
        }
      : {}),
    ...(wishes.withVolatile
      ? {
          'volatile.status': link.isOpen ? 'CONNECTED' : 'DISCONNECTED',
          'volatile.averagePingTime': link.rttMs,
          'volatile.idle': 0,
          'volatile.lastRoutingBackoffReason': undefined,
          'volatile.totalBytesIn': link.counters.bytesIn,
          'volatile.totalBytesOut': link.counters.bytesOut,
          'volatile.percentTimeRoutableConnection': 100,
          'volatile.timeConnected': Math.round(nowMs - peer.since),
        }
      : {}),
  };
}

/** By identity in base64, by descriptor name, or by its address. */
export function findPeer(peers: readonly Peer[], identifier: string): Peer | undefined {
  const text = identifier.trim();
  return peers.find(({ descriptor, link, key }) => {
    const { host, port } = link.remote;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return text === encodeKeyText(descriptor.nodeId) || text.toLowerCase() === key || text === address;
  });
}
