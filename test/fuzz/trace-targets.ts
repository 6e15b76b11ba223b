/** What the fuzzer feeds of the analyser: captures of a whole small connection, packets of raw IP one after the other. */
import { assert } from '../../src/base/index.js';
import { CapturedPacket, LinkType, PcapngWriter, readCapture } from '../../src/capture/index.js';
import { dissect, TraceAnalyzer } from '../../src/trace/index.js';
import { drawWorld } from '../simulation/draw.js';
import { runWorld } from '../simulation/world.js';
import { checkDissection } from '../support/dissection-rules.js';
import type { FuzzTarget } from './target.js';

/** Packets of a seed, and bytes kept of each. */
const PACKETS = 24;
const SNAP_BYTES = 160;

/** Small, so that mutated inputs meet them. */
const limits = {
  maxStreams: 6,
  maxConnections: 8,
  maxSubflows: 3,
  maxHoles: 4,
  maxDataRanges: 4,
  maxSignals: 2,
};

/** Each packet is two bytes of length, an original length in hundreds, and its bytes. */
function pack(packets: readonly CapturedPacket[]): Uint8Array {
  const pieces = packets.slice(0, PACKETS).flatMap((packet) => {
    const data = packet.data().subarray(0, SNAP_BYTES);
    return [data.length, Math.min(255, Math.ceil(packet.originalLength / 100)), ...data];
  });
  return Uint8Array.from(pieces);
}

function seed(number: number): Uint8Array {
  const writer = new PcapngWriter();
  runWorld(drawWorld(number), { capture: writer });
  return pack(readCapture(writer.take()).packets.filter(({ interfaceIndex }) => interfaceIndex % 2 === 0));
}

function run(input: Uint8Array): string {
  const analyzer = new TraceAnalyzer({ limits, includesPlain: (input[0]! & 1) !== 0 });
  const packet = new CapturedPacket();
  packet.linkType = LinkType.RAW;
  let atNs = 0;
  for (let at = 0; at + 2 <= input.length;) {
    const length = Math.min(input[at]!, input.length - at - 2);
    packet.setBytes(input, at + 2, length);
    packet.originalLength = Math.max(length, input[at + 1]! * 100);
    packet.setTime((atNs += 1_000_000));
    const o = analyzer.handle(packet);
    assert(o === undefined || Number.isFinite(o.relativeSeq), 'offsets are numbers');
    at += 2 + length;
  }
  const report = analyzer.finish();
  const text = JSON.stringify(report, (key, value: unknown) => {
    assert(typeof value !== 'number' || Number.isFinite(value), `${key} is a number`);
    return value;
  });
  assert(text.length < 1_000_000, 'a report is no larger than its limits allow');
  assert(report.connections.length <= limits.maxConnections, 'connections are limited');
  return report.connections
    .map(
      (one) =>
        `${one.version} ${one.fallbackCause} ${one.ending} ${one.subflows.map((s) => s.matchedBy).join()}`,
    )
    .join(';');
}

const linkTypes = Object.values(LinkType);

/** One frame: its link type, of those that are known and one that is not, and its bytes. */
function runDissection(input: Uint8Array): string {
  const linkType = linkTypes[(input[0] ?? 0) % (linkTypes.length + 1)] ?? 77;
  const frame = input.subarray(1);
  const dissection = dissect(frame, linkType);
  checkDissection(frame, dissection);
  const { layers, problem } = dissection;
  return `${layers.map(({ name }) => name).join()} ${problem?.replace(/\d[\d,]*/g, 'N')}`;
}

/** Frames of raw IP, from a world each. */
function frames(number: number): Uint8Array[] {
  const packed = seed(number);
  const raw = linkTypes.indexOf(LinkType.RAW);
  const found: Uint8Array[] = [];
  for (let at = 0; at + 2 <= packed.length && found.length < 4; at += 2 + packed[at]!) {
    found.push(Uint8Array.from([raw, ...packed.subarray(at + 2, at + 2 + packed[at]!)]));
  }
  return found;
}

export const traceTargets: readonly FuzzTarget[] = [
  { name: 'trace', seeds: [1, 2, 6, 12].map(seed), maxBytes: 4096, packetsPerInput: PACKETS, run },
  {
    name: 'trace.dissection',
    seeds: [1, 6].flatMap(frames),
    maxBytes: 256,
    packetsPerInput: 1,
    run: runDissection,
  },
];
