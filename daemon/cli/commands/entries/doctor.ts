/**
 * What is wrong, and what the daemon says about itself.
 * @module
 */
import { type CommandSpec, TIMEOUT } from '../spec.ts';

export const DOCTOR_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'doctor',
    args: [],
    flags: [
      { flags: '--fix', sentence: 'do what loses nothing: modes, an old lock, a crash that was read' },
      { flags: '--quick', sentence: 'leave out the block that goes through the network and back' },
      { flags: '--report <file>', sentence: 'write all of it to a file for others, without keys, addresses and names' },
      { flags: '--force', sentence: 'overwrite that file' },
      { flags: '--yes', sentence: 'do not ask' },
    ],
    sentence: 'Look for faults of this node, its machine and its network, and say what cures them.',
    example: 'holloway doctor --report report.txt',
    json: {
      v: 'integer',
      findings: [
        { check: 'text', level: 'text', code: 'text|null', text: 'text', next: 'text|null', run: 'text|null' },
      ],
    },
    load: async () => (await import('../doctor.ts')).doctor,
  },
  {
    name: 'logs',
    args: [],
    flags: [
      { flags: '-f, --follow', sentence: 'stay, and print lines as they come' },
      {
        flags: '--level <level>',
        sentence: 'the least important lines wanted: error | warn | info | debug | trace',
        choices: ['error', 'warn', 'info', 'debug', 'trace'],
      },
      { flags: '--tail <n>', sentence: 'how many lines of the past, 0..1000 (100)' },
      {
        flags: '--set <subsystem=level>',
        sentence: 'from now on, until the daemon stops; subsystem=default takes it back, all=LEVEL means every one',
        repeatable: true,
      },
      TIMEOUT,
    ],
    sentence: 'Print the log of the daemon; without a daemon, the end of its log file.',
    example: 'holloway logs --follow --level debug --set router=debug',
    json: {
      v: 'integer',
      lines: [{ atMs: 'integer', level: 'text', subsystem: 'text', text: 'text', repeats: 'integer' }],
    },
    load: async () => (await import('../logs.ts')).logs,
  },
];
