/** Servers behind a balancer announce their own addresses: how much still passes the balancer, and what that does to goodput. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { estimate } from '../confidence.js';
import { atLeast, atMost, type Check, defineExperiment, equals, type Row, runEach } from '../experiment.js';
import { goodputFigure, sizesFigure, timeFigure } from './figures.js';
import { goodputBps, type ModeRuns } from './runs.js';
import { balancedShare, type BypassMode, type BypassParameters, modes, runBypass } from './world.js';

const source =
  'Duchene, Bonaventure: Making Multipath TCP friendlier to Load Balancers and Anycast, IEEE ICNP 2017; RFC 8684 §3.1 (2020)';
/** Sizes of transfers by one client, beside the largest, which is a parameter. */
const smallSizes = [10e3, 100e3, 1e6];
/** Most runs. */
const maxRuns = 30;

/** The parameters of the experiment. */
interface Parameters extends BypassParameters {
  readonly clients: number;
  readonly sizeBytes: number;
  readonly runs: number;
}

export const directBypass = defineExperiment({
  name: 'direct-bypass',
  title: 'What passes a balancer when servers announce their own addresses',
  source,
  summary:
    'Clients with two addresses transfer data with servers behind a balancer whose link carries less than the clients could. Modes: ' +
    'carried (the balancer carries both ways), direct-return (servers answer past it), announced (servers set flag C of MP_CAPABLE and ' +
    "announce their own addresses, to which the way does not lead by the balancer), bypass (the path manager 'bypass' makes the first subflow " +
    'a backup too), bypass-version-0 (the same with clients of version 0, which have no flag C: they join the address of the ' +
    'service as well, and such joins go astray, as they do with clients of version 1 that ignore the flag). Counted are bytes of IP packets both ways: by size of the transfer with one ' +
    'client, and with many at once, where the balancer is the bottleneck.',
  parameters: {
    direction: {
      kind: 'choice',
      choices: ['download', 'upload'],
      default: 'download',
      doc: 'which way data goes',
    },
    servers: { kind: 'number', default: 4, min: 1, max: 16, whole: true, doc: 'servers' },
    clients: { kind: 'number', default: 8, min: 2, max: 64, whole: true, doc: 'clients at once' },
    sizeBytes: {
      kind: 'size',
      default: 4e6,
      min: 2e6,
      max: 100e6,
      doc: 'the largest transfer, of each client',
    },
    balancerRateBps: {
      kind: 'rate',
      default: 50e6,
      min: 1e6,
      max: 10e9,
      doc: 'capacity of the balancer each way',
    },
    clientRateBps: {
      kind: 'rate',
      default: 20e6,
      min: 1e6,
      max: 1e9,
      doc: 'capacity of each of two links of a client',
    },
    delayNs: {
      ...{ kind: 'duration', default: 10 * MILLISECOND, min: 0, max: SECOND },
      doc: 'one-way delay of those',
    },
    runs: { kind: 'number', default: 3, min: 1, max: maxRuns, whole: true, doc: 'runs with other seeds' },
  },
  small: { runs: 1, sizeBytes: 2e6, clients: 6 },
  columns: [
    { name: 'mode', title: 'mode', kind: 'text' },
    { name: 'clients', title: 'clients', kind: 'number' },
    { name: 'sizeBytes', title: 'size (B)', kind: 'number' },
    { name: 'balancedPercent', title: 'by the balancer (%)', kind: 'number', digits: 1 },
    { name: 'balancedPercentInterval', title: '±', kind: 'number', digits: 1 },
    { name: 'durationMs', title: 'until all are done (ms)', kind: 'number' },
    { name: 'goodputMbps', title: 'goodput (Mbit/s)', kind: 'number', digits: 1 },
    { name: 'goodputMbpsInterval', title: '±', kind: 'number', digits: 1 },
    { name: 'strayJoins', title: 'stray joins', kind: 'number', digits: 1 },
    { name: 'completed', title: 'completed', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const { clients, sizeBytes, runs } = parameters;
    const loads = [
      ...[...smallSizes, sizeBytes].map((size) => ({ clients: 1, size })),
      { clients, size: sizeBytes },
    ];
    const setups = loads.flatMap((load) => modes.map((mode) => ({ ...load, mode })));
    const all = await runEach(
      step,
      setups,
      ({ mode, ...load }) => `${mode}, ${load.clients} × ${load.size} B`,
      ({ mode, ...load }): ModeRuns => ({
        ...{ mode, clients: load.clients, sizeBytes: load.size },
        runs: Array.from({ length: runs }, (_, run) =>
          runBypass(parameters, {
            mode,
            clients: load.clients,
            sizeBytes: load.size,
            seed: seed * maxRuns + run,
          }),
        ),
      }),
    );
    const alone = all.filter((one) => one.clients === 1);
    const crowd = all.filter((one) => one.clients > 1);
    return {
      rows: all.map(rowOf),
      figures: {
        time: timeFigure(
          alone.filter((one) => one.sizeBytes === sizeBytes),
          parameters.direction,
          source,
        ),
        sizes: sizesFigure(alone, parameters.direction, source),
        goodput: goodputFigure(crowd, parameters, source),
      },
      checks: checksOf(alone, crowd, parameters),
    };
  },
});

function rowOf(one: ModeRuns): Row {
  const { mode, clients, sizeBytes, runs } = one;
  const share = estimate(runs.map((run) => 100 * balancedShare(run)));
  const goodput = estimate(runs.map((run) => goodputBps(one, run) / 1e6));
  return {
    ...{ mode, clients, sizeBytes },
    ...{ balancedPercent: share.mean, balancedPercentInterval: share.halfWidth },
    durationMs: estimate(runs.map(({ durationNs }) => durationNs / MILLISECOND)).mean,
    ...{ goodputMbps: goodput.mean, goodputMbpsInterval: goodput.halfWidth },
    strayJoins: estimate(runs.map(({ strayJoins }) => strayJoins)).mean,
    completed: runs.every((run) => run.completed === clients),
  };
}

function checksOf(
  alone: readonly ModeRuns[],
  crowd: readonly ModeRuns[],
  { clients, clientRateBps, balancerRateBps, servers, sizeBytes }: Parameters,
): Check[] {
  const find = (from: readonly ModeRuns[], mode: BypassMode, size = sizeBytes): ModeRuns =>
    from.find((one) => one.mode === mode && one.sizeBytes === size)!;
  const share = (one: ModeRuns): number => estimate(one.runs.map(balancedShare)).mean;
  const goodput = (mode: BypassMode): number => {
    const one = find(crowd, mode);
    return estimate(one.runs.map((run) => goodputBps(one, run))).mean;
  };
  const stray = (mode: BypassMode): number =>
    find(crowd, mode).runs.reduce((sum, { strayJoins }) => sum + strayJoins, 0);
  // How many times what the balancer carries the clients could.
  const room = (2 * clients * clientRateBps) / balancerRateBps;
  return [
    equals(
      'every transfer completes',
      [...alone, ...crowd].every((one) => one.runs.every(({ completed }) => completed === one.clients)),
      true,
    ),
    equals('carried: all bytes pass the balancer (share)', share(find(crowd, 'carried')), 1),
    atMost(
      'bypass: bytes that pass the balancer, large transfers (share)',
      share(find(alone, 'bypass')),
      0.15,
    ),
    atMost(
      'bypass: the larger a transfer, the less passes (share of the largest against the smallest)',
      share(find(alone, 'bypass')) / share(find(alone, 'bypass', smallSizes[0])),
      0.2,
    ),
    atMost(
      'bypass: less passes than with announcements alone, one client (ratio)',
      share(find(alone, 'bypass')) / share(find(alone, 'announced')),
      0.6,
    ),
    equals(
      'announced and bypass: clients that heed flag C send no join astray',
      stray('announced') + stray('bypass'),
      0,
    ),
    // One server has all joins.
    ...(servers > 1
      ? [atLeast('bypass-version-0: without the flag joins go astray (joins)', stray('bypass-version-0'), 1)]
      : []),
    ...(room >= 2
      ? [
          atMost(
            'carried: goodput against the capacity of the balancer (ratio)',
            goodput('carried') / balancerRateBps,
            1,
          ),
          atLeast(
            'bypass: goodput against that of a balancer that carries everything (ratio)',
            goodput('bypass') / goodput('carried'),
            Math.min(room / 2, 3),
          ),
        ]
      : []),
  ];
}
