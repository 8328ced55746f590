/**
 * The filter and the policy together, in a real browser: a part of the corpus; all of it is `npm run long -- gateway-canary`.
 * @module
 */
import test from 'ava';
import { findBrowser, startBrowser } from '../../../support/browser.ts';
import { runCanary } from '../../../support/gateway-canary.ts';

test('in Chromium no page connects anywhere, and no other site makes the gateway look anything up', async (t) => {
  t.timeout(120_000);
  const path = findBrowser();
  if (path === undefined) {
    t.log('skipped: no Chromium is installed here');
    t.pass();
    return;
  }
  const browser = await startBrowser(path);
  try {
    const report = await runCanary(browser, { perPage: 90, every: 3 });
    t.log(JSON.stringify(report));
    t.is(report.connections, 0);
    t.is(report.probesLookedUp, 0);
    t.deepEqual(report.blank, []);
    t.true(report.vectors > 200);
    t.true(report.connectionsUnprotected > 0, 'without the gateway the canary hears them');
  } finally {
    await browser.close();
  }
});
