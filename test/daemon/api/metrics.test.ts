import { request } from 'node:http';
import test from 'ava';
import { METRICS, metricsText } from '../../../daemon/api/metrics.ts';
import { startProbeServer } from '../../../daemon/api/probe-server.ts';
import { NUMBERS } from '../../../daemon/api/schema-numbers.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { fixtureStatus, hostileStatus } from '../../support/status-fixture.ts';

const SAMPLE = /^[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? -?[\d.e+-]+$/;

test('metrics: every sample is well formed, and its family has help and type once', (t) => {
  const lines = metricsText(fixtureStatus()).trimEnd().split('\n');
  const families = new Set<string>();
  for (const line of lines) {
    const [, kind, name] = /^# (HELP|TYPE) (\S+) \S/.exec(line) ?? [];
    if (kind === 'TYPE') {
      t.false(families.has(name!), name);
      families.add(name!);
    }
    if (kind === undefined) {
      t.regex(line, SAMPLE);
      t.true(families.has(/^[a-z_]+/.exec(line)![0]), line);
    }
  }
  t.true(families.size > 50);
});

test('metrics: names carry their unit, counters end in _total, help is the meaning in the table of numbers', (t) => {
  for (const { path, name, type, help } of METRICS) {
    const { meaning, unit } = NUMBERS[path as keyof typeof NUMBERS];
    t.true(help.startsWith(meaning), path);
    t.is(name.endsWith('_total'), type === 'counter', name);
    if (unit === 'bytes') t.regex(name, /_bytes(_total)?$/);
    if (unit === 'ms') t.regex(name, /_seconds(_total)?$/);
  }
  t.is(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
  const text = metricsText(fixtureStatus({ uptimeMs: 90_000 }));
  t.regex(text, /^holloway_uptime_seconds 90$/m);
  t.regex(text, /^holloway_verdict\{word="HEALTHY"\} 1$/m);
});

test('metrics: labels are bounded, and nothing from outside, no place and no peer is in them', (t) => {
  const labels = new Set([...metricsText(fixtureStatus()).matchAll(/([a-z]+)="/g)].map((match) => match[1]));
  t.deepEqual([...labels].sort(), ['htl', 'kind', 'network', 'role', 'seconds', 'version', 'word']);
  // Network and version are this node's own words, checked where they are read.
  const hostile = { ...hostileStatus('CHK@secret 203.0.113.7'), network: 'garden', version: '0.1.0' };
  const text = metricsText(hostile);
  t.notRegex(text, /secret|203\.0|p01|file-1|location /);
});

function get(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, text]));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('probes: alive, ready only while the verdict is good, and closed to other names and other sites', async (t) => {
  let status = fixtureStatus();
  const server = await startProbeServer({ host: '127.0.0.1', port: 0 }, () => status);
  t.teardown(() => server.close());
  const { port } = server;
  t.deepEqual(await get(port, '/healthz'), [200, 'ok\n']);
  t.deepEqual(await get(port, '/readyz'), [200, 'HEALTHY\n']);
  status = fixtureStatus({ verdict: { word: 'OFFLINE', reason: 'no seed', next: '' } });
  t.deepEqual(await get(port, '/readyz'), [503, 'OFFLINE no seed\n']);
  t.is((await get(port, '/metrics'))[0], 200);
  t.is((await get(port, '/metrics', {}, 'HEAD'))[1], '');
  t.is((await get(port, '/v1/status'))[0], 404);
  t.is((await get(port, '/metrics', {}, 'POST'))[0], 405);
  t.is((await get(port, '/metrics', { host: 'evil.example' }))[0], 421);
  t.is((await get(port, '/metrics', { host: `localhost:${port}` }))[0], 200);
  t.is((await get(port, '/metrics', { origin: 'http://evil.example' }))[0], 403);
  t.is((await get(port, '/metrics', { 'sec-fetch-site': 'cross-site' }))[0], 403);
  await t.throwsAsync(
    startProbeServer({ host: '127.0.0.1', port }, () => status),
    {
      instanceOf: LocalError,
      code: 'port_in_use',
    },
  );
});
