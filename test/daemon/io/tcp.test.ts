/**
 * TCP streams on loopback: order, back-pressure, refusals.
 * @module
 */
import test from 'ava';
import { LocalError } from '../../../daemon/errors.ts';
import { createTcpTransport } from '../../../daemon/io/tcp.ts';
import { ACCEPTED_SOCKETS_MAX, DIAL_TIMEOUT_MS } from '../../../daemon/limits.ts';
import type { ByteStream, Listener, Transport } from '../../../daemon/ports.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** Everything written comes back, at the reader's pace. */
function listenEcho(transport: Transport): Promise<Listener> {
  return transport.listen(LOOPBACK, (stream) => {
    stream.attach({
      data: (bytes) => {
        if (!stream.write(bytes.slice())) stream.pause();
      },
      drain: () => stream.resume(),
      close: () => {},
    });
  });
}

function closed(stream: ByteStream): Promise<string[]> {
  const seen: string[] = [];
  return new Promise((resolve) => {
    stream.attach({
      open: () => seen.push('open'),
      data: () => seen.push('data'),
      drain: () => seen.push('drain'),
      close: () => {
        seen.push('close');
        setImmediate(() => resolve(seen)); // whatever wrongly came after would be seen too
      },
    });
  });
}

test('10 MB go round in order under back-pressure', async (t) => {
  const transport = createTcpTransport();
  const listener = await listenEcho(transport);
  const totalBytes = 10_000_000;
  const chunk = Uint8Array.from({ length: 62_500 }, (_, index) => index % 251);
  const stream = transport.dial(listener.address);
  let sent = 0;
  let refusals = 0;
  let received = 0;
  let mismatches = 0;
  await new Promise<void>((resolve) => {
    const send = (): void => {
      while (sent < totalBytes) {
        sent += chunk.length;
        if (!stream.write(chunk)) {
          refusals++;
          return;
        }
      }
    };
    stream.attach({
      open: send,
      drain: send,
      data: (bytes) => {
        for (const byte of bytes) if (byte !== (received++ % chunk.length) % 251) mismatches++;
        if (received === totalBytes) stream.close();
      },
      close: resolve,
    });
  });
  listener.close();
  t.is(received, totalBytes);
  t.is(mismatches, 0);
  t.true(refusals > 0);
});

