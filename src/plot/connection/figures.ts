/** From the series of a connection in a capture to figures: which there are, and what each says. Of the analyser only types. */

import { formatDuration, SECOND } from '../../base/index.js';

import type { ConnectionReport, ConnectionSeries, ThinnedPoints } from '../../trace/index.js';
import type { Axis, Marker, Series, XyFigure } from '../figure.js';
import { binPoints, collected, collectedHeights, binStarts, rateIn, seriesOf, totalOf } from './collected.js';

/** The kinds of figures, by the names of `--kind`. */
export const plotKinds = [
  'sequence',
  'goodput',
  'rtt',
  'flight',
  'ack-size',
  'shares',
  'out-of-order',
] as const;
export type PlotKind = (typeof plotKinds)[number];

/** Places in the palette: the subflows have the first five. */
const RETURNED_STYLE = 5;
const WHOLE_STYLE = 6;
const QUEUE_STYLE = 7;
/** Handovers that are marked; more would hide the rest. */
const MAX_MARKERS = 6;

const time: Axis = { label: 'time since the first packet', unit: 's' };

/** What a figure is made from. */
export interface PlotSource {
  readonly connection: ConnectionReport;
  readonly series: ConnectionSeries;
}

/** The figure of a kind; undefined when the capture shows nothing of it. */
export function makeFigure(kind: PlotKind, source: PlotSource): XyFigure | undefined {
  const figure = makers[kind](source);
  return figure.series.length === 0 ? undefined : figure;
}

const makers: Readonly<Record<PlotKind, (source: PlotSource) => XyFigure>> = {
  sequence: sequenceFigure,
  goodput: goodputFigure,
  rtt: rttFigure,
  flight: flightFigure,
  'ack-size': ackSizeFigure,
  shares: sharesFigure,
  'out-of-order': outOfOrderFigure,
};

function sequenceFigure({ connection, series }: PlotSource): XyFigure {
  return {
    ...frame('Data sequence', { connection, series }),
    caption:
      'Each vertical stroke is a segment, from the position of its first data byte to the end, coloured by the subflow ' +
      'that carried it. Shaded: data that has arrived and waits for bytes before it.',
    y: { label: 'position in the data', unit: 'B' },
    series: [
      ...collected('waits for a hole', 'area', series.queue, QUEUE_STYLE),
      ...collected('DATA_ACK', 'step', series.acks, WHOLE_STYLE),
      ...bySubflow('segments', series.data, connection),
      ...collected('sent again on another subflow', 'scatter', series.reinjected, RETURNED_STYLE),
    ],
    markers: handoverMarkers({ connection, series }),
  };
}

function goodputFigure({ connection, series }: PlotSource): XyFigure {
  const { fresh } = series;
  const rate = rateIn(fresh);
  const slots = slotsOf(series);
  const whole = (bin: number): number => rate(slots.reduce((sum, slot) => sum + fresh.sum(slot, bin), 0));
  return {
    ...frame('Goodput', { connection, series }),
    caption: `New data per ${formatDuration(fresh.widthNs)}, without what was sent again on any subflow.`,
    y: { label: 'goodput', unit: 'bit/s', low: 0 },
    series: [
      ...(slots.length > 1 ? seriesOf('all subflows', 'step', binPoints(fresh, whole), WHOLE_STYLE) : []),
      ...slots.flatMap((slot) =>
        seriesOf(
          slotName(connection, slot, series.data.length),
          'step',
          binPoints(fresh, (bin) => rate(fresh.sum(slot, bin))),
          slot,
        ),
      ),
    ],
    markers: handoverMarkers({ connection, series }),
  };
}

function sharesFigure({ connection, series }: PlotSource): XyFigure {
  const { fresh } = series;
  const slots = slotsOf(series);
  const below = (slot: number, bin: number): number =>
    slots.filter((other) => other < slot).reduce((sum, other) => sum + fresh.sum(other, bin), 0);
  const all = (bin: number): number => below(Number.POSITIVE_INFINITY, bin);
  const percent = (value: number, bin: number): number => (all(bin) === 0 ? 0 : (100 * value) / all(bin));
  return {
    ...frame('Shares of the subflows', { connection, series }),
    caption: `Share of the new data per ${formatDuration(fresh.widthNs)}; nothing is drawn where there was none.`,
    y: { label: 'share of the new data', unit: '%', low: 0, high: 100 },
    series: slots.map((slot) => ({
      name: slotName(connection, slot, series.data.length),
      kind: 'area',
      style: slot,
      points: binStarts(fresh).map((bin) => ({
        x: fresh.startOf(bin) / SECOND,
        y: percent(below(slot, bin), bin),
        top: bin < fresh.count ? percent(below(slot, bin) + fresh.sum(slot, bin), bin) : 0,
      })),
    })),
    markers: handoverMarkers({ connection, series }),
  };
}

