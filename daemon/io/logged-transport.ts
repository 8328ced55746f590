/**
 * A Transport that says in the log what it dials and what does not answer.
 *
 * Why     for a search for a fault in the network around the node. The address is in the line, so it is at debug, and redact.ts takes it
 *         out again unless the owner set log.redact = false.
 * @module
 */
import type { ByteStream, Log, Transport } from '../ports.ts';

export function logDials(transport: Transport, log: Log): Transport {
  return {
    listen: (at, accept) => transport.listen(at, accept),
    dial(to) {
      const stream = transport.dial(to);
      return {
        ...forwarded(stream),
        attach(handlers) {
          let isOpen = false;
          stream.attach({
            open() {
              isOpen = true;
              handlers.open?.();
            },
            data: (bytes) => handlers.data(bytes),
            drain: () => handlers.drain(),
            close() {
              if (!isOpen) log.write('debug', 'io', `no connection to ${to.host}:${to.port}`);
              handlers.close();
            },
          });
        },
      };
    },
  };
}

/** Everything of a stream but `attach`. */
function forwarded(stream: ByteStream): Omit<ByteStream, 'attach'> {
  return {
    remote: stream.remote,
    write: (bytes) => stream.write(bytes),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: () => stream.close(),
  };
}
