/**
 * What experiments there are, without the experiments: for who lists them and loads one at a time, when it is wanted. What
 * they say of themselves comes with them.
 */

import { SubflowError } from '../base/index.js';
import type { Experiment } from './experiment.js';

/** An experiment in the list. */
export interface CatalogueEntry {
  readonly name: string;
  /** What it is about, in a few words. */
  readonly title: string;
}

/** Experiments about one thing. */
export interface CatalogueGroup {
  readonly title: string;
  readonly entries: readonly CatalogueEntry[];
}

/** Every experiment once, by what it is about. */
export const catalogue: readonly CatalogueGroup[] = [
  {
    title: 'Several paths together',
    entries: [
      { name: 'receive-window', title: 'Goodput against the receive window' },
      { name: 'schedulers', title: 'Schedulers over unlike paths' },
      { name: 'experimental-design', title: 'What a second path is worth' },
      { name: 'bonding', title: 'Two to six uplinks of a broadcaster' },
      { name: 'simult-flows', title: 'Every scheduler and control' },
      { name: 'congestion-fairness', title: 'Fairness of congestion control' },
      { name: 'nat64', title: 'An IPv4 and an IPv6-only path' },
    ],
  },
  {
    title: 'Mobility',
    entries: [
      { name: 'fast-handover', title: 'The wait when a path dies' },
      { name: 'handover', title: 'The gap when Wi-Fi dies' },
      { name: 'time-to-first-word', title: 'A phone answers on the move' },
      { name: 'multipath-tester', title: 'Traffic while a phone walks away' },
    ],
  },
  {
    title: 'Establishment',
    entries: [
      { name: 'robust-establishment', title: 'A first path that is slow or dead' },
      { name: 'fast-open', title: 'What data in the SYN saves' },
      { name: 'proxy-latency', title: 'Round trips that proxies cost' },
    ],
  },
  {
    title: 'Middleboxes',
    entries: [
      { name: 'middleboxes', title: 'What a connection makes of each box' },
      { name: 'combinations', title: 'Versions and stacks through boxes' },
      { name: 'middlebox-location', title: 'Where the probe says a box stands' },
    ],
  },
  {
    title: 'Balancers',
    entries: [
      { name: 'load-balancers', title: 'Joins behind six designs' },
      { name: 'direct-bypass', title: 'Servers that announce themselves' },
    ],
  },
  {
    title: 'Attacks',
    entries: [
      { name: 'attacks', title: 'Every attack, and its defence' },
      { name: 'mp-prio-attack', title: 'A path turned to backup' },
    ],
  },
];

/** Loads one and what it runs on. */
const loaders: Readonly<Record<string, () => Promise<Experiment>>> = {
  'receive-window': async () => (await import('./receive-window/experiment.js')).receiveWindow,
  schedulers: async () => (await import('./schedulers/experiment.js')).schedulerComparison,
  'experimental-design': async () => (await import('./experimental-design/experiment.js')).experimentalDesign,
  bonding: async () => (await import('./bonding/experiment.js')).bonding,
  'simult-flows': async () => (await import('./simult-flows/experiment.js')).simultFlows,
  'congestion-fairness': async () => (await import('./congestion-fairness/experiment.js')).congestionFairness,
  nat64: async () => (await import('./nat64/experiment.js')).nat64,
  'fast-handover': async () => (await import('./fast-handover/experiment.js')).fastHandover,
  handover: async () => (await import('./handover/experiment.js')).handover,
  'time-to-first-word': async () => (await import('./time-to-first-word/experiment.js')).timeToFirstWord,
  'multipath-tester': async () => (await import('./multipath-tester/experiment.js')).multipathTester,
  'robust-establishment': async () =>
    (await import('./robust-establishment/experiment.js')).robustEstablishment,
  'fast-open': async () => (await import('./fast-open/experiment.js')).fastOpen,
  'proxy-latency': async () => (await import('./proxy-latency/experiment.js')).proxyLatency,
  middleboxes: async () => (await import('./middleboxes/experiment.js')).middleboxes,
  combinations: async () => (await import('./middleboxes/combinations.js')).combinations,
  'middlebox-location': async () => (await import('./probe/experiment.js')).middleboxLocation,
  'load-balancers': async () => (await import('./load-balancers/experiment.js')).loadBalancers,
  'direct-bypass': async () => (await import('./direct-bypass/experiment.js')).directBypass,
  attacks: async () => (await import('./attacks/experiment.js')).attackTable,
  'mp-prio-attack': async () => (await import('./mp-prio-attack/experiment.js')).priorityAttack,
};

/** Whether there is an experiment of that name. */
export function isExperimentName(name: string): boolean {
  return catalogue.some(({ entries }) => entries.some((entry) => entry.name === name));
}

/** Loads the experiment of that name. Throws ERR_SUBFLOW_UNKNOWN_EXPERIMENT. */
export async function loadExperiment(name: string): Promise<Experiment> {
  if (Object.hasOwn(loaders, name)) return loaders[name]!();
  throw new SubflowError('ERR_SUBFLOW_UNKNOWN_EXPERIMENT', `there is no experiment '${name}'`);
}