function rttFigure({ connection, series }: PlotSource): XyFigure {
  return {
    ...frame('Round-trip time', { connection, series }),
    caption:
      'From a segment to the ACK of its last byte, as seen where the capture was made: near the receiver it is short. ' +
      'By DATA_ACK it is that of the data, over all subflows.',
    y: { label: 'round-trip time', unit: 's', low: 0 },
    series: [
      ...collected('by DATA_ACK', 'scatter', series.dataRtt, WHOLE_STYLE),
      ...bySubflow('scatter', series.rtt, connection),
    ],
  };
}

function flightFigure({ connection, series }: PlotSource): XyFigure {
  return {
    ...frame('Data in flight', { connection, series }),
    caption:
      'Bytes sent and not acknowledged: of each subflow by its ACKs; shaded, of the data by DATA_ACKs, over all subflows.',
    y: { label: 'in flight', unit: 'B', low: 0 },
    series: [
      ...collectedHeights('data, all subflows', series.dataFlight, WHOLE_STYLE),
      ...bySubflow('step', series.flight, connection),
    ],
  };
}

function ackSizeFigure({ connection, series }: PlotSource): XyFigure {
  return {
    ...frame('Size of ACKs', { connection, series }),
    caption: 'Bytes that each advancing ACK newly acknowledged on its subflow.',
    y: { label: 'newly acknowledged', unit: 'B', low: 0 },
    series: bySubflow('scatter', series.ackSizes, connection),
  };
}

function outOfOrderFigure({ connection, series }: PlotSource): XyFigure {
  return {
    ...frame('Out-of-order data', { connection, series }),
    caption: 'Data above the first hole, as it passed the place of capture.',
    y: { label: 'waits for a hole', unit: 'B', low: 0 },
    series: collected('out of order', 'step', series.outOfOrder, 0),
    markers: handoverMarkers({ connection, series }),
  };
}

function frame(title: string, { connection, series }: PlotSource): Pick<XyFigure, 'kind' | 'title' | 'x'> {
  const { client, server, id } = connection;
  const [from, to] = series.sender === 'client' ? [client, server] : [server, client];
  const place = connection.vantage === 0 ? '' : ` at place ${connection.vantage + 1}`;
  return { kind: 'xy', title: `${title}${place}: connection ${id}, ${from} to ${to}`, x: time };
}

function bySubflow(
  kind: Series['kind'],
  slots: readonly ThinnedPoints[],
  connection: ConnectionReport,
): Series[] {
  return slots.flatMap((points, slot) =>
    collected(slotName(connection, slot, slots.length), kind, points, slot),
  );
}

/** Names of series that show nothing but these subflows of a connection; `slots`: series by subflow, the last for all further ones. */
export function seriesOfSubflows(
  connection: ConnectionReport,
  subflows: readonly number[],
  slots: number,
): ReadonlySet<string> {
  const last = slots - 1;
  const further = Array.from({ length: Math.max(0, connection.subflows.length - last) }, (_, i) => last + i);
  const isShown = further.length > 0 && further.every((id) => subflows.includes(id));
  const ids = [...subflows.filter((id) => id < last), ...(isShown ? [last] : [])];
  return new Set(ids.map((id) => slotName(connection, id, slots)));
}

/** What a subflow is called; the last slot is that of all further ones. */
function slotName({ subflows }: ConnectionReport, slot: number, slots: number): string {
  return slot === slots - 1 && subflows.length > slots ? `subflows ${slot} and up` : `subflow ${slot}`;
}

/** Subflows that carried new data. */
function slotsOf({ data, fresh }: ConnectionSeries): number[] {
  return data.flatMap((_, slot) => (totalOf(fresh, slot) > 0 ? [slot] : []));
}

function handoverMarkers({ connection, series }: PlotSource): Marker[] {
  return connection.handovers
    .filter(({ by }) => by === series.sender)
    .slice(0, MAX_MARKERS)
    .map(({ from, to, atNs }) => ({ x: atNs / SECOND, label: `subflow ${from} → ${to}` }));
}
