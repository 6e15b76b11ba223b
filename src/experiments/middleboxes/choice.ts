/** Parameters of experiments about middleboxes: which box, and over which version of IP. */

import { middleboxBehaviours, type MiddleboxBehaviour } from '../../network/index.js';

export const boxParameters = {
  behaviour: {
    kind: 'choice',
    default: 'all',
    choices: ['all', ...middleboxBehaviours.map(({ name }) => name)],
    doc: 'which box',
  },
  family: { kind: 'choice', default: 'ipv4', choices: ['ipv4', 'ipv6'], doc: 'version of IP' },
} as const;

/** The boxes that `behaviour` asks for. */
export function chosenBoxes(behaviour: string): MiddleboxBehaviour[] {
  return middleboxBehaviours.filter(({ name }) => behaviour === 'all' || behaviour === name);
}

/** The version of IP that `family` asks for. */
export function chosenFamily(family: 'ipv4' | 'ipv6'): 4 | 6 {
  return family === 'ipv4' ? 4 : 6;
}
