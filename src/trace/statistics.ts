/**
 * What was counted of a connection, as plain data: the numbers of its subflows and of its data, without what the connection
 * is. Taken at the end of the capture, or where the span of time ends that somebody asked for.
 */
import { SECOND } from '../base/index.js';
import type { Connection } from './connection.js';
import type { DataDirection } from './data-direction.js';
import type { DataDirectionReport, SubflowDirectionReport } from './report.js';
import { SubflowDirection } from './subflow-direction.js';

/** The numbers of one subflow. */
export interface SubflowStatistics {
  readonly fromClient: SubflowDirectionReport;
  readonly fromServer: SubflowDirectionReport;
}

/** The numbers of a connection. */
export interface ConnectionStatistics {
  readonly packets: number;
  /** By number; a subflow that is found later has none. */
  readonly subflows: readonly SubflowStatistics[];
  readonly clientData: DataDirectionReport;
  readonly serverData: DataDirectionReport;
}

/**
 * The numbers as they stand, counted to the end of the capture. What lasts (a closed window, a sender without room) ends
 * at `untilNs`; where that is not given, with the last data, or the last packet.
 */
export function takeStatistics(connection: Connection, untilNs?: number): ConnectionStatistics {
  const { clientData, serverData } = connection;
  return {
    packets: connection.packets,
    subflows: connection.subflows.map(({ isOpenerClient, fromOpener, fromOther, endNs }) => {
      const fromClient = isOpenerClient ? fromOpener! : fromOther!;
      const fromServer = isOpenerClient ? fromOther! : fromOpener!;
      return {
        fromClient: reportDirection(fromClient, clientData, untilNs ?? endNs),
        fromServer: reportDirection(fromServer, serverData, untilNs ?? endNs),
      };
    }),
    clientData: reportData(clientData, synBytes(connection, true), untilNs ?? clientData.lastDataNs),
    serverData: reportData(serverData, synBytes(connection, false), untilNs ?? serverData.lastDataNs),
  };
}

function reportDirection(
  direction: SubflowDirection,
  data: DataDirection,
  untilNs: number,
): SubflowDirectionReport {
  const zeroNs = direction.zeroSince < 0 ? 0 : Math.max(0, untilNs - direction.zeroSince);
  return {
    packets: direction.packets,
    bytes: direction.bytes,
    uniqueBytes: direction.uniqueBytes,
    retransmittedBytes: direction.retransmittedBytes,
    retransmittedPackets: direction.retransmittedPackets,
    lateBytes: direction.lateBytes,
    latePackets: direction.latePackets,
    reinjectedBytes: direction.reinjectedBytes,
    reinjectedPackets: direction.reinjectedPackets,
    reinjectedFrom: Object.entries(direction.reinjectedFrom).map(([subflow, bytes]) => ({
      subflow: Number(subflow),
      bytes,
    })),
    share: data.uniqueBytes === 0 ? null : direction.firstCarriedBytes / data.uniqueBytes,
    missingBytes: direction.missingBytes,
    rtt: direction.rtt.summary(),
    flightBytes: direction.flight.summary(),
    ackBytes: direction.ackSizes.summary(),
    goodputBps: goodput(direction.uniqueBytes, direction.firstDataNs, direction.lastDataNs),
    zeroWindows: direction.zeroWindows,
    zeroWindowNs: direction.zeroWindowNs + zeroNs,
    resets: direction.resets,
    retransmissionFrames: direction.retransmissionFrames.list(),
    lateFrames: direction.lateFrames.list(),
    reinjectionFrames: direction.reinjectionFrames.list(),
    missingFrames: direction.missingFrames.list(),
    zeroWindowFrames: direction.zeroWindowFrames.list(),
    unansweredFrames: direction.unansweredFrames.list(),
    unackedBytes: direction.flightBytes,
    lastAckNs: direction.lastAckNs < 0 ? null : direction.lastAckNs,
    copiedPackets: direction.copiedPackets,
    initialSeq: direction.isAnchored && direction.isSynSeen ? direction.initialSeq >>> 0 : null,
  };
}

/** What the SYN of the first subflow delivered, for the host that sent it. */
function synBytes(connection: Connection, isClient: boolean): number {
  const first = connection.subflows[0]!;
  return (first.isOpenerClient === isClient ? first.fromOpener! : first.fromOther!).synAccepted;
}

function reportData(data: DataDirection, synBytes: number, untilNs: number): DataDirectionReport {
  data.endBlock(untilNs);
  return {
    bytes: data.bytes,
    uniqueBytes: data.uniqueBytes,
    reinjectedBytes: data.reinjectedBytes,
    synBytes,
    ackedBytes: data.acked,
    goodputBps: goodput(data.uniqueBytes, data.firstDataNs, data.lastDataNs),
    dataRtt: data.rtt.summary(),
    flightBytes: data.flight.summary(),
    outOfOrderBytes: data.outOfOrder.summary(),
    outOfOrderNs: data.outOfOrderNs.summary(),
    windowBlockedNs: data.blockedNs,
    windowBlockedBy: Object.entries(data.blockedBy).map(([subflow, ns]) => ({
      subflow: Number(subflow),
      ns,
    })),
    windowBlockedFrames: data.blockedFrames.list(),
    deepestPacket: data.deepestPacket < 0 ? null : data.deepestPacket,
    crossedBytes: data.crossedBytes,
    crossedPacket: data.crossedPacket < 0 ? null : data.crossedPacket,
    firstDataNs: data.firstDataNs < 0 ? null : data.firstDataNs,
    lastDataNs: data.lastDataNs < 0 ? null : data.lastDataNs,
    dataFin: data.dataFinAt >= 0,
    dataFinPacket: data.dataFinPacket < 0 ? null : data.dataFinPacket,
    mappings: data.mappings,
    badChecksums: data.badChecksums,
    badChecksumPackets: data.badChecksumPackets.list(),
    goodChecksums: data.goodChecksums,
    intervals: data.intervals?.report() ?? null,
  };
}

/** Bits per second of `bytes` between two instants; null when there is no time between them. */
function goodput(bytes: number, firstNs: number, lastNs: number): number | null {
  return lastNs > firstNs && firstNs >= 0 ? (bytes * 8 * SECOND) / (lastNs - firstNs) : null;
}

/** The numbers of a subflow of which nothing was seen in the span of time that was asked for. */
export function nothingSeen({ limits, clientData, serverData }: Connection): SubflowStatistics {
  return {
    fromClient: reportDirection(new SubflowDirection(limits), clientData, 0),
    fromServer: reportDirection(new SubflowDirection(limits), serverData, 0),
  };
}
