/** The runs of `experimental-design`: a download over one drawn path, over the other, and over both. */

import { MICROSECOND, MINUTE, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, schedulerNamed } from '../../mptcp/index.js';
import { randomLoss } from '../../network/index.js';
import { congestionNamed } from '../../tcp/index.js';
import { runTransfer, type TransferPath } from '../transfer.js';
import type { DrawnPath } from './environments.js';

/** Longest extra delay of a packet, drawn evenly: enough that seeds differ where nothing is lost. */
const JITTER_NS = 500 * MICROSECOND;
/** When a download is given up. */
const PATIENCE_NS = 200 * MINUTE;

/** How downloads are done. */
export interface DownloadParameters {
  readonly sizeBytes: number;
  readonly windowBytes: number;
  readonly scheduler: string;
  readonly congestion: string;
  readonly tcpCongestion: string;
}

/** One set of paths with one seed. */
export interface DesignTrial {
  readonly parameters: DownloadParameters;
  readonly paths: readonly DrawnPath[];
  readonly seed: number;
}

/** Goodputs in bit/s, from the first SYN to the last byte. */
export interface DesignOutcome {
  /** Of TCP over each path. */
  readonly tcpBps: readonly number[];
  /** Of Multipath TCP over all of them, begun on the first. */
  readonly mptcpBps: number;
}

/** Downloads over each path by itself, and over all together. */
export function measureSet({ parameters, paths, seed }: DesignTrial): DesignOutcome {
  return {
    tcpBps: paths.map((path) => goodputOf(parameters, [path], seed)),
    mptcpBps: goodputOf(parameters, paths, seed),
  };
}

function goodputOf(parameters: DownloadParameters, paths: readonly DrawnPath[], seed: number): number {
  const { sizeBytes, windowBytes, scheduler, congestion, tcpCongestion } = parameters;
  const isMultipath = paths.length > 1;
  const mptcp = {
    ...defaultMptcpSettings,
    ...{ enabled: isMultipath, scheduler: schedulerNamed(scheduler) },
    ...{ receiveBufferBytes: windowBytes, sendBufferBytes: windowBytes },
  };
  const { client, endedAtNs } = runTransfer({
    ...{ seed, paths: paths.map(linkOf), downloadBytes: sizeBytes, untilNs: PATIENCE_NS },
    client: { mptcp },
    server: { mptcp, congestion: congestionNamed(isMultipath ? congestion : tcpCongestion) },
  });
  return (client.bytesDelivered * 8 * SECOND) / (client.completedAtNs ?? endedAtNs);
}

function linkOf({ rateBps, rttNs, queueNs, loss }: DrawnPath, index: number): TransferPath {
  return {
    name: `path ${index + 1}`,
    both: {
      ...{ rateBps, delayNs: rttNs / 2, jitterNs: JITTER_NS, loss: randomLoss(loss) },
      // Room for one packet is there in any case.
      queue: { ns: Math.max(1, queueNs) },
    },
  };
}
