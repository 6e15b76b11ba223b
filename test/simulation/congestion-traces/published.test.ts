/**
 * Every congestion control that goes by windows grows and shrinks as its source publishes it, over what was recorded of a
 * connection on two paths with losses: the windows that are expected follow from the published formulae alone. BBR goes by a model of the path; its
 * phases and gains are judged in src/tcp/congestion/bbr.test.ts.
 */

import { describe, expect, it } from 'vitest';
import { NEVER, SECOND } from '../../../src/base/index.js';
import { AckInfo } from '../../../src/tcp/ack-info.js';
import {
  type CongestionControl,
  congestionControls,
  type CongestionInit,
  congestionNamed,
} from '../../../src/tcp/index.js';
import { RttEstimator } from '../../../src/tcp/rtt.js';
import { balia, cubic, lia, newReno, olia, windowsBy, wvegas } from './formulae.js';
import { type AckEvent, type CongestionTrace, readTrace } from './trace.js';

const trace = readTrace();
const estimator = new RttEstimator({ initialRtoNs: SECOND, minRtoNs: 2e8, maxRtoNs: 1e11 });

function acknowledge(control: CongestionControl, event: AckEvent): void {
  const info = new AckInfo();
  info.begin(event.at, NEVER, estimator);
  info.deliveredBytes = info.ackedBytes = event.deliveredBytes;
  info.peakInFlightBytes = event.peakInFlightBytes;
  info.srttNs = event.srttNs;
  info.latestRttNs = info.rttNs = event.latestRttNs;
  info.isRoundStart = event.isRoundStart;
  control.onAck(event.at, info);
}

/** Subflows of one connection whose windows are those at the beginning of the trace, in congestion avoidance. */
function subflowsOf(name: string, { mssBytes, windowBytes }: CongestionTrace): CongestionControl[] {
  const factory = congestionNamed(name);
  const connection = factory.forConnection?.() ?? factory;
  // RFC 9438 §4.6 leaves seven tenths, the others half.
  const part = name === 'cubic' ? 0.7 : 0.5;
  return windowBytes.map((bytes) => {
    const init: CongestionInit = { mssBytes, initialWindowSegments: 1000, maxOffloadBytes: 0 };
    const control = connection(init);
    control.onCongestion(0, bytes / part);
    expect(control.cwndBytes).toBeCloseTo(bytes, -1);
    return control;
  });
}

/** The windows of the engine after each event, in segments. */
function windowsOf(name: string, whole: CongestionTrace): number[][] {
  const controls = subflowsOf(name, whole);
  return whole.events.map((event) => {
    const control = controls[event.flow]!;
    if (event.what === 'ack') acknowledge(control, event);
    else if (event.what === 'loss') control.onCongestion(event.at, event.flightBytes);
    else control.onTimeout(event.at, event.flightBytes, true);
    return controls.map(({ cwndBytes }) => cwndBytes / whole.mssBytes);
  });
}

const formulae = { 'new-reno': newReno, cubic, lia, olia, balia, wvegas };
const sources = {
  'new-reno': 'RFC 5681 §3.1',
  cubic: 'RFC 9438 §4',
  lia: 'RFC 6356 §3',
  olia: 'CoNEXT 2012 §4',
  balia: 'ToN 2016 §V',
  wvegas: 'ICNP 2012 §IV',
};

describe('over a recorded connection', () => {
  it('there are losses and a timeout on two subflows, and each algorithm has windows of its own', () => {
    const count = (what: string): number => trace.events.filter((event) => event.what === what).length;
    expect(trace.events.length).toBeGreaterThan(1000);
    expect(count('loss')).toBeGreaterThan(3);
    expect(count('timeout')).toBeGreaterThan(0);
    expect(new Set(trace.events.map(({ flow }) => flow)).size).toBe(2);
    const ends = Object.values(formulae).map((make) => JSON.stringify(windowsBy(make(), trace).at(-1)));
    expect(new Set(ends).size).toBe(ends.length);
  });

  it.each(Object.keys(formulae) as (keyof typeof formulae)[])(
    '%s grows and shrinks as it was published',
    (name) => {
      const expected = windowsBy(formulae[name](), trace);
      const actual = windowsOf(name, trace);
      expected.forEach((windows, index) => {
        windows.forEach((w, flow) => {
          const found = actual[index]![flow]!;
          // The engine tells whole bytes.
          const isClose = Math.abs(found - w) <= 1.01 / trace.mssBytes;
          if (!isClose) expect.fail(`${sources[name]}, event ${index}, subflow ${flow}: ${found}, not ${w}`);
        });
      });
    },
  );

  it('are all that go by windows', () => {
    const windowed = Object.keys(congestionControls).filter((name) => !['reno', 'bbr'].includes(name));
    expect(windowed.sort()).toEqual(Object.keys(formulae).sort());
  });
});
