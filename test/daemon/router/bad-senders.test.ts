import test from 'ava';
import { BAD_SENDERS_MAX } from '../../../daemon/limits.ts';
import { BAD_SENDER_MAX_MS, BAD_SENDER_MS, BadSenders } from '../../../daemon/router/bad-senders.ts';

test('BadSenders: ten minutes, then twice as long each time, up to a day', (t) => {
  const senders = new BadSenders();
  senders.note('a', 0);
  t.true(senders.isShunned('a', BAD_SENDER_MS - 1));
  t.false(senders.isShunned('a', BAD_SENDER_MS));
  t.false(senders.isShunned('b', 0));
  senders.note('a', BAD_SENDER_MS);
  t.true(senders.isShunned('a', 3 * BAD_SENDER_MS - 1));
  t.false(senders.isShunned('a', 3 * BAD_SENDER_MS));
  for (let i = 0; i < 40; i++) senders.note('a', 0);
  t.true(senders.isShunned('a', BAD_SENDER_MAX_MS - 1));
  t.false(senders.isShunned('a', BAD_SENDER_MAX_MS));
});

test('BadSenders: at BAD_SENDERS_MAX the one that lied longest ago is forgotten', (t) => {
  const senders = new BadSenders();
  for (let i = 0; i < BAD_SENDERS_MAX; i++) senders.note(`${i}`, 0);
  senders.note('0', 1);
  senders.note('new', 1);
  t.is(senders.size, BAD_SENDERS_MAX);
  t.true(senders.isShunned('0', 2));
  t.false(senders.isShunned('1', 2));
});
