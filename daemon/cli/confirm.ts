/**
 * A question that may be answered with yes or no.
 *
 * Shape   asked only when stdin and stderr are terminals; elsewhere, and with --yes, the answer is yes: whoever wrote the flag in a
 *         script meant it.
 * Errors  Interrupted when the command is, while it waits.
 * Source  ux § 2.1.
 * @module
 */
import { createInterface } from 'node:readline/promises';
import type { Context } from './context.ts';

export async function confirm(context: Pick<Context, 'options' | 'interrupted'>, question: string): Promise<boolean> {
  if (context.options.flag('yes') || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `, { signal: context.interrupted });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}
