/**
 * Every leak vector in Chromium, few to a page, against a canary that counts connections.
 * @module
 */
import { findBrowser, startBrowser } from '../support/browser.ts';
import { runCanary } from '../support/gateway-canary.ts';
import type { LongResult } from './run.ts';

export async function run(): Promise<LongResult> {
  const path = findBrowser();
  if (path === undefined) return { held: false, lines: ['no Chromium is installed here'] };
  const browser = await startBrowser(path);
  try {
    const alone = await runCanary(browser, { perPage: 1, every: 1 });
    const packed = await runCanary(browser, { perPage: 25, every: 1 });
    const held = [alone, packed].every(
      (report) => report.connections === 0 && report.probesLookedUp === 0 && report.connectionsUnprotected > 0,
    );
    const lines = [alone, packed].map(
      (report) =>
        `${report.vectors} vectors on ${report.pages} pages: ${report.connections} connections to the canary (${report.connectionsUnprotected} from 60 of them without the gateway), ${report.blank.length} pages without their own pictures, ${report.probesLookedUp} look-ups for another site`,
    );
    return { held: held && packed.blank.length === 0, lines };
  } finally {
    await browser.close();
  }
}
