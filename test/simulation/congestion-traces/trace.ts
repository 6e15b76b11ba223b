/**
 * What a congestion control was told in a connection of two subflows: acknowledgments and losses, in order. Recorded once
 * by `record.ts`, kept in `lia-two-paths.json`, and told again to every algorithm.
 */

import { readFileSync } from 'node:fs';
import { MICROSECOND } from '../../../src/base/index.js';

/** Data was delivered: see `AckInfo` for the fields; times in ns. */
export interface AckEvent {
  readonly what: 'ack';
  readonly flow: number;
  readonly at: number;
  readonly deliveredBytes: number;
  readonly peakInFlightBytes: number;
  readonly srttNs: number;
  readonly latestRttNs: number;
  readonly isRoundStart: boolean;
}

/** A loss was detected, or the retransmission timer fired for the first time in a row. */
export interface LossEvent {
  readonly what: 'loss' | 'timeout';
  readonly flow: number;
  readonly at: number;
  readonly flightBytes: number;
}

export type TraceEvent = AckEvent | LossEvent;

/** A trace that begins when each subflow has had a loss, so that all are in congestion avoidance. */
export interface CongestionTrace {
  readonly mssBytes: number;
  /** Windows at its beginning, bytes. */
  readonly windowBytes: readonly number[];
  readonly events: readonly TraceEvent[];
}

/** An event as the file has it: a line, its fields in the order of the types above, times in microseconds. */
export type TraceLine = readonly (number | string)[];

/** Where the trace is kept. */
export const tracePath = new URL('./lia-two-paths.json', import.meta.url);

export function lineOf(event: TraceEvent): TraceLine {
  const { what, flow } = event;
  const [at, srtt, latest] = [
    event.at,
    ...(event.what === 'ack' ? [event.srttNs, event.latestRttNs] : []),
  ].map((ns) => Math.round(ns / MICROSECOND));
  if (event.what !== 'ack') return [what, flow, at!, event.flightBytes];
  const { deliveredBytes, peakInFlightBytes, isRoundStart } = event;
  return [what, flow, at!, deliveredBytes, peakInFlightBytes, srtt!, latest!, Number(isRoundStart)];
}

function eventOf([what, ...numbers]: TraceLine): TraceEvent {
  const [flow = 0, atUs = 0, bytes = 0, peak = 0, srttUs = 0, latestUs = 0, round = 0] = numbers as number[];
  const [at, srttNs, latestRttNs] = [
    atUs * MICROSECOND,
    srttUs * MICROSECOND,
    latestUs * MICROSECOND,
  ] as const;
  if (what !== 'ack') return { what: what as LossEvent['what'], flow, at, flightBytes: bytes };
  return {
    ...{ what, flow, at, deliveredBytes: bytes, peakInFlightBytes: peak, srttNs, latestRttNs },
    isRoundStart: round === 1,
  };
}

/** The trace that was recorded. */
export function readTrace(): CongestionTrace {
  const { mssBytes, windowBytes, events } = JSON.parse(readFileSync(tracePath, 'utf8')) as {
    mssBytes: number;
    windowBytes: number[];
    events: TraceLine[];
  };
  return { mssBytes, windowBytes, events: events.map(eventOf) };
}
