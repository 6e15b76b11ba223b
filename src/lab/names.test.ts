import { expect, it } from 'vitest';
import { schedulers } from '../mptcp/index.js';
import { middleboxBehaviours } from '../network/index.js';
import { congestionControls } from '../tcp/index.js';
import { boxNames, congestionNames, schedulerNames } from './names.js';

it('the names of a scenario are those of all schedulers, congestion controls and middleboxes that there are', () => {
  expect(schedulerNames).toEqual(Object.keys(schedulers));
  expect(congestionNames).toEqual(Object.keys(congestionControls));
  expect(boxNames).toEqual(middleboxBehaviours.map(({ name }) => name));
});
