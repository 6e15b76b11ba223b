import { expect, it } from 'vitest';
import { MeteredBytes } from './metered-bytes.js';

const WIFI = 1;
const CELLULAR = 2;
const wifi = (newBytes: number) => ({ link: WIFI, newBytes });
const cellular = (newBytes: number) => ({ link: CELLULAR, newBytes });

/** Gives what each look finds. */
function counter() {
  const bytes = new MeteredBytes();
  type Subflows = ReturnType<typeof wifi>[];
  return (there: Subflows, gone: Subflows, connectionBytes: number | undefined): number =>
    bytes.since(there, gone, connectionBytes, (link) => link === CELLULAR);
}

it('bytes over metered links are those of their subflows, whatever the connection counts', () => {
  const since = counter();
  expect(since([wifi(100), cellular(20)], [], 120)).toBe(20);
  // What is sent again counts for subflows only, what is on the way for the connection.
  expect(since([wifi(100), cellular(30)], [], 5000)).toBe(30);
});

it('bytes over metered links count up to the end of a subflow, also where it was not seen any more', () => {
  const since = counter();
  since([wifi(100), cellular(20)], [], 120);
  expect(since([wifi(10)], [cellular(7)], 137)).toBe(7);
  expect(since([wifi(10), cellular(5)], [], 152)).toBe(5);
  expect(since([wifi(10)], [cellular(0)], 192)).toBe(30);
  expect(since([wifi(50)], [cellular(0)], 212)).toBe(0);
});

it('bytes over metered links are not guessed at when another subflow is gone, or the kernel does not count', () => {
  const since = counter();
  since([wifi(100), cellular(20)], [], 120);
  expect(since([cellular(5)], [wifi(0)], 200)).toBe(5);
  const sinceOnOld = counter();
  sinceOnOld([cellular(20)], [], undefined);
  expect(sinceOnOld([], [cellular(0)], undefined)).toBe(0);
});
