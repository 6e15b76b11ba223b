/** The runs of `bonding`: a long upload over some of the uplinks, while their rates go up and down. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, schedulerNamed } from '../../mptcp/index.js';
import { burstyLoss } from '../../network/index.js';
import { congestionNamed } from '../../tcp/index.js';
import type { SideOutcome } from '../transfer-side.js';
import { type Incident, runTransfer, type TransferPath } from '../transfer.js';
import { ratesOf, type Uplink, uplinks } from './uplinks.js';

/** How often a rate changes. */
const STEP_NS = 500 * MILLISECOND;
/** Packets lost in a row, on average. */
const BURST_PACKETS = 2;
/** Rate of what comes back: acknowledgments never wait for long. */
const RETURN_BPS = 20e6;

/** How the upload is done. */
export interface UploadParameters {
  readonly windowBytes: number;
  readonly warmUpNs: number;
  readonly durationNs: number;
  /** How much of the swings of the uplinks there is; 0: rates stand still. */
  readonly fluctuation: number;
}

/** One run. */
export interface UploadTrial {
  readonly parameters: UploadParameters;
  /** Places of the uplinks among all; TCP with one, Multipath TCP with more. */
  readonly uplinks: readonly number[];
  readonly scheduler: string;
  readonly congestion: string;
  readonly seed: number;
}

/** What one run gave. */
export interface UploadOutcome {
  /** Goodput in bit/s, the warm-up left out. */
  readonly goodputBps: number;
  /** Part of the bytes of packets that each uplink carried, in the order of the trial. */
  readonly shares: readonly number[];
}

/** One upload. */
export function measureUpload({ parameters, ...trial }: UploadTrial): UploadOutcome {
  const { windowBytes, warmUpNs, durationNs, fluctuation } = parameters;
  const used = trial.uplinks.map((place) => {
    const uplink = uplinks[place]!;
    return { ...uplink, swing: uplink.swing * fluctuation };
  });
  const mptcp = {
    ...defaultMptcpSettings,
    ...{ enabled: used.length > 1, scheduler: schedulerNamed(trial.scheduler) },
    ...{ receiveBufferBytes: windowBytes, sendBufferBytes: windowBytes },
  };
  const untilNs = warmUpNs + durationNs;
  const sumBps = used.reduce((sum, { rateBps, swing }) => sum + rateBps * (1 + swing), 0);
  const { server, pathBytes } = runTransfer({
    ...{ seed: trial.seed, untilNs, paths: used.map(pathOf) },
    incidents: incidentsOf(used, untilNs, trial.seed),
    client: { mptcp, congestion: congestionNamed(trial.congestion) },
    server: { mptcp },
    // More than the uplinks could carry.
    uploadBytes: Math.ceil((sumBps * untilNs) / SECOND / 8),
  });
  const carried = pathBytes.reduce((sum, bytes) => sum + bytes, 0);
  return {
    goodputBps: ((bytesAt(server, untilNs) - bytesAt(server, warmUpNs)) * 8 * SECOND) / durationNs,
    shares: pathBytes.map((bytes) => bytes / carried),
  };
}

function pathOf({ name, rateBps, delayNs, jitterNs, queueNs, loss }: Uplink): TransferPath {
  return {
    name,
    both: { delayNs, jitterNs, rateBps: RETURN_BPS },
    // A queue holds so many bytes: at a low rate it takes longer to empty.
    forward: {
      ...{ rateBps, loss: burstyLoss(loss, BURST_PACKETS) },
      queue: { bytes: Math.round((rateBps * queueNs) / SECOND / 8) },
    },
  };
}

function incidentsOf(used: readonly Uplink[], untilNs: number, seed: number): Incident[] {
  const count = Math.ceil(untilNs / STEP_NS);
  const rates = used.map((uplink) => ratesOf(uplink, count, seed));
  return Array.from({ length: count }, (_, step) => ({
    atNs: step * STEP_NS,
    act: (now, links) =>
      links.forEach((link, index) => link.forward.configure(now, { rateBps: rates[index]![step]! })),
  }));
}

/** Bytes that the application had by `atNs`. */
function bytesAt({ arrivals }: SideOutcome, atNs: number): number {
  let bytes = 0;
  for (const arrival of arrivals) if (arrival.atNs <= atNs) bytes = arrival.totalBytes;
  return bytes;
}
