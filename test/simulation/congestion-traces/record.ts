/**
 * `npx tsx test/simulation/congestion-traces/record.ts`: records the trace anew, from a download with LIA over two paths of 4 and 2
 * Mbit/s and 10 and 40 ms, whose queues are short enough for losses, one of which goes silent for a while. Tests need no new one: they go by what was recorded.
 */

import { writeFileSync } from 'node:fs';
import { MILLISECOND, SECOND } from '../../../src/base/index.js';
import { TransferWorld } from '../../../src/experiments/index.js';
import type { PathSetup } from '../../../src/network/index.js';
import {
  type CongestionControl,
  type CongestionFactory,
  type CongestionInit,
  congestionNamed,
} from '../../../src/tcp/index.js';
import { lineOf, type TraceEvent, tracePath } from './trace.js';

/** An event, and the windows of all flows before it. */
interface Recorded {
  readonly event: TraceEvent;
  readonly windows: readonly number[];
}

const recorded: Recorded[] = [];
const flows: CongestionControl[] = [];

/** `inner`, with everything that it is told written down. */
function watched(inner: CongestionControl, flow: number): CongestionControl {
  const note = (event: TraceEvent): void => {
    recorded.push({ event, windows: flows.map(({ cwndBytes }) => cwndBytes) });
  };
  const refuse = (what: string) => (): never => {
    throw new Error(`${what} has no place in a trace: choose other paths`);
  };
  const handlers: Partial<CongestionControl> = {
    onAck(now, ack) {
      const { deliveredBytes, peakInFlightBytes, srttNs, latestRttNs, isRoundStart } = ack;
      note({
        ...{
          what: 'ack',
          flow,
          at: now,
          deliveredBytes,
          peakInFlightBytes,
          srttNs,
          latestRttNs,
          isRoundStart,
        },
      });
      inner.onAck(now, ack);
    },
    onCongestion(now, flightBytes) {
      note({ what: 'loss', flow, at: now, flightBytes });
      inner.onCongestion(now, flightBytes);
    },
    onTimeout(now, flightBytes, isFirst) {
      if (isFirst) note({ what: 'timeout', flow, at: now, flightBytes });
      inner.onTimeout(now, flightBytes, isFirst);
    },
    onSpurious: refuse('a mistaken loss'),
    onPenalty: refuse('a penalty'),
  };
  return new Proxy(inner, {
    get: (target, name) =>
      name in handlers
        ? handlers[name as keyof typeof handlers]
        : (Reflect.get(target, name, target) as unknown),
  });
}

const lia = congestionNamed('lia');
const recording: CongestionFactory = Object.assign((init: CongestionInit) => lia(init), {
  forConnection: (): CongestionFactory => {
    const make = lia.forConnection!();
    return (init) => {
      const control = make(init);
      flows.push(control);
      return watched(control, flows.length - 1);
    };
  },
});

const link = (rateBps: number, delayMs: number): PathSetup => ({
  both: { rateBps, delayNs: delayMs * MILLISECOND, queue: { bytes: (rateBps * 0.06) / 8 } },
});
const world = new TransferWorld({
  seed: 1,
  paths: [
    { name: 'quick', ...link(4e6, 10) },
    { name: 'slow', ...link(2e6, 40) },
  ],
  server: { congestion: recording },
  downloadBytes: 9_000_000,
  incidents: [
    { atNs: 7 * SECOND, act: (now, links) => links[1]!.setState(now, 'blackhole') },
    { atNs: 8 * SECOND, act: (now, links) => links[1]!.setState(now, 'up') },
  ],
});
world.run(7.9 * SECOND);

/** From the first instant at which every subflow has had a loss. */
const from = Math.max(
  ...[0, 1].map((flow) => recorded.findIndex(({ event }) => event.what === 'loss' && event.flow === flow)),
);
const kept = recorded.slice(from + 1);
const { event: first } = kept[0]!;
const lines = kept.map(({ event }) => JSON.stringify(lineOf({ ...event, at: event.at - first.at })));
writeFileSync(
  tracePath,
  `{\n"mssBytes": ${world.server.socket!.connection.subflows[0]!.tcp.mss},\n` +
    `"windowBytes": ${JSON.stringify(kept[0]!.windows)},\n"events": [\n${lines.join(',\n')}\n]\n}\n`,
);
const count = (what: string): number => kept.filter(({ event }) => event.what === what).length;
console.log(`${count('ack')} acknowledgments, ${count('loss')} losses, ${count('timeout')} timeouts`);