test('a reader that stays paused stops the sender within what the system buffers, and drain comes when it reads', async (t) => {
  const transport = createTcpTransport();
  const accepted = Promise.withResolvers<ByteStream>();
  let received = 0;
  const listener = await transport.listen(LOOPBACK, (stream) => {
    stream.pause();
    stream.attach({ data: (bytes) => (received += bytes.length), drain: () => {}, close: () => {} });
    stream.pause();
    accepted.resolve(stream);
  });
  const stream = transport.dial(listener.address);
  const opened = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<void>();
  stream.attach({ open: opened.resolve, data: () => {}, drain: drained.resolve, close: () => {} });
  await opened.promise;
  const reader = await accepted.promise;
  let sent = 0;
  do sent += 65_536;
  while (stream.write(new Uint8Array(65_536)));
  t.true(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
  t.true(received <= 512 * 1024);
  reader.resume();
  await drained.promise;
  t.true(received > 0);
  stream.close();
  reader.close();
  listener.close();
});

test('pause stops the data until resume', async (t) => {
  const transport = createTcpTransport();
  const accepted = Promise.withResolvers<ByteStream>();
  let received = 0;
  let isPaused = false;
  let whilePaused = 0;
  const done = Promise.withResolvers<void>();
  const listener = await transport.listen(LOOPBACK, (stream) => {
    stream.attach({
      data: (bytes) => {
        if (isPaused) whilePaused += bytes.length;
        received += bytes.length;
        if (received >= 3_000_000) done.resolve();
        if (isPaused) return;
        isPaused = true;
        stream.pause();
        setImmediate(() =>
          setImmediate(() => {
            isPaused = false;
            stream.resume();
          }),
        );
      },
      drain: () => {},
      close: () => {},
    });
    accepted.resolve(stream);
  });
  const stream = transport.dial(listener.address);
  stream.attach({
    open: () => stream.write(new Uint8Array(3_000_000)),
    data: () => {},
    drain: () => {},
    close: () => {},
  });
  await done.promise;
  t.is(received, 3_000_000);
  t.is(whilePaused, 0);
  stream.close();
  (await accepted.promise).close();
  listener.close();
});

test('a taken port is port_in_use, an address that is not ours listen_failed', async (t) => {
  const transport = createTcpTransport();
  const listener = await transport.listen(LOOPBACK, () => {});
  t.true(listener.address.port > 0);
  await t.throwsAsync(
    transport.listen(listener.address, () => {}),
    { instanceOf: LocalError, code: 'port_in_use' },
  );
  await t.throwsAsync(
    transport.listen({ host: '192.0.2.1', port: 0 }, () => {}),
    { instanceOf: LocalError, code: 'listen_failed' },
  );
  listener.close();
});

test('a refused dial opens never and closes once', async (t) => {
  const transport = createTcpTransport();
  const listener = await transport.listen(LOOPBACK, () => {});
  listener.close();
  t.deepEqual(await closed(transport.dial(listener.address)), ['close']);
});

for (const to of [
  { host: 'localhost', port: 9480 },
  { host: '127.0.0.1', port: 0 },
  { host: '127.0.0.1', port: 65_536 },
  { host: '', port: 80 },
]) {
  test(`a dial to ${to.host || 'nobody'}:${to.port} closes, without a look-up and without throwing`, async (t) => {
    const stream = createTcpTransport().dial(to);
    t.false(stream.write(new Uint8Array(1)));
    t.deepEqual(await closed(stream), ['close']);
  });
}

test('a dial that nobody answers closes at the timeout', async (t) => {
  t.is(DIAL_TIMEOUT_MS, 10_000);
  const transport = createTcpTransport({ dialTimeoutMs: 1 });
  const seen = await closed(transport.dial({ host: '192.0.2.1', port: 9 })); // TEST-NET-1: no machine has it
  t.deepEqual(seen, ['close']);
});

test('localAddress is where a dial comes from; one of the other family is left out', async (t) => {
  const seen: string[] = [];
  const listening = createTcpTransport();
  const accepted = Promise.withResolvers<void>();
  const listener = await listening.listen({ host: '127.0.0.1', port: 0 }, (stream) => {
    seen.push(stream.remote.host);
    stream.close();
    if (seen.length === 3) accepted.resolve();
  });
  for (const localAddress of ['127.0.0.1', '0.0.0.0', '::1']) {
    await closed(createTcpTransport({ localAddress }).dial(listener.address));
  }
  await accepted.promise;
  t.deepEqual(seen, ['127.0.0.1', '127.0.0.1', '127.0.0.1']);
  listener.close();
});

test('accepted sockets have their cap; the one past it is closed', async (t) => {
  t.is(ACCEPTED_SOCKETS_MAX, 768);
  const transport = createTcpTransport({ acceptedMax: 3 });
  const held: ByteStream[] = [];
  const listener = await transport.listen(LOOPBACK, (stream) => {
    held.push(stream);
    stream.attach({ data: () => {}, drain: () => {}, close: () => {} });
  });
  const dialled = Array.from({ length: 4 }, () => transport.dial(listener.address));
  // Whichever of the four comes last: three open and stay, one is opened and closed by the other end.
  await Promise.race(dialled.map(closed));
  t.is(held.length, 3);
  for (const stream of dialled) stream.close();
  listener.close();
});

test('the end of one side closes the other, after what was sent', async (t) => {
  const transport = createTcpTransport();
  const listener = await transport.listen(LOOPBACK, (stream) => {
    stream.attach({ data: () => stream.close(), drain: () => {}, close: () => {} });
  });
  const stream = transport.dial(listener.address);
  let closes = 0;
  await new Promise<void>((resolve) => {
    stream.attach({
      open: () => stream.write(new Uint8Array(10)),
      data: () => {},
      drain: () => {},
      close: () => {
        closes++;
        resolve();
      },
    });
  });
  t.is(closes, 1);
  t.false(stream.write(new Uint8Array(1)));
  stream.close();
  listener.close();
});

test('two small writes in a row from the dialling end do not wait for an acknowledgement', async (t) => {
  const transport = createTcpTransport();
  const listener = await transport.listen(LOOPBACK, (accepted) => {
    let seen = 0;
    accepted.attach({
      data: (bytes) => {
        seen += bytes.length;
        if (seen % 200 === 0) accepted.write(new Uint8Array(1));
      },
      drain: () => {},
      close: () => {},
    });
  });
  const stream = transport.dial(listener.address);
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    let startedMs = 0;
    const round = (): void => {
      startedMs = performance.now();
      stream.write(new Uint8Array(100));
      setImmediate(() => stream.write(new Uint8Array(100)));
    };
    stream.attach({
      open: round,
      data: () => {
        times.push(performance.now() - startedMs);
        if (times.length === 25) stream.close();
        else round();
      },
      drain: () => {},
      close: resolve,
    });
  });
  listener.close();
  // With Nagle's delay the second write waits 40 ms for a delayed acknowledgement, in all rounds but the first few. A busy machine
  // may slow any round, but not all of the later ones.
  const quickest = Math.min(...times.slice(12));
  t.true(quickest < 35, `quickest of the later rounds ${quickest.toFixed(1)} ms`);
});
