/**
 * A client of circuits written without daemon/onion's client side: it says to relays whatever a test wants to hear refused.
 * @module
 */
import { type CircuitRequest, createCircuitRequest } from '../../../crypto/ntor.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { bodyOf, type Cell, COMMAND, controlCell, newCell, readCell } from '../../../daemon/onion/cell.ts';
import { createHop, type Hop, openAllLayers, sealAllLayers } from '../../../daemon/onion/hop.ts';
import {
  cellSizeFor,
  encodeExtend,
  RELAY,
  type RelayMessage,
  readRelayMessage,
  writeRelayMessage,
} from '../../../daemon/onion/relay-message.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import type { OnionWorld, WorldNode } from './onion-world.ts';

export interface RawClient {
  readonly node: WorldNode;
  readonly hops: Hop[];
  readonly messages: RelayMessage[];
  readonly isDestroyed: boolean;
  readonly link: Link;
  readonly circuitId: number;
  /** CREATE to the first relay; true when it answered. */
  create(relay: Descriptor, extra?: Partial<{ position: number; delay: number; flags: number }>): Promise<boolean>;
  /** EXTEND; true when EXTENDED came back. */
  extend(target: Descriptor, position?: number): Promise<boolean>;
  say(type: number, requestId: number, data: Uint8Array, size?: 'small' | 'large'): Promise<void>;
  sendBytes(cell: Uint8Array): Promise<void>;
}

export function createRawClient(world: OnionWorld, light = true): RawClient {
  const hops: Hop[] = [];
  const messages: RelayMessage[] = [];
  const received: Cell[] = [];
  let pending: CircuitRequest | undefined;
  let isDestroyed = false;
  let link: Link | undefined;
  let circuitId = 0x8000_0001 + world.nodes.length;

  const node = world.add({
    role: light ? 2 : 1,
    puppet(_link, bytes) {
      const cell = readCell(bytes)!;
      if (cell.command === COMMAND.destroy) isDestroyed = true;
      else if (cell.command === COMMAND.created) received.push({ ...cell, bytes: bytes.slice() });
      else messages.push(readRelayMessage(openAllLayers(hops, bytes, cell.size)!)!);
    },
  });
  const request = (to: Descriptor, position: number, delay = 0, flags = 0): Uint8Array => {
    const { nodeId, onionKey } = to;
    pending = createCircuitRequest(world.crypto, { nodeId, onionKey, position, delay, flags });
    return pending.data;
  };
  const finish = (created: Uint8Array | undefined): boolean => {
    const keys = created === undefined ? null : pending!.finish(created);
    if (keys === null) return false;
    hops.push(createHop(world.crypto, keys));
    return true;
  };
  const settle = (): Promise<void> => world.clock.advance(200);

  const client: RawClient = {
    node,
    hops,
    messages,
    get isDestroyed() {
      return isDestroyed;
    },
    get link() {
      return link!;
    },
    get circuitId() {
      return circuitId;
    },
    async create(relay, extra = {}) {
      const connecting = node.links.connect(relay);
      await settle();
      link = await connecting;
      circuitId++;
      isDestroyed = false;
      const data = request(relay, extra.position ?? 1, extra.delay, extra.flags);
      await client.sendBytes(controlCell(world.crypto, circuitId, COMMAND.create, data));
      const answer = received.shift();
      return finish(answer === undefined ? undefined : bodyOf(answer.bytes).slice(0, 1_152));
    },
    async extend(target, position = hops.length + 1) {
      const data = encodeExtend(target.encoded, request(target, position));
      await client.say(RELAY.extend, 0, data);
      return finish(messages.shift()?.data);
    },
    async say(type, requestId, data, size) {
      const chosen = size ?? cellSizeFor(data.length, hops.length)!;
      const cell = newCell(chosen, circuitId, COMMAND.relay);
      writeRelayMessage(cell, type, requestId, [data]);
      sealAllLayers(hops, cell, chosen);
      await client.sendBytes(cell);
    },
    async sendBytes(cell) {
      link!.sendCell(cell);
      await settle();
    },
  };
  return client;
}
