/**
 * Writes the golden screens anew: `node test/tui/update-golden.ts`, then read the difference before committing it.
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GOLDEN_FOLDER, goldenCases } from './golden-cases.ts';

rmSync(GOLDEN_FOLDER, { recursive: true, force: true });
mkdirSync(GOLDEN_FOLDER, { recursive: true });
const cases = goldenCases();
for (const { file, render } of cases) writeFileSync(join(GOLDEN_FOLDER, file), render());
process.stdout.write(`${cases.length} screens written to ${GOLDEN_FOLDER}\n`);
