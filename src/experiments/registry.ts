/** Every experiment there is, by name. */

import { SubflowError } from '../base/index.js';
import { attackTable } from './attacks/experiment.js';
import { bonding } from './bonding/experiment.js';
import { congestionFairness } from './congestion-fairness/experiment.js';
import { directBypass } from './direct-bypass/experiment.js';
import type { Experiment } from './experiment.js';
import { experimentalDesign } from './experimental-design/experiment.js';
import { fastHandover } from './fast-handover/experiment.js';
import { fastOpen } from './fast-open/experiment.js';
import { handover } from './handover/experiment.js';
import { loadBalancers } from './load-balancers/experiment.js';
import { combinations } from './middleboxes/combinations.js';
import { middleboxes } from './middleboxes/experiment.js';
import { priorityAttack } from './mp-prio-attack/experiment.js';
import { multipathTester } from './multipath-tester/experiment.js';
import { nat64 } from './nat64/experiment.js';
import { middleboxLocation } from './probe/experiment.js';
import { proxyLatency } from './proxy-latency/experiment.js';
import { receiveWindow } from './receive-window/experiment.js';
import { robustEstablishment } from './robust-establishment/experiment.js';
import { timeToFirstWord } from './time-to-first-word/experiment.js';
import { simultFlows } from './simult-flows/experiment.js';
import { schedulerComparison } from './schedulers/experiment.js';

/** In the order in which they are listed. */
export const experiments: readonly Experiment[] = [
  middleboxes,
  combinations,
  middleboxLocation,
  fastHandover,
  robustEstablishment,
  nat64,
  fastOpen,
  receiveWindow,
  schedulerComparison,
  experimentalDesign,
  bonding,
  priorityAttack,
  loadBalancers,
  directBypass,
  attackTable,
  congestionFairness,
  handover,
  timeToFirstWord,
  multipathTester,
  simultFlows,
  proxyLatency,
];

/** The experiment of that name. Throws ERR_SUBFLOW_UNKNOWN_EXPERIMENT. */
export function findExperiment(name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  throw new SubflowError('ERR_SUBFLOW_UNKNOWN_EXPERIMENT', `there is no experiment '${name}'`, {
    hint: `there are: ${experiments.map((experiment) => experiment.name).join(', ')}`,
  });
}
