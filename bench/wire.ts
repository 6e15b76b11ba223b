/**
 * What the codecs cost: ns for one option or one segment's headers, bytes per ns for the checksum. Each figure is the
 * best of many short runs, the one that other work on the machine disturbed least.
 */
import {
  DssFields,
  IpAddress,
  IpHeader,
  IpPacket,
  IpProtocol,
  TcpFlag,
  TcpSegment,
  foldChecksum,
  onesComplementSum,
  parseDss,
  parseIp,
  parseTcp,
  pseudoHeaderSum,
  viewOf,
  writeDss,
  writeIpHeader,
  writeTcpHeader,
} from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const runs = 60;

/** Least ns that one of `count` rounds of `body` takes; `body` does all of them. */
function measureNs(count: number, body: (count: number) => number): number {
  let sink = 0;
  // Until the compiler has settled on its best code, time means nothing.
  for (let i = 0; i < 20; i++) sink += body(count);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint();
    sink += body(count);
    least = Math.min(least, Number(process.hrtime.bigint() - start) / count);
  }
  if (Number.isNaN(sink)) throw new Error('a benchmark read what is not there');
  return least;
}

function figure(name: string, valueNs: number, target: number | null): BenchResult {
  return { name, value: Number(valueNs.toFixed(2)), unit: 'ns', better: 'lower', target, peer: null };
}

/** A mapping with a 32-bit number and a 64-bit DATA_ACK: what a busy two-way connection sends. */
function busyDss(): DssFields {
  const fields = new DssFields();
  fields.hasAck = true;
  fields.ack64 = true;
  fields.ackHi = 0x8710_f99b;
  fields.ackLo = 0xfb4e_435d;
  fields.hasMapping = true;
  fields.seq64 = true;
  fields.seqHi = 0x4044_3aa9;
  fields.seqLo = 0x91e2_332f;
  fields.subflowSeq = 1;
  fields.dataLength = 1400;
  return fields;
}

/** Options at several offsets with differing numbers, so that nothing can be computed once and for all. */
function dssFigures(): BenchResult[] {
  const slots = 64;
  const bytes = new Uint8Array(slots * 32);
  const view = viewOf(bytes);
  const fields = busyDss();
  const emitNs = measureNs(50_000, (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      fields.ackLo = (fields.ackLo + 1400) >>> 0;
      fields.seqLo = (fields.seqLo + 1400) >>> 0;
      sum += writeDss(fields, view, (i % slots) * 32);
    }
    return sum;
  });
  const into = new DssFields();
  const parseNs = measureNs(50_000, (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      if (parseDss(bytes, (i % slots) * 32, 26, into) === undefined) sum += into.seqLo;
    }
    return sum;
  });
  return [figure('wire.dss.parseNs', parseNs, 150), figure('wire.dss.emitNs', emitNs, 150)];
}

/** IPv4 and TCP headers with timestamps and a DSS, as every data segment of a connection has them. */
function segmentFigures(): BenchResult[] {
  const slots = 64;
  const slotBytes = 128;
  const bytes = new Uint8Array(slots * slotBytes);
  const view = viewOf(bytes);
  const extension = new Uint8Array(40);
  const source = IpAddress.parse('10.0.0.1')!;
  const destination = IpAddress.parse('10.0.0.2')!;
  const ip = new IpHeader(source, destination, IpProtocol.TCP);
  const dss = busyDss();
  const tcp = {
    seq: 1,
    ack: 0x9000_0000,
    flags: TcpFlag.ACK | TcpFlag.PSH,
    window: 512,
    mss: 0,
    windowScale: -1,
    sackPermitted: false,
    hasTimestamps: true,
    tsVal: 0x8000_0001,
    tsEcr: 77,
    sackCount: 0,
    sackEdges: new Uint32Array(8),
    extensionView: viewOf(extension),
    extensionLength: 0,
  };
  const emitNs = measureNs(50_000, (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const offset = (i % slots) * slotBytes;
      tcp.seq = (tcp.seq + 1400) >>> 0;
      dss.seqLo = (dss.seqLo + 1400) >>> 0;
      const optionLength = writeDss(dss, tcp.extensionView, 0);
      extension[optionLength] = 1;
      extension[optionLength + 1] = 1;
      tcp.extensionLength = optionLength + 2;
      const length = writeTcpHeader(view, offset + 20, 40_000, 443, tcp);
      ip.payloadLength = length;
      writeIpHeader(view, offset, ip);
      const pseudoSum = pseudoHeaderSum(source, destination, IpProtocol.TCP, length);
      const checksum = foldChecksum(onesComplementSum(bytes, offset + 20, length, pseudoSum));
      view.setUint16(offset + 36, checksum);
      sum += checksum;
    }
    return sum;
  });
  const packet = new IpPacket();
  const segment = new TcpSegment();
  const option = new DssFields();
  const parseNs = measureNs(50_000, (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const offset = (i % slots) * slotBytes;
      if (parseIp(bytes, offset, 80, packet) !== undefined) return Number.NaN;
      if (parseTcp(bytes, packet.payloadOffset, packet.payloadLength, segment) !== undefined)
        return Number.NaN;
      if (parseDss(bytes, segment.mptcpOffsets[0]!, segment.mptcpLengths[0]!, option) !== undefined) {
        return Number.NaN;
      }
      sum += segment.seq + option.seqLo;
    }
    return sum;
  });
  return [figure('wire.segment.parseNs', parseNs, 100), figure('wire.segment.emitNs', emitNs, 200)];
}

function checksumFigure(): BenchResult {
  const length = 65_536;
  const bytes = new Uint8Array(length + 64).map((_, i) => i * 7);
  const ns = measureNs(200, (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += onesComplementSum(bytes, i & 63, length);
    return sum;
  });
  return {
    name: 'wire.checksum.bytesPerNs',
    value: Number((length / ns).toFixed(2)),
    unit: 'bytes/ns',
    better: 'higher',
    target: 4,
    peer: null,
  };
}

/** All figures of the wire layer. */
export function run(): Promise<BenchResult[]> {
  return Promise.resolve([...dssFigures(), ...segmentFigures(), checksumFigure()]);
}
