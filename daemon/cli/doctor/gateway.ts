/**
 * Whether the gateway answers, with the headers that keep a page from telling on its reader, and refuses a name that is not its own.
 *
 * Unit    milliseconds.
 * Errors  none: what does not answer is a finding.
 * Source  ux §§ 2.3, 3.1, 3.4.
 * @module
 */
import { type IncomingHttpHeaders, request } from 'node:http';
import { type Finding, fine, trouble } from './finding.ts';

const ANSWER_MS = 5_000;
const MISDIRECTED = 421;
/** Header -> what must stand in it. */
const NEEDED: Readonly<Record<string, RegExp>> = {
  'content-security-policy': /default-src 'none'/,
  'cross-origin-resource-policy': /^same-origin$/,
  'referrer-policy': /^no-referrer$/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
};

/** @param address host:port, as the status tells it */
export async function checkGateway(address: string): Promise<Finding> {
  const next = 'holloway stop && holloway start; if it stays so: holloway doctor --report report.txt';
  const wrong = (text: string): Finding => trouble('fail', 'gateway', { code: 'gateway_wrong', text, next });
  const startedMs = performance.now();
  try {
    const { status, headers } = await ask(address, address);
    // 401: it listens to other machines too, and wants its token.
    if (status !== 200 && status !== 401) return wrong(`http://${address}/ answers ${status}`);
    const missing = Object.keys(NEEDED).filter((name) => !NEEDED[name]!.test(`${headers[name] ?? ''}`));
    if (missing.length > 0) return wrong(`its answer lacks ${missing.join(', ')}`);
    if (headers['access-control-allow-origin'] !== undefined) return wrong('it lets other web sites read its answers');
    const foreign = await ask(address, 'other.example');
    if (foreign.status !== MISDIRECTED) return wrong(`it answers to a foreign name (${foreign.status})`);
    return fine(
      'gateway',
      `http://${address}/ answers in ${Math.max(1, Math.round(performance.now() - startedMs))} ms, headers are in place`,
    );
  } catch (error) {
    return wrong(
      `http://${address}/ does not answer (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`,
    );
  }
}

function ask(address: string, host: string): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const outgoing = request(`http://${address}/`, { headers: { host }, signal, agent: false }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
