import { namedEntry } from '../../base/index.js';
import type { Scenario } from '../scenario.js';
import { dataScenarios } from './data.js';
import { handshakeScenarios } from './handshake.js';
import { joinScenarios } from './joins.js';
import { optionScenarios } from './options.js';

/** Every scenario, in the order in which they are listed and run. */
export const scenarios: readonly Scenario[] = [
  ...dataScenarios,
  ...joinScenarios,
  ...optionScenarios,
  ...handshakeScenarios,
];

const byName = Object.fromEntries(scenarios.map((one) => [one.name, one]));

/** The scenario of that name. Throws `ERR_SUBFLOW_UNKNOWN_NAME`, with the names there are. */
export function findScenario(name: string): Scenario {
  return namedEntry('scenario', byName, name);
}
