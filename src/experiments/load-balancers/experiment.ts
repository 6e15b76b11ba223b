/** Six designs of balancers and a plain consistent hash: do joins find their server, and what breaks when servers change. */

import { type DesignName, designNames } from '../../balancer/index.js';
import type { Estimate } from '../confidence.js';
import { atLeast, atMost, type Check, defineExperiment, type Row, runEach } from '../experiment.js';
import { brokenFigure, joinsFigure } from './figures.js';
import { published } from './published.js';
import {
  type BalancingParameters,
  type BalancingRun,
  type DesignRuns,
  over,
  runEngine,
  runFlows,
} from './runs.js';

const source =
  'Olteanu, Raiciu: Datacenter Scale Load Balancing for Multipath Transport, HotMiddlebox 2016; Lienardy, Donnet: Towards a ' +
  'Multipath TCP Aware Load Balancer, ANRW 2016; Duchene, Bonaventure: Making Multipath TCP friendlier to Load Balancers and ' +
  'Anycast, ICNP 2017; Olteanu, Agache, Voinescu, Raiciu: Stateless Datacenter Load-balancing with Beamer, NSDI 2018';

/** Designs that leave joins to chance. */
const chanceDesigns: readonly DesignName[] = ['stateful', 'stateless', 'maglev'];
/** Designs by which nothing may break while servers live. */
const steadyDesigns: readonly DesignName[] = ['key-select', 'direct-address', 'beamer'];

/** Most runs. */
const maxRuns = 30;

export const loadBalancers = defineExperiment({
  name: 'load-balancers',
  title: 'Joins and changes of servers behind six designs of balancers',
  source,
  summary:
    'Clients with two addresses have connections to a service of several servers behind a balancer; each connection joins from the ' +
    "client's second address. Then a server is added, one drained, one dies, and another balancer takes over, with what balancers of its " +
    'design tell each other (buckets, tokens) and without tables of flows. Counted are joins that find their server and connections that ' +
    'break although their server lives on. At level engine this stack runs at both ends in virtual time, every connection echoes ' +
    'messages, and is looked at again 8 s after each incident; at level flows the same designs decide on many more flows without an ' +
    'engine. Intervals are of 95 % confidence over runs with other seeds.',
  parameters: {
    clients: { kind: 'number', default: 10, min: 1, max: 100, whole: true, doc: 'clients, at level engine' },
    perClient: {
      kind: 'number',
      default: 5,
      min: 1,
      max: 20,
      whole: true,
      doc: 'connections of each client',
    },
    servers: { kind: 'number', default: 4, min: 4, max: 15, whole: true, doc: 'servers at first' },
    runs: { kind: 'number', default: 5, min: 1, max: maxRuns, whole: true, doc: 'runs with other seeds' },
    flows: {
      kind: 'number',
      default: 20e3,
      min: 1000,
      max: 1e6,
      whole: true,
      doc: 'connections, at level flows',
    },
  },
  small: { clients: 8, runs: 2, flows: 5000 },
  published,
  columns: [
    { name: 'design', title: 'design', kind: 'text' },
    { name: 'level', title: 'level', kind: 'text' },
    { name: 'joinedPercent', title: 'joined (%)', kind: 'number', digits: 1 },
    { name: 'joinedPercentInterval', title: '±', kind: 'number', digits: 1 },
    { name: 'strayPerConnection', title: 'stray/connection', kind: 'number', digits: 2 },
    { name: 'addedPercent', title: 'added: broken (%)', kind: 'number', digits: 1 },
    { name: 'drainedPercent', title: 'drained (%)', kind: 'number', digits: 1 },
    { name: 'diedPercent', title: 'died (%)', kind: 'number', digits: 1 },
    { name: 'takenOverPercent', title: 'taken over (%)', kind: 'number', digits: 1 },
    { name: 'brokenPercent', title: 'all (%)', kind: 'number', digits: 1 },
    { name: 'brokenPercentInterval', title: '±', kind: 'number', digits: 1 },
    { name: 'detourPercent', title: 'detours (%)', kind: 'number', digits: 1 },
    { name: 'overheadBytesPerPacket', title: 'overhead (B/packet)', kind: 'number', digits: 1 },
  ],

  async run({ seed, parameters, step }) {
    const lines = (['engine', 'flows'] as const).flatMap((level) =>
      designNames.map((design) => ({ design, level })),
    );
    const seeds = Array.from({ length: parameters.runs }, (_, run) => seed * maxRuns + run);
    const trials = lines.flatMap((line) => seeds.map((own) => ({ ...line, seed: own })));
    const nameOf = ({ design, level }: Omit<DesignRuns, 'runs'>): string => `${design}, ${level}`;
    const runs = await runEach(step, trials, nameOf, ({ design, level, seed: own }) =>
      runOnce(design, level, parameters, own),
    );
    const all = lines.map((line, index) => ({
      ...line,
      runs: runs.slice(index * seeds.length, (index + 1) * seeds.length),
    }));
    return {
      rows: all.map(rowOf),
      figures: { joins: joinsFigure(all, parameters, source), broken: brokenFigure(all, parameters, source) },
      checks: checksOf(all, parameters),
    };
  },
});

