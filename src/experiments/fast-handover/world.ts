/** The runs of `fast-handover`: a download over Wi-Fi and LTE, the Wi-Fi dies in the middle. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import type { LinuxLab } from '../linux-lab.js';
import type { SideOutcome } from '../transfer-side.js';
import {
  type Incident,
  longestGapNs,
  runTransfer,
  type TransferOutcome,
  type TransferSetup,
} from '../transfer.js';

/**
 * How the second path stands before the first dies, after Paasch et al.: all paths in use, one kept as a backup, none. In
 * `fading` there is none either, and the uplink of the first is dead for a while before its carrier goes, as where somebody
 * walks out of the reach of an access point: what was sent meanwhile is lost, all that arrived before is acknowledged.
 */
export type Mode = 'full' | 'backup' | 'single-path' | 'fading' | 'tcp';

/** What tells a sender that a path is dead. */
export type Detection = 'silence' | 'timeout' | 'carrier' | 'kernel';

/** One line of the table. */
export interface Variant {
  readonly mode: Mode;
  readonly detection: Detection;
  /** Which way the bytes go. */
  readonly direction: 'download' | 'upload';
  /** Whether a join carries data right behind its third packet (`earlyJoinData`). */
  readonly earlyData: boolean;
}

function download(mode: Mode, detection: Detection): Variant {
  return { mode, detection, direction: 'download', earlyData: false };
}

/** What is run, in the order of the table. */
export const variants: readonly Variant[] = [
  download('full', 'silence'),
  download('full', 'timeout'),
  download('backup', 'silence'),
  download('backup', 'timeout'),
  download('single-path', 'carrier'),
  // The side that joins is the one that may send early.
  { mode: 'single-path', detection: 'carrier', direction: 'upload', earlyData: false },
  { mode: 'single-path', detection: 'carrier', direction: 'upload', earlyData: true },
  { mode: 'fading', detection: 'carrier', direction: 'upload', earlyData: false },
  { mode: 'fading', detection: 'carrier', direction: 'upload', earlyData: true },
  download('tcp', 'timeout'),
];

/** What is run on the kernel, where that can be. */
export const kernelVariants: readonly Variant[] = [download('full', 'kernel'), download('backup', 'kernel')];

/** The parameters, in their units. */
export interface HandoverParameters {
  readonly wifiRateBps: number;
  readonly wifiDelayNs: number;
  readonly lteRateBps: number;
  readonly lteDelayNs: number;
  readonly sizeBytes: number;
  /** Between the death of the Wi-Fi and the LTE, where it is not there before. */
  readonly absenceNs: number;
}

/** What a run takes. */
export interface HandoverTrial {
  readonly parameters: HandoverParameters;
  readonly variant: Variant;
  /** Of the first run; those after it have the next ones. */
  readonly seed: number;
  /** Number of the run, from 0. */
  readonly run: number;
}

/** One run, measured. */
export interface Handover {
  readonly outcome: TransferOutcome;
  /** The side that the bytes came to. */
  readonly receiver: SideOutcome;
  /** When the Wi-Fi died. */
  readonly diedAtNs: number;
  /** Longest time without a byte for the application after that; undefined when nothing came any more. */
  readonly gapNs: number | undefined;
}

/** The time that the world gets to finish: TCP alone does not in any. */
const patienceNs = 30 * SECOND;

/** Longer than any run: silence is never noticed. */
const neverSilentNs = 1000 * SECOND;

function settingsOf({ mode, detection, earlyData }: Variant): MptcpSettings {
  return {
    ...defaultMptcpSettings,
    enabled: mode !== 'tcp',
    earlyJoinData: earlyData,
    ...(detection === 'timeout' && { silenceNs: neverSilentNs }),
  };
}

/** About when the Wi-Fi dies in run number `run`: a third of what both paths together need, a bit later each time. */
function deathNs(parameters: HandoverParameters, mode: Mode, run: number): number {
  const { wifiRateBps, lteRateBps, sizeBytes } = parameters;
  const rateBps = mode === 'full' ? wifiRateBps + lteRateBps : wifiRateBps;
  return Math.round((sizeBytes * 8e9) / rateBps / 3) + run * 7 * MILLISECOND;
}

/**
 * The death of the Wi-Fi: unseen, or with the LTE absent until `absenceNs` later, as a loss of carrier; in mode `fading` first
 * upwards and unseen.
 */
function incidentsOf(mode: Mode, diedAtNs: number, absenceNs: number): Incident[] {
  if (!isLate(mode)) return [{ atNs: diedAtNs, act: (now, links) => links[0]!.setState(now, 'blackhole') }];
  const isFading = mode === 'fading';
  const goneAtNs = diedAtNs + (isFading ? absenceNs : 0);
  const uplinkDeath: Incident = {
    atNs: diedAtNs,
    act: (now, links) => links[0]!.forward.setState(now, 'blackhole'),
  };
  return [
    { atNs: 0, act: (now, links) => links[1]!.backward.setState(now, 'down') },
    ...(isFading ? [uplinkDeath] : []),
    { atNs: goneAtNs, act: (now, links) => links[0]!.backward.setState(now, 'down') },
    { atNs: diedAtNs + absenceNs, act: (now, links) => links[1]!.backward.setState(now, 'up') },
  ];
}

/** Whether the LTE comes up only when the Wi-Fi is gone. */
function isLate(mode: Mode): boolean {
  return mode === 'single-path' || mode === 'fading';
}

/** What one run of a variant is. */
function setupOf({ parameters, variant, seed, run }: HandoverTrial): TransferSetup {
  const { wifiRateBps, wifiDelayNs, lteRateBps, lteDelayNs } = parameters;
  const diedAtNs = deathNs(parameters, variant.mode, run);
  const mptcp = settingsOf(variant);
  return {
    seed: seed + run,
    paths: [
      {
        name: 'Wi-Fi',
        both: { rateBps: wifiRateBps, delayNs: wifiDelayNs, queue: { ns: 50 * MILLISECOND } },
      },
      {
        name: 'LTE',
        both: { rateBps: lteRateBps, delayNs: lteDelayNs, queue: { ns: 100 * MILLISECOND } },
        backup: variant.mode === 'backup',
      },
    ],
    client: { mptcp },
    server: { mptcp },
    [variant.direction === 'download' ? 'downloadBytes' : 'uploadBytes']: parameters.sizeBytes,
    untilNs: diedAtNs + patienceNs,
    incidents: incidentsOf(variant.mode, diedAtNs, parameters.absenceNs),
  };
}

/** Runs one variant once. */
export function runHandover(trial: HandoverTrial): Handover {
  return measure(runTransfer(setupOf(trial)), trial);
}

/** Runs one variant once with the kernel at both ends, in real time. */
export async function runKernelHandover(
  lab: LinuxLab,
  parameters: HandoverParameters,
  variant: Variant,
  seed: number,
): Promise<Handover> {
  const trial = { parameters, variant, seed, run: 0 };
  return measure(await lab.transfer(setupOf(trial), 'both'), trial);
}

function measure(outcome: TransferOutcome, { parameters, variant, run }: HandoverTrial): Handover {
  const diedAtNs = deathNs(parameters, variant.mode, run);
  const receiver = variant.direction === 'download' ? outcome.client : outcome.server;
  const gapNs = receiver.isComplete ? longestGapNs(receiver, diedAtNs) : undefined;
  return { outcome, receiver, diedAtNs, gapNs };
}
