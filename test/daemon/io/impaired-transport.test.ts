import test from 'ava';
import { faultsFrom, type Impairment, impair } from '../../../daemon/io/impaired-transport.ts';
import { logDials } from '../../../daemon/io/logged-transport.ts';
import type { ByteStream } from '../../../daemon/ports.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createMemoryNetwork } from '../../support/memory-transport.ts';

const AT = { host: '10.0.0.2', port: 9480 };
const NONE: Impairment = { latencyMs: 0, lossRate: 0, churnMs: 0 };

/** A dials B over an impaired transport at A's end; what arrives at A carries the time of its arrival. */
async function pair(impairment: Partial<Impairment>, unit = faultsFrom(7)) {
  const clock = createManualClock();
  const network = createMemoryNetwork(clock);
  const absences: boolean[] = [];
  const near = impair({
    transport: network.transport('10.0.0.1'),
    clock,
    unit,
    impairment: { ...NONE, ...impairment },
    onAbsence: (isAbsent) => absences.push(isAbsent),
  });
  let far: ByteStream | undefined;
  await network.transport(AT.host).listen(AT, (stream) => {
    far = stream;
    stream.attach({ data: () => {}, drain: () => {}, close: () => {} });
  });
  const arrived: [atMs: number, text: string][] = [];
  const stream = near.dial(AT);
  stream.attach({
    open: () => arrived.push([clock.nowMs(), 'open']),
    data: (bytes) => arrived.push([clock.nowMs(), Buffer.from(bytes).toString()]),
    drain: () => {},
    close: () => arrived.push([clock.nowMs(), 'closed']),
  });
  await clock.settle();
  return {
    clock,
    near,
    stream,
    arrived,
    absences,
    send: (text: string) => far!.write(Buffer.from(text)),
    end: () => far!.close(),
  };
}

test('impair: bytes arrive after the latency, in order, and the end after the bytes', async (t) => {
  const { clock, arrived, send, end } = await pair({ latencyMs: 40 });
  await clock.advance(40);
  t.deepEqual(arrived, [[40, 'open']]);
  send('a');
  send('b');
  end();
  await clock.advance(39);
  t.is(arrived.length, 1);
  await clock.advance(1);
  t.is(
    arrived
      .slice(1)
      .map(([, text]) => text)
      .join(''),
    'abclosed',
  );
  t.true(arrived.slice(1).every(([atMs]) => atMs === 80));
});

test('impair: a lost packet holds up what follows it by the time TCP waits', async (t) => {
  let draws = 0;
  const { clock, arrived, send } = await pair({ latencyMs: 10, lossRate: 0.5 }, () => (draws++ === 1 ? 0.1 : 0.9));
  await clock.advance(10);
  send('lost');
  await clock.settle();
  send('held');
  await clock.advance(209);
  t.is(arrived.length, 1);
  await clock.advance(1);
  t.deepEqual(arrived.slice(1), [
    [220, 'lost'],
    [220, 'held'],
  ]);
});

test('impair: a paused stream keeps its bytes, and gives them on when it goes on', async (t) => {
  const { clock, arrived, send, stream } = await pair({ latencyMs: 10 });
  await clock.advance(10);
  stream.pause();
  send('x');
  await clock.advance(100);
  t.is(arrived.length, 1);
  stream.resume();
  await clock.advance(10);
  t.is(arrived[1]?.[1], 'x');
  stream.close();
  send('never');
  await clock.advance(100);
  t.false(arrived.some(([, text]) => text === 'never'));
});

test('impair: churn cuts every stream off, refuses dials meanwhile, and ends', async (t) => {
  const { clock, near, arrived, absences } = await pair({ churnMs: 60_000 }, () => 0.5);
  await clock.advance(60_000 * Math.LN2 + 1);
  t.deepEqual(absences, [true]);
  t.is(arrived.at(-1)?.[1], 'closed');
  let closed = 0;
  near.dial(AT).attach({ data: () => {}, drain: () => {}, close: () => closed++ });
  await clock.settle();
  t.is(closed, 1);
  await clock.advance(10_000 * Math.LN2 + 1);
  t.deepEqual(absences, [true, false]);
});

test('faultsFrom: one seed, one sequence, in [0, 1)', (t) => {
  const [a, b, c] = [faultsFrom(1), faultsFrom(1), faultsFrom(2)];
  const draws = Array.from({ length: 1_000 }, () => a());
  t.deepEqual(
    draws,
    Array.from({ length: 1_000 }, () => b()),
  );
  t.notDeepEqual(draws.slice(0, 3), [c(), c(), c()]);
  t.true(draws.every((draw) => draw >= 0 && draw < 1));
  t.true(Math.abs(draws.reduce((sum, draw) => sum + draw, 0) / 1_000 - 0.5) < 0.05);
});

test('logDials: a dial that fails is said at debug, one that opens is not', async (t) => {
  const clock = createManualClock();
  const network = createMemoryNetwork(clock);
  const said: string[] = [];
  const transport = logDials(network.transport('10.0.0.1'), {
    write: (level, _, text) => said.push(`${level} ${text}`),
  });
  await network
    .transport(AT.host)
    .listen(AT, (stream) => stream.attach({ data: () => {}, drain: () => {}, close: () => {} }));
  const open = transport.dial(AT);
  open.attach({ data: () => {}, drain: () => {}, close: () => {} });
  transport.dial({ ...AT, port: 1 }).attach({ data: () => {}, drain: () => {}, close: () => {} });
  await clock.advance(10);
  open.close();
  await clock.advance(10);
  t.deepEqual(said, ['debug no connection to 10.0.0.2:1']);
});