function runOnce(
  design: DesignName,
  level: DesignRuns['level'],
  parameters: BalancingParameters,
  seed: number,
): BalancingRun {
  return level === 'engine' ? runEngine(design, parameters, seed) : runFlows(design, parameters, seed);
}

function brokenShare({ brokenShares }: BalancingRun): number {
  return brokenShares.reduce((sum, share) => sum + share, 0);
}

function rowOf(one: DesignRuns): Row {
  const percent = (valueOf: (run: BalancingRun) => number): Estimate =>
    over(one, (run) => 100 * valueOf(run));
  const incident = (index: number): number => percent(({ brokenShares }) => brokenShares[index]!).mean;
  const joined = percent(({ joinedShare }) => joinedShare);
  const broken = percent(brokenShare);
  return {
    ...{ design: one.design, level: one.level },
    ...{ joinedPercent: joined.mean, joinedPercentInterval: joined.halfWidth },
    strayPerConnection: over(one, (run) => run.strayPerConnection).mean,
    ...{ addedPercent: incident(0), drainedPercent: incident(1) },
    ...{ diedPercent: incident(2), takenOverPercent: incident(3) },
    ...{ brokenPercent: broken.mean, brokenPercentInterval: broken.halfWidth },
    detourPercent: percent(({ detourShare }) => detourShare).mean,
    overheadBytesPerPacket: over(one, (run) => run.overheadBytesPerPacket).mean,
  };
}

function checksOf(all: readonly DesignRuns[], { servers }: BalancingParameters): Check[] {
  const find = (design: DesignName, level: DesignRuns['level']): DesignRuns =>
    all.find((one) => one.design === design && one.level === level)!;
  const least = (design: DesignName, valueOf: (run: BalancingRun) => number): number =>
    Math.min(...(['engine', 'flows'] as const).flatMap((level) => find(design, level).runs.map(valueOf)));
  const mean = (design: DesignName, valueOf: (run: BalancingRun) => number): number =>
    over(find(design, 'flows'), valueOf).mean;
  const added = ({ brokenShares }: BalancingRun): number => brokenShares[0]!;
  const worst = (design: DesignName): number => -least(design, (run) => -brokenShare(run));
  return [
    ...[...steadyDesigns, 'token-map' as const].map((design) =>
      atLeast(
        `${design}: every join finds its server (share)`,
        least(design, (run) => run.joinedShare),
        1,
      ),
    ),
    ...steadyDesigns.map((design) =>
      atMost(`${design}: nothing breaks whose server lives on (share)`, worst(design), 0),
    ),
    ...chanceDesigns.map((design) =>
      atMost(
        `${design}, flows: joins find their server by chance (distance from one in ${servers})`,
        Math.abs(mean(design, (run) => run.joinedShare) - 1 / servers),
        0.02,
      ),
    ),
    atLeast(
      'stateless, flows: breaks more than maglev when a server is added (ratio)',
      mean('stateless', added) / mean('maglev', added),
      1.5,
    ),
    atLeast(
      'stateful, flows: what breaks does so when a balancer takes over (share)',
      mean('stateful', ({ brokenShares }) => brokenShares[3]!) / mean('stateful', brokenShare),
      1,
    ),
    atMost(
      'engine and flows agree on what breaks when a server is added (largest distance)',
      Math.max(
        ...designNames.map((design) =>
          Math.abs(over(find(design, 'engine'), added).mean - mean(design, added)),
        ),
      ),
      0.2,
    ),
  ];
}
