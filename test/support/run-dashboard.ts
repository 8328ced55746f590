/**
 * The dashboard alone, for terminal tests: `node test/support/run-dashboard.ts SOCKET`; exits with the code it answers.
 * @module
 */
import { runDashboard } from '../../tui/main.ts';

process.exit(
  await runDashboard({
    socketPath: process.argv[2]!,
    readOnly: false,
    ascii: false,
    color: 'auto',
    refreshMs: 1_000,
    strip: () => process.argv[3] ?? '',
  }),
);
