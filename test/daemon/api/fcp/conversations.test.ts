import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { type FcpWorld, startFcpWorld } from './fcp-world.ts';

/**
 * Recorded conversations: `> ` what the client writes, `< ` what the node answers, `# ` a remark, `@ MS` time that passes. The answers are
 * compared byte for byte. `{DIR}` is a directory of the test's own, in which the client has made `file.txt`.
 *
 * To record: HOLLOWAY_RECORD=1 ava test/daemon/api/fcp/conversations.test.ts writes the answers anew; read the difference before keeping it.
 */
const FOLDER = new URL('../../../vectors/fcp/', import.meta.url).pathname;
const RECORDS = process.env.HOLLOWAY_RECORD === '1';
const TURNS_MAX = 2_000;

interface Step {
  readonly type: '>' | '<' | '@' | '#';
  readonly lines: string[];
}

function parse(text: string): Step[] {
  const steps: Step[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = line[0] as Step['type'];
    const rest = line.slice(2);
    const last = steps.at(-1);
    if (last?.type === type) last.lines.push(rest);
    else steps.push({ type, lines: [rest] });
  }
  return steps;
}

class Talk {
  readonly #fcp: FcpWorld;
  readonly #socket;
  #received = Buffer.alloc(0);

  constructor(fcp: FcpWorld) {
    this.#fcp = fcp;
    this.#socket = connect({ host: '127.0.0.1', port: fcp.port });
    this.#socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
    });
    this.#socket.on('error', () => {});
  }

  say(text: string): void {
    this.#socket.write(text);
  }

  /** What came until `enough` bytes, or until nothing more does. */
  async hear(enough: number, patience = 400): Promise<string> {
    let quiet = 0;
    for (let turn = 0; turn < TURNS_MAX && quiet < patience; turn++) {
      const before = this.#received.length;
      await this.#fcp.world.clock.settle();
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#received.length === before ? quiet + 1 : 0;
      if (!RECORDS && this.#received.length >= enough) break;
      // The disk answers in real time: some of it, as long as nothing comes.
      if (quiet % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const text = this.#received.toString();
    this.#received = Buffer.alloc(0);
    return text;
  }

  close(): void {
    this.#socket.destroy();
  }
}

for (const file of readdirSync(FOLDER)) {
  test(`conversation ${file}`, async (t) => {
    const fcp = await startFcpWorld(`conversation ${file}`.length);
    const talk = new Talk(fcp);
    try {
      const dir = join(fcp.dir, 'client');
      mkdirSync(dir);
      writeFileSync(join(dir, 'file.txt'), 'a file of the client');
      const steps = parse(readFileSync(join(FOLDER, file), 'utf8'));
      const fill = (lines: readonly string[]): string => `${lines.join('\n')}\n`.replaceAll('{DIR}', dir);
      const kept: string[] = [];
      for (const step of steps) {
        if (step.type === '#') kept.push(...step.lines.map((line) => `# ${line}`));
        if (step.type === '@') {
          await fcp.world.clock.advance(Number(step.lines[0]));
          kept.push(`@ ${step.lines[0]}`);
        }
        if (step.type === '>') {
          talk.say(fill(step.lines));
          kept.push(...step.lines.map((line) => `> ${line}`));
        }
        if (step.type !== '<') continue;
        const expected = fill(step.lines);
        const heard = await talk.hear(expected.length);
        if (RECORDS)
          kept.push(
            ...heard
              .replaceAll(dir, '{DIR}')
              .split('\n')
              .slice(0, -1)
              .map((line) => `< ${line}`),
          );
        else t.is(heard, expected);
      }
      if (RECORDS) writeFileSync(join(FOLDER, file), `${kept.join('\n')}\n`);
      else t.is(await talk.hear(1, 40), '', 'nothing more is said');
    } finally {
      talk.close();
      await fcp.close();
    }
  });
}
