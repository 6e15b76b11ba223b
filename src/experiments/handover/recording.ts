/**
 * What passed the devices of a host, kept for a picture: the headers of each packet and when it came by; and what a trace
 * analyser, which shares no code with the engine, makes of it.
 */

import { CapturedPacket, LinkType } from '../../capture/index.js';
import { type Device, type Packet, type PacketObserver, type Side, TapDevice } from '../../network/index.js';
import { Attribution, type ConnectionReport, ConnectionSeries, TraceAnalyzer } from '../../trace/index.js';

/** Bytes kept of a packet: all headers with all options. */
const keptBytes = 128;

/** A packet that passed. */
interface Kept {
  readonly atNs: number;
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** What both hosts of a transfer saw. */
export class Recording {
  private readonly kept: Readonly<Record<Side, Kept[]>> = { client: [], server: [] };

  /** Looks at what passes `device`, which is one of the host's at `side`. */
  wrap(device: Device, side: Side): Device {
    const kept = this.kept[side];
    const observer: PacketObserver = {
      observe: (atNs, { bytes }: Packet) =>
        void kept.push({ atNs, bytes: bytes.slice(0, keptBytes), length: bytes.length }),
    };
    return new TapDevice(device, [observer]);
  }

  /** What the host at `side` saw of the data that `sender` sent, between two instants of the transfer. */
  seen(side: Side, sender: Side, fromNs: number, toNs: number): SeenData | undefined {
    const kept = this.kept[side];
    const firstNs = kept[0]?.atNs ?? 0;
    const [connection] = analyse(kept, () => undefined).finish().connections;
    if (connection === undefined) return undefined;
    const range = { fromNs: Math.max(0, fromNs - firstNs), toNs: toNs - firstNs };
    const series = new ConnectionSeries(connection, { sender, ...range });
    const attribution = new Attribution([connection]);
    analyse(kept, (observation) => {
      if (attribution.attribute(observation)) series.take(observation);
    });
    return { connection, series, firstNs };
  }
}

/** The data of one sender as one host saw it. Times of the series count from `firstNs` of the transfer. */
export interface SeenData {
  readonly connection: ConnectionReport;
  readonly series: ConnectionSeries;
  readonly firstNs: number;
}

function analyse(
  kept: readonly Kept[],
  take: (observation: NonNullable<ReturnType<TraceAnalyzer['handle']>>) => void,
): TraceAnalyzer {
  const analyzer = new TraceAnalyzer({ includesPlain: true, verifiesChecksums: false });
  const packet = new CapturedPacket();
  packet.linkType = LinkType.RAW;
  for (const { atNs, bytes, length } of kept) {
    packet.setBytes(bytes);
    packet.originalLength = length;
    packet.setTime(atNs);
    const observation = analyzer.handle(packet);
    if (observation !== undefined) take(observation);
  }
  return analyzer;
}
