/**
 * In-memory ordered byte streams under the manual clock, with chunking, latency and back-pressure like TCP's.
 * @module
 */
import { LocalError } from '../../daemon/errors.ts';
import type { ByteStream, Clock, Listener, NetAddress, StreamHandlers, Transport } from '../../daemon/ports.ts';

export interface MemoryNetwork {
  transport(host: string): Transport;
  /** Cuts every stream and refuses dials until `heal`. */
  cutAll(): void;
  heal(): void;
  /** Everything one direction carried, when recording is on: `from>to` of hosts. */
  readonly recorded: Map<string, Uint8Array[]>;
}

export interface MemoryNetworkOptions {
  readonly latencyMs?: number;
  /** Largest piece delivered at once. */
  readonly chunkBytes?: number;
  readonly record?: boolean;
}

/** `write` says false above this, as a socket's buffer would. */
const HIGH_WATER_BYTES = 256 * 1024;

export function createMemoryNetwork(clock: Clock, options: MemoryNetworkOptions = {}): MemoryNetwork {
  const latencyMs = options.latencyMs ?? 0;
  const chunkBytes = options.chunkBytes ?? 16 * 1024;
  const listeners = new Map<string, (stream: ByteStream) => void>();
  const streams = new Set<MemoryStream>();
  const recorded = new Map<string, Uint8Array[]>();
  let healthy = true;
  let nextPort = 20_000;

  const keyOf = (address: NetAddress): string => `${address.host}:${address.port}`;
  const record = (from: string, to: string, bytes: Uint8Array): void => {
    if (!options.record) return;
    const path = `${from}>${to}`;
    const list = recorded.get(path);
    if (list === undefined) recorded.set(path, [bytes]);
    else list.push(bytes);
  };

  return {
    recorded,
    cutAll() {
      healthy = false;
      for (const stream of [...streams]) stream.close();
    },
    heal() {
      healthy = true;
    },
    transport: (host) => ({
      dial(to) {
        const near = createStream({
          remote: to,
          clock,
          latencyMs,
          chunkBytes,
          onBytes: (bytes) => record(host, to.host, bytes),
        });
        const far = createStream({
          remote: { host, port: nextPort++ },
          clock,
          latencyMs,
          chunkBytes,
          onBytes: (bytes) => record(to.host, host, bytes),
        });
        near.join(far);
        far.join(near);
        clock.setTimer(latencyMs, () => {
          const accept = listeners.get(keyOf(to));
          if (!healthy || accept === undefined) {
            near.close();
            return;
          }
          for (const stream of [near, far]) {
            streams.add(stream);
            stream.whenClosed(() => streams.delete(stream));
          }
          accept(far);
          near.opened();
        });
        return near;
      },
      async listen(at, accept): Promise<Listener> {
        const address = { host: at.host, port: at.port === 0 ? nextPort++ : at.port };
        const key = keyOf(address);
        if (listeners.has(key)) throw new LocalError('port_in_use', key);
        listeners.set(key, accept);
        return { address, close: () => listeners.delete(key) };
      },
    }),
  };
}

interface StreamOptions {
  readonly remote: NetAddress;
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly chunkBytes: number;
  readonly onBytes: (bytes: Uint8Array) => void;
}

interface MemoryStream extends ByteStream {
  join(other: MemoryStream): void;
  opened(): void;
  whenClosed(run: () => void): void;
  /** Bytes from the other end. */
  arrive(bytes: Uint8Array): void;
  cut(): void;
  consumed(length: number): void;
}

function createStream(options: StreamOptions): MemoryStream {
  let other: MemoryStream | undefined;
  let handlers: StreamHandlers | undefined;
  let isOpen = false;
  let isClosed = false;
  let isPaused = false;
  let wantsDrain = false;
  let inFlightBytes = 0;
  const arrived: Uint8Array[] = [];
  const onClose: (() => void)[] = [];

  const deliver = (): void => {
    while (!isPaused && !isClosed && handlers !== undefined && arrived.length > 0) {
      const bytes = arrived.shift()!;
      other?.consumed(bytes.length);
      handlers.data(bytes);
    }
  };
  const end = (): void => {
    if (isClosed) return;
    isClosed = true;
    for (const run of onClose) run();
    options.clock.setTimer(0, () => handlers?.close());
  };

  return {
    remote: options.remote,
    join: (stream) => {
      other = stream;
    },
    whenClosed: (run) => onClose.push(run),
    opened: () => {
      if (isClosed) return;
      isOpen = true;
      handlers?.open?.();
    },
    attach: (given) => {
      handlers = given;
      options.clock.setTimer(0, deliver);
    },
    write: (bytes) => {
      if (isClosed) return false;
      const copy = bytes.slice(); // the sender may not change it, but a test must not depend on that
      options.onBytes(copy);
      inFlightBytes += copy.length;
      for (let at = 0; at < copy.length; at += options.chunkBytes) {
        const piece = copy.subarray(at, at + options.chunkBytes);
        options.clock.setTimer(options.latencyMs, () => other?.arrive(piece));
      }
      if (inFlightBytes > HIGH_WATER_BYTES) wantsDrain = true;
      return !wantsDrain;
    },
    arrive: (bytes) => {
      if (isClosed) return;
      arrived.push(bytes);
      deliver();
    },
    consumed: (length) => {
      inFlightBytes -= length;
      if (wantsDrain && inFlightBytes <= HIGH_WATER_BYTES / 2) {
        wantsDrain = false;
        options.clock.setTimer(0, () => {
          if (!isClosed) handlers?.drain();
        });
      }
    },
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
      options.clock.setTimer(0, deliver);
    },
    cut: end,
    close: () => {
      if (isClosed) return;
      end();
      if (isOpen || other !== undefined) options.clock.setTimer(options.latencyMs, () => other?.cut());
    },
  };
}
