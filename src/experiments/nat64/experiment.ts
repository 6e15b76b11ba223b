/** One connection over an IPv4 path and a path that has IPv6 only, with a translator behind it. */

import { MILLISECOND, SECOND, SeededRandom } from '../../base/index.js';
import { Nat64 } from '../../network/index.js';
import { renderFigure } from '../../plot/index.js';
import { discoverNat64Prefixes, IpAddress, parseNat64Prefix } from '../../wire/index.js';
import { atLeast, type Check, defineExperiment, equals, type Row, runEach } from '../experiment.js';
import { deliveredPoints } from '../points.js';
import { longestGapNs, type TransferOutcome, TransferWorld } from '../transfer.js';

const source =
  'RFC 6146 (2011), RFC 6052 (2010) and RFC 7050 (2013): stateful NAT64, its addresses and how its prefix is found; ' +
  'RFC 8305 (2017) §7 for hosts that synthesise addresses';

/** What the client's second network gives away, and whether the first one dies. */
const variants = [
  { name: 'prefix unknown', knows: false, dies: false },
  { name: 'prefix discovered', knows: true, dies: false },
  { name: 'prefix discovered, IPv4 dies', knows: true, dies: true },
] as const;

const prefix = parseNat64Prefix('2001:db8:64::/96')!;
/** The translator's own IPv4 address. */
const pool = IpAddress.parse('198.51.100.1')!;
/** What the resolver of the IPv6-only network says of ipv4only.arpa: its two IPv4 addresses behind the prefix. */
const answers = ['2001:db8:64::c000:aa', '2001:db8:64::c000:ab'].map((text) => IpAddress.parse(text)!);

interface Run {
  readonly variant: (typeof variants)[number];
  readonly outcome: TransferOutcome;
  readonly translated: number;
  readonly diedAtNs: number;
}

interface Parameters {
  readonly rateBps: number;
  readonly delayNs: number;
  readonly sizeBytes: number;
}

export const nat64 = defineExperiment({
  name: 'nat64',
  title: 'One connection over an IPv4 and an IPv6-only path',
  source,
  summary:
    'A client with two networks downloads from a server that has IPv4 only. Its first network has IPv4; the second has IPv6 ' +
    'only, and a NAT64. Without the prefix of the translator the connection stays on the first path; with the prefix found ' +
    'from ipv4only.arpa the client synthesises the address of the server and uses both at once, and lives on over the ' +
    'second when the first dies.',
  parameters: {
    rateBps: { kind: 'rate', default: 10e6, min: 100e3, max: 1e9, doc: 'capacity of each path' },
    delayNs: {
      kind: 'duration',
      default: 10 * MILLISECOND,
      min: 0,
      max: SECOND,
      doc: 'one-way delay of each path',
    },
    sizeBytes: { kind: 'size', default: 3e6, min: 1e6, max: 100e6, doc: 'bytes to download' },
  },
  columns: [
    { name: 'variant', title: 'variant', kind: 'text' },
    { name: 'ipv4Bytes', title: 'over IPv4 (B)', kind: 'number' },
    { name: 'ipv6Bytes', title: 'over IPv6 (B)', kind: 'number' },
    { name: 'goodputBps', title: 'goodput (bit/s)', kind: 'number' },
    { name: 'gapMs', title: 'longest gap (ms)', kind: 'number' },
    { name: 'completed', title: 'completed', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const nameOf = ({ name }: Run['variant']): string => name;
    const runs = await runEach(step, variants, nameOf, (variant) => runOnce(parameters, variant, seed));
    return {
      rows: runs.map((run) => rowOf(run, parameters.sizeBytes)),
      figures: { delivered: figureOf(runs) },
      checks: checksOf(runs),
    };
  },
});

function runOnce({ rateBps, delayNs, sizeBytes }: Parameters, variant: Run['variant'], seed: number): Run {
  const both = { rateBps, delayNs, queue: { ns: 100 * MILLISECOND } };
  const box = new Nat64({ prefix, publicAddress: pool, random: new SeededRandom(seed) });
  const diedAtNs = Math.round((sizeBytes * 8e9) / (2 * rateBps) / 2);
  const world = new TransferWorld({
    seed,
    paths: [
      { name: 'IPv4', both },
      { name: 'IPv6 only', both, families: 'ipv6', box: () => box },
    ],
    downloadBytes: sizeBytes,
    ...(variant.dies && {
      incidents: [{ atNs: diedAtNs, act: (now, links) => links[0]!.setState(now, 'blackhole') }],
    }),
  });
  if (variant.knows) world.hosts.client.stack.setNat64Prefixes(0, 1, discoverNat64Prefixes(answers));
  const outcome = world.run();
  return { variant, outcome, translated: box.counters.translated, diedAtNs };
}

/** Bytes that came over each path: IPv4, IPv6. */
function pathsOf({ outcome }: Run): readonly [number, number] {
  const [first = 0, second = 0] = outcome.client.arrivals.at(-1)?.pathBytes ?? [];
  return [first, second];
}

function rowOf(run: Run, sizeBytes: number): Row {
  const { completedAtNs, isComplete } = run.outcome.client;
  const [ipv4Bytes, ipv6Bytes] = pathsOf(run);
  return {
    ...{ variant: run.variant.name, ipv4Bytes, ipv6Bytes, completed: isComplete },
    goodputBps: completedAtNs === undefined ? null : (sizeBytes * 8e9) / completedAtNs,
    gapMs: isComplete ? longestGapNs(run.outcome.client, 0) / MILLISECOND : null,
  };
}

function checksOf(runs: readonly Run[]): Check[] {
  const [unknown, known, dying] = runs as [Run, Run, Run];
  const speed = (run: Run): number => 1 / (run.outcome.client.completedAtNs ?? Infinity);
  return [
    equals(
      'every download completes, byte for byte',
      runs.every(({ outcome }) => outcome.client.isComplete),
      true,
    ),
    equals('without the prefix nothing is translated (packets)', unknown.translated, 0),
    atLeast(
      'with it the download is faster than over IPv4 alone (times)',
      speed(known) / speed(unknown),
      1.4,
    ),
    atLeast('with it the IPv6 path carries its part (share)', shareOf6(known), 0.3),
    atLeast('the IPv6 path carries the rest when IPv4 dies (share)', shareOf6(dying), 0.5),
  ];
}

function shareOf6(run: Run): number {
  const [first, second] = pathsOf(run);
  return second / Math.max(1, first + second);
}

function figureOf(runs: readonly Run[]): string {
  return renderFigure({
    kind: 'xy',
    title: 'A download over IPv4 and through a NAT64',
    caption: `The server has IPv4 only, the second network IPv6 only. After ${source}.`,
    x: { label: 'time', unit: 's', low: 0 },
    y: { label: 'delivered', unit: 'B', low: 0 },
    markers: [{ x: runs.at(-1)!.diedAtNs / SECOND, label: 'IPv4 dies in the third run' }],
    series: runs.map(({ variant, outcome }) => ({
      ...{ name: variant.name, kind: 'step' },
      points: deliveredPoints(outcome.client),
    })),
  });
}
