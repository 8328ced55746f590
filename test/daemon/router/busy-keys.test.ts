import test from 'ava';
import fc from 'fast-check';
import { ringLocation } from '../../../daemon/ids.ts';
import { BusyKeys } from '../../../daemon/router/busy-keys.ts';

const place = () => ringLocation(0.5);

test('busy keys: every true count lies between count - error and count, and what is asked often enough is listed', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 600 }), (asked) => {
      const busy = new BusyKeys();
      const truth = new Map<string, number>();
      for (const key of asked) {
        truth.set(`${key}`, (truth.get(`${key}`) ?? 0) + 1);
        busy.add(`${key}`, place);
      }
      const list = busy.list();
      const listed = new Set(list.map(({ name }) => name));
      return (
        list.length <= 20 &&
        list.every(({ name, count, error }) => count - error <= truth.get(name)! && truth.get(name)! <= count) &&
        [...truth].every(([name, count]) => count <= asked.length / 20 || listed.has(name))
      );
    }),
    { numRuns: 60 },
  );
  t.pass();
});
