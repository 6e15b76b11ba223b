import { expect, it } from 'vitest';
import { Refusals } from './refusals.js';

it('what is refused again and again is told of once, until it was done or is not wanted any more', () => {
  const refusals = new Refusals();
  refusals.begin('endpoints');
  expect([refusals.note('a'), refusals.note('a'), refusals.note('b')]).toEqual([true, false, true]);
  refusals.begin('endpoints');
  expect(refusals.note('a')).toBe(false);
  expect(refusals.count).toBe(1);
  refusals.begin('endpoints');
  expect(refusals.count).toBe(0);
  refusals.begin('endpoints');
  expect(refusals.note('a')).toBe(true);
});

it('parts of the work that are done more often leave what the others met with', () => {
  const refusals = new Refusals();
  refusals.begin('routing');
  refusals.note('no route');
  for (let i = 0; i < 3; i++) {
    refusals.begin('endpoints');
    refusals.note('no room');
    expect(refusals.count).toBe(2);
  }
  refusals.begin('routing');
  expect([refusals.note('no route'), refusals.note('no room')]).toEqual([false, true]);
});
