/**
 * Runs the suite and, beside it, the part that comes near a key once more on the portable cryptography.
 *
 * Why     many tests wait for processes and sockets: side by side the two passes fill each other's pauses. The second pass is printed when
 *         the first has ended, so that the lines of the two do not mix.
 */
import { spawn } from 'node:child_process';

const run = (script, stdio) => {
  const child = spawn('npm', ['run', '--silent', script], { stdio });
  const parts = [];
  child.stdout?.on('data', (part) => parts.push(part));
  child.stderr?.on('data', (part) => parts.push(part));
  const ended = new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
  return { ended, text: () => Buffer.concat(parts).toString('utf8') };
};

const portable = run('unit:portable', ['ignore', 'pipe', 'pipe']);
const first = await run('unit', ['ignore', 'inherit', 'inherit']).ended;
const second = await portable.ended;
console.log('\nOnce more with HOLLOWAY_CRYPTO=portable:');
process.stdout.write(portable.text());
process.exitCode = first || second;
