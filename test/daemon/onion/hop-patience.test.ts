import test from 'ava';
import { CIRCUIT_BUILD_TIMEOUT_MS } from '../../../daemon/limits.ts';
import { createHopPatience, HOP_MS_FIRST, HOP_MS_MIN } from '../../../daemon/onion/hop-patience.ts';

test('hop patience: four median builds, within bounds, and of the latest builds only', (t) => {
  const patience = createHopPatience();
  t.is(patience.hopMs, HOP_MS_FIRST);
  patience.built(100);
  t.is(patience.hopMs, HOP_MS_MIN);
  for (const ms of [700, 800, 900, 60_000]) patience.built(ms);
  t.is(patience.hopMs, 3_200);
  for (let i = 0; i < 16; i++) patience.built(600);
  t.is(patience.hopMs, 2_400);
  for (let i = 0; i < 16; i++) patience.built(9_000);
  t.is(patience.hopMs, CIRCUIT_BUILD_TIMEOUT_MS);
});

test('hop patience: on a network that became slow it grows until circuits stand again', (t) => {
  const patience = createHopPatience();
  patience.built(100);
  for (let i = 0; i < 7; i++) patience.silent();
  t.is(patience.hopMs, HOP_MS_MIN);
  patience.silent();
  t.is(patience.hopMs, 2 * HOP_MS_MIN);
  for (let i = 0; i < 100; i++) patience.silent();
  t.is(patience.hopMs, CIRCUIT_BUILD_TIMEOUT_MS);
  patience.built(100);
  t.is(patience.hopMs, HOP_MS_MIN);
});
