/**
 * `holloway doctor`: looks at everything, says what is wrong and what cures it.
 *
 * Shape   one line a check; what is wrong has its code and a next step. Exit code 0, 8 (this machine) or 9 (the network).
 * Source  ux § 2.3.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configDocument } from '../../../config/document.ts';
import { findSockets } from '../../../config/paths.ts';
import type { LogLine, Status } from '../../api/schema.ts';
import { createApiClient } from '../../api/schema-client.ts';
import { LocalError } from '../../errors.ts';
import { confirm } from '../confirm.ts';
import type { CommandRun, Context } from '../context.ts';
import { exitOf, type Finding, fine, trouble } from '../doctor/finding.ts';
import { checkGateway } from '../doctor/gateway.ts';
import {
  checkConfig,
  checkDisk,
  checkListening,
  checkPermissions,
  checkRuntime,
  checkSocketPath,
  checkStore,
  checkTraces,
  type HomeFacts,
} from '../doctor/home.ts';
import { checkRoundTrip, checkSocket, checkStatus } from '../doctor/live.ts';
import { reportText } from '../doctor/report.ts';
import { printable } from '../output.ts';
import { packageVersion } from '../version.ts';

const LEVEL_WORDS = { ok: 'ok   ', warn: 'warn ', fail: 'FAIL ' } as const;

export const doctor: CommandRun = async (context) => {
  const { options, output } = context;
  const reportPath = options.text('report');
  let findings = await examine(context, (finding) => say(context, finding));
  if (options.flag('fix')) {
    const fixes = findings.flatMap(({ fix, text }) => (fix === undefined ? [] : [{ fix, text }]));
    for (const { fix, text } of fixes) {
      fix();
      output.note(`fixed: ${printable(text)}`);
    }
    if (fixes.length === 0) output.note('nothing here can be fixed without you');
    findings = findings.map((finding) =>
      finding.fix === undefined ? finding : fine(finding.check, `fixed: ${finding.text}`),
    );
  }
  if (reportPath !== undefined) await writeReport(context, reportPath, findings);
  output.document({ v: 1, findings: findings.map(({ fix: _, ...shown }) => shown) });
  return exitOf(findings);
};

/** @param onFinding told of each as it is found: the last one takes seconds */
export async function examine(context: Context, onFinding: (finding: Finding) => void): Promise<readonly Finding[]> {
  const { paths, api, options, interrupted } = context;
  const findings: Finding[] = [];
  const add = (...found: readonly Finding[]): void => {
    for (const finding of found) {
      findings.push(finding);
      onFinding(finding);
    }
  };
  const { finding, config } = checkConfig(() => context.config(), paths);
  const dataDir = config?.joined === false ? join(paths.dataDir, 'unjoined') : paths.dataDir;
  const facts: HomeFacts = { paths, dataDir, config, nowMs: Date.now() };
  add(checkRuntime(), finding, ...checkPermissions(facts), ...checkTraces(facts));
  if (config?.values['log.redact'] === false) add(unredacted());

  const { finding: socket, status } = await checkSocket(api, paths);
  const used = status === undefined ? undefined : status.store.store.bytes + status.store.cache.bytes;
  add(checkDisk(facts, used));
  if (status === undefined) add(...checkStore(facts), ...(await checkListening(facts)), ...checkSocketPath(facts));
  add(socket);
  if (status === undefined) return findings;
  add(...checkStatus(status));
  if (status.node.gateway !== null) add(await checkGateway(status.node.gateway));
  const isReady = status.verdict.word === 'HEALTHY' || status.verdict.word === 'DEGRADED';
  if (isReady && !options.flag('quick')) add(await checkRoundTrip(api, interrupted));
  return findings;
}

function unredacted(): Finding {
  return trouble('warn', 'log', {
    code: 'logs_unredacted',
    text: 'log.redact = false: the log may name keys and addresses',
    next: 'holloway config unset log.redact',
    run: 'holloway config unset log.redact',
  });
}

function say({ output }: Context, { level, check, code, text, next }: Finding): void {
  output.line(printable(`${LEVEL_WORDS[level]} ${check}: ${text}${code === null ? '' : `  [${code}]`}`));
  if (next !== null) output.line(printable(`      next  ${next}`));
}

async function writeReport(context: Context, path: string, findings: readonly Finding[]): Promise<void> {
  const { paths, output, options, interrupted } = context;
  const readOnly = createApiClient(findSockets(paths).readOnly);
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(5_000)]);
  const status = await readOnly.get<Status>('/v1/status', signal).catch(() => undefined);
  const metrics = await readOnly.text('/metrics', signal).catch(() => '');
  const log: readonly LogLine[] = status?.log ?? [];
  let config: ReturnType<typeof configDocument> | undefined;
  try {
    config = configDocument(context.config(), paths.configFile);
  } catch {
    // Not usable: that is one of the findings.
  }
  const text = reportText({ version: packageVersion(), findings, config, status, metrics, log });
  output.note(printable(text, true));
  if (!(await confirm(context, `Write this to ${path}?`))) throw new LocalError('cancelled', 'nothing was written');
  try {
    writeFileSync(path, text, { mode: 0o600, flag: options.flag('force') ? 'w' : 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code === 'EEXIST' ? new LocalError('exists', path) : new LocalError('no_write', `${path} (${code})`);
  }
  output.note(`written: ${path}`);
}
