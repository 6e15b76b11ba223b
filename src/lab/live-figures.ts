/** From what a running scenario has noted to figures: the same kinds and marks as those of captures, by path. */
import { formatDuration, SECOND } from '../base/index.js';
import {
  type Axis,
  binPoints,
  binStarts,
  collected,
  type Marker,
  MAX_SERIES,
  rateIn,
  type Series,
  seriesOf,
  totalOf,
  type XyFigure,
} from '../plot/index.js';
import type { ThinnedPoints } from '../trace/index.js';
import { type Reason, reasons } from './decisions.js';
import type { Incident } from './scenario.js';
import type { LabWorld } from './world.js';

/** The kinds of live figures, in their order on the page. */
export const liveKinds = ['sequence', 'goodput', 'rtt', 'windows', 'decisions'] as const;
export type LiveKind = (typeof liveKinds)[number];

/** Places in the palette beyond the six paths. */
const WHOLE_STYLE = 6;
const QUEUE_STYLE = 7;
/** What is sent again has the style of a sixth path, which few scenarios have. */
const RETURNED_STYLE = 5;

const time: Axis = { label: 'time', unit: 's', low: 0 };

const incidentWords: Readonly<Record<Incident['what'], string>> = {
  place: 'moves',
  kill: 'dies',
  fade: 'fades',
  restore: 'is back',
};
const reasonNames: Readonly<Record<Reason, string>> = {
  preferred: 'preferred',
  'only-room': 'only one with room',
  reinjection: 'reinjection',
  waits: 'waits for a better one',
  'windows-full': 'congestion windows full',
  'peer-window': 'receive window full',
};

const makers: Readonly<Record<LiveKind, (world: LabWorld) => XyFigure>> = {
  sequence: sequenceFigure,
  goodput: goodputFigure,
  rtt: rttFigure,
  windows: windowsFigure,
  decisions: decisionsFigure,
};

/** The figure of a kind as it stands; without series while there is nothing to draw. */
export function makeLiveFigure(kind: LiveKind, world: LabWorld): XyFigure {
  return makers[kind](world);
}

function frame(title: string, world: LabWorld): Pick<XyFigure, 'kind' | 'title' | 'x' | 'markers'> {
  return { kind: 'xy', title, x: time, markers: markersOf(world) };
}

function markersOf({ scenario, now }: LabWorld): Marker[] {
  const acts = scenario.incidents.filter(({ atUs, what }) => what !== 'place' && atUs * 1000 <= now);
  return acts.slice(-8).map(({ atUs, path, what }) => ({
    x: atUs / 1e6,
    label: `${scenario.paths[path]!.name} ${incidentWords[what]}`,
  }));
}

function sequenceFigure(world: LabWorld): XyFigure {
  const { series, scenario } = world;
  // With six paths there is one series too many; where acknowledgments stand, the queue shows too.
  const hasAcks = scenario.paths.length + 3 <= MAX_SERIES;
  return {
    ...frame('Data sequence', world),
    caption:
      'As the client receives it: a stroke for each segment, coloured by its path. Shaded: the out-of-order queue, data ' +
      'that waits for a hole before it.',
    y: { label: 'data sequence', unit: 'B', low: 0 },
    series: [
      ...collected('out-of-order queue', 'area', series.queue, QUEUE_STYLE),
      ...(hasAcks ? collected('DATA_ACK', 'step', series.acks, WHOLE_STYLE) : []),
      ...byPath('segments', series.data, world),
      ...collected('reinjected', 'scatter', series.reinjected, RETURNED_STYLE),
    ],
  };
}

function goodputFigure(world: LabWorld): XyFigure {
  const { fresh } = world.series;
  const rate = rateIn(fresh);
  const slots = world.scenario.paths.map((_, path) => path);
  const whole = (bin: number): number => rate(slots.reduce((sum, path) => sum + fresh.sum(path, bin), 0));
  return {
    ...frame('Goodput', world),
    caption: `New data per ${formatDuration(fresh.widthNs)}, by the path that brought it first.`,
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    series: [
      ...seriesOf('all paths', 'step', binPoints(fresh, whole), WHOLE_STYLE),
      ...slots.flatMap((path) => {
        const points = binPoints(fresh, (bin) => rate(fresh.sum(path, bin)));
        return seriesOf(nameOf(world, path), 'step', points, path);
      }),
    ],
  };
}

function rttFigure(world: LabWorld): XyFigure {
  return {
    ...frame('Round-trip time', world),
    caption: 'Smoothed round-trip time of each subflow, as the sender measures it.',
    y: { label: 'smoothed RTT', unit: 's', low: 0 },
    series: byPath('step', world.series.srtt, world),
  };
}

function windowsFigure(world: LabWorld): XyFigure {
  const { series } = world;
  return {
    ...frame('Windows', world),
    caption:
      'Congestion window of each subflow, and the receive window that the client advertises for the connection.',
    y: { label: 'window', unit: 'B', low: 0 },
    series: [
      ...collected('receive window', 'step', series.windows, WHOLE_STYLE),
      ...byPath('step', series.cwnd, world),
    ],
  };
}

function decisionsFigure(world: LabWorld): XyFigure {
  const { bins } = world.decisions;
  const used = reasons.map((_, slot) => slot).filter((slot) => totalOf(bins, slot) > 0);
  const below = (slot: number, bin: number): number =>
    used.filter((other) => other < slot).reduce((sum, other) => sum + bins.sum(other, bin), 0);
  return {
    ...frame('Scheduler decisions', world),
    caption: `Decisions of the scheduler per ${formatDuration(bins.widthNs)}, by their reason; to wait counts once.`,
    y: { label: 'decisions', low: 0 },
    series: used.map((slot) => ({
      ...{ name: reasonNames[reasons[slot]!], kind: 'area', style: slot },
      points: binStarts(bins).map((bin) => ({
        x: bins.startOf(bin) / SECOND,
        y: below(slot, bin),
        top: below(slot, bin) + (bin < bins.count ? bins.sum(slot, bin) : 0),
      })),
    })),
  };
}

function nameOf({ scenario }: LabWorld, path: number): string {
  return scenario.paths[path]!.name;
}

function byPath(kind: Series['kind'], paths: readonly ThinnedPoints[], world: LabWorld): Series[] {
  return paths.flatMap((points, path) => collected(nameOf(world, path), kind, points, path));
}
