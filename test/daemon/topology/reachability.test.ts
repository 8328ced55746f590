import test from 'ava';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createReachability } from '../../../daemon/topology/reachability.ts';
import { addressBytes } from '../../../daemon/wire/address.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function linkFrom(host: string, dialledByUs: boolean, openedAtMs = 0): Link {
  return { peer: {}, remote: { host, port: 1 }, dialledByUs, openedAtMs } as unknown as Link;
}
const seenAt = (host: string): Uint8Array => addressBytes({ host, port: 5_000 });

test('reachability: unknown at first, no after five minutes with three links of our own, yes once a node came', async (t) => {
  const clock = createManualClock();
  const watch = createReachability({ clock });
  const links = ['20.1.1.1', '20.2.1.1', '20.3.1.1'].map((host) => linkFrom(host, true, clock.nowMs()));
  for (const link of links) watch.linkOpened(link);
  t.is(watch.state(links).dialled, 'unknown');
  await clock.advance(300_000);
  t.is(watch.state(links.slice(1)).dialled, 'unknown', 'two links are too few to say');
  t.is(watch.state(links).dialled, 'no');
  watch.linkOpened(linkFrom('20.4.1.1', false));
  t.is(watch.state(links).dialled, 'yes');
});

test('reachability: a light client that comes proves it to nobody else', (t) => {
  const clock = createManualClock();
  const watch = createReachability({ clock });
  watch.linkOpened({ ...linkFrom('20.4.1.1', false), peer: undefined } as Link);
  t.is(watch.state([]).dialled, 'unknown');
});

test('reachability: the address that most networks see, two at least; one network has one voice', (t) => {
  const watch = createReachability({ clock: createManualClock() });
  const honest = [linkFrom('20.1.1.1', true), linkFrom('20.2.1.1', true)];
  watch.observed(honest[0]!, seenAt('9.9.9.9'));
  t.is(watch.state([]).observedHost, undefined);
  for (let i = 1; i < 20; i++) watch.observed(linkFrom(`66.6.${i}.1`, false), seenAt('6.6.6.6'));
  t.is(watch.state([]).observedHost, undefined);
  watch.observed(honest[1]!, seenAt('9.9.9.9'));
  t.is(watch.state([]).observedHost, '9.9.9.9');
  watch.observed(honest[1]!, new Uint8Array(9));
  watch.linkClosed(honest[0]!);
  t.is(watch.state([]).observedHost, undefined);
});
