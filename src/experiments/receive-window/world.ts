/** The runs of `receive-window`: a download over the two links, for a while, into a receive buffer of some size. */

import { SECOND } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import { congestionNamed } from '../../tcp/index.js';
import type { SideOutcome } from '../transfer-side.js';
import { runTransfer, type TransferPath } from '../transfer.js';
import type { Seeded } from '../with-seeds.js';

/** The links, and how they are used. */
export interface LinkParameters {
  readonly wifiRateBps: number;
  readonly wifiDelayNs: number;
  readonly wifiQueueNs: number;
  readonly cellularRateBps: number;
  readonly cellularDelayNs: number;
  readonly cellularQueueNs: number;
  readonly jitterNs: number;
  readonly warmUpNs: number;
  readonly durationNs: number;
  readonly congestion: string;
}

/** What uses the links. */
interface Variant {
  readonly name: string;
  readonly uses: 'wifi' | 'cellular' | 'both';
  readonly settings: Partial<MptcpSettings>;
}

/** In the order of the table. */
export const variants: readonly Variant[] = [
  { name: 'tcp-wifi', uses: 'wifi', settings: { enabled: false } },
  { name: 'tcp-3g', uses: 'cellular', settings: { enabled: false } },
  {
    name: 'mptcp',
    uses: 'both',
    settings: { opportunisticRetransmission: false, penalisation: false },
  },
  {
    name: 'mptcp-opportunistic',
    uses: 'both',
    settings: { opportunisticRetransmission: true, penalisation: false },
  },
  {
    name: 'mptcp-penalised',
    uses: 'both',
    settings: { opportunisticRetransmission: true, penalisation: true },
  },
];

/** What is measured: one variant with one window. */
export interface WindowPoint {
  readonly parameters: LinkParameters;
  readonly variant: string;
  readonly windowBytes: number;
}

/** Goodput of one run in bit/s, the warm-up left out. */
export function goodputOf({ parameters, variant: name, windowBytes, seed }: Seeded<WindowPoint>): number {
  const { warmUpNs, durationNs, congestion } = parameters;
  const { uses, settings } = variants.find((variant) => variant.name === name)!;
  const mptcp = { ...defaultMptcpSettings, ...settings };
  const untilNs = warmUpNs + durationNs;
  const { client } = runTransfer({
    seed,
    paths: pathsOf(parameters, uses),
    client: { mptcp: { ...mptcp, receiveBufferBytes: windowBytes } },
    server: { mptcp, congestion: congestionNamed(congestion) },
    // More than the links could carry.
    downloadBytes: Math.ceil(((parameters.wifiRateBps + parameters.cellularRateBps) * untilNs) / SECOND / 8),
    untilNs,
  });
  return ((bytesAt(client, untilNs) - bytesAt(client, warmUpNs)) * 8 * SECOND) / durationNs;
}

function pathsOf(parameters: LinkParameters, uses: Variant['uses']): TransferPath[] {
  const { jitterNs } = parameters;
  const wifi: TransferPath = {
    name: 'Wi-Fi',
    both: {
      ...{ rateBps: parameters.wifiRateBps, delayNs: parameters.wifiDelayNs, jitterNs },
      queue: { ns: parameters.wifiQueueNs },
    },
  };
  const cellular: TransferPath = {
    name: '3G',
    both: {
      ...{ rateBps: parameters.cellularRateBps, delayNs: parameters.cellularDelayNs, jitterNs },
      queue: { ns: parameters.cellularQueueNs },
    },
  };
  if (uses === 'both') return [wifi, cellular];
  return uses === 'wifi' ? [wifi] : [cellular];
}

/** Bytes that the application had by `atNs`. */
function bytesAt({ arrivals }: SideOutcome, atNs: number): number {
  let bytes = 0;
  for (const arrival of arrivals) if (arrival.atNs <= atNs) bytes = arrival.totalBytes;
  return bytes;
}
