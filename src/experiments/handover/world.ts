/**
 * The runs of `handover`: a transfer that begins on the cellular link; the Wi-Fi appears, fades or not, dies, and comes back.
 */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Connection, Subflow } from '../../mptcp/index.js';
import {
  type Device,
  pathAddress,
  type Side,
  wifiConditionsAt,
  wifiDistanceAt,
  wifiSignalAt,
  wifiTransmitDbm,
} from '../../network/index.js';
import { tellFacts } from '../mobility/link-facts.js';
import {
  type CarrierNews,
  cellularRttNs,
  type PhoneLinks,
  phonePath,
  phonePaths,
  wifiIncidents,
} from '../mobility/phone.js';
import { phoneVariantNamed } from '../mobility/variants.js';
import { walkStepNs } from '../mobility/walk.js';
import type { WifiStep } from '../mobility/wifi.js';
import type { SideOutcome } from '../transfer-side.js';
import { longestGapNs, type TransferSetup, TransferWorld } from '../transfer.js';

/** How the Wi-Fi ends: from one moment to the next, or after its signal has become weaker and weaker. */
export const endings = ['sudden', 'fading'] as const;
export type Ending = (typeof endings)[number];

/** Whether the phone is told that its association has ended. */
export const newsKinds: readonly CarrierNews[] = ['known', 'unknown'];

/** Which way the data goes. */
export const directions = ['download', 'upload'] as const;
export type Direction = (typeof directions)[number];

/** The parameters of a run, in their units. */
export interface HandoverParameters extends PhoneLinks {
  /** When the Wi-Fi appears, begins to fade, dies and comes back, and when everything ends, in ns. */
  readonly appearsAtNs: number;
  readonly fadesAtNs: number;
  readonly diesAtNs: number;
  readonly returnsAtNs: number;
  readonly endsAtNs: number;
  /** Rate of the stream, in bit/s. */
  readonly rateBps: number;
  /** Signal of the access point at the phone when a Wi-Fi that fades dies, in dBm. */
  readonly lastDbm: number;
}

/** One run. */
export interface HandoverTrial {
  readonly parameters: HandoverParameters;
  readonly variant: string;
  readonly ending: Ending;
  readonly news: CarrierNews;
  readonly direction: Direction;
  readonly seed: number;
  /** Number of the run: each dies a bit later than the one before. */
  readonly run: number;
}

/** What came of it. */
export interface HandoverRun {
  /** Longest time without a byte for the application, begun or under way after the death; until the Wi-Fi was back. */
  readonly gapNs: number;
  /** The same between the beginning of the fade and the death. */
  readonly stallNs: number;
  /**
   * Round-trip time of the cellular path, in ns: as the sender measured it when the gap was over, but no less than a full
   * segment takes there and its acknowledgment back.
   */
  readonly rttNs: number;
  /** Retransmission timeout of the Wi-Fi subflow at the sender when the Wi-Fi died, in ns; 0 where there was none. */
  readonly rtoNs: number;
  readonly deliveredBytes: number;
  /** Part of all bytes that the cellular link carried. */
  readonly cellularShare: number;
}

/** Where the phone is while the Wi-Fi is good, in m. */
const nearM = 8;
/** Time by which each run dies later than the one before, in ns. */
const shiftNs = 7 * MILLISECOND;

/** When the Wi-Fi dies in a run, in ns. */
export function deathNs({ parameters, run }: Pick<HandoverTrial, 'parameters' | 'run'>): number {
  return parameters.diesAtNs + run * shiftNs;
}

/** The Wi-Fi of a run, step by step. */
export function wifiOf({ parameters, ending, run }: HandoverTrial): WifiStep[] {
  const { appearsAtNs, fadesAtNs, returnsAtNs, endsAtNs, lastDbm } = parameters;
  const diesAtNs = deathNs({ parameters, run });
  const farM = wifiDistanceAt(lastDbm, wifiTransmitDbm.accessPoint);
  const steps: WifiStep[] = [stepAt(0, nearM, false), stepAt(appearsAtNs, nearM, true)];
  if (ending === 'fading') {
    for (let atNs = fadesAtNs; atNs < diesAtNs; atNs += walkStepNs) {
      const part = (atNs - fadesAtNs) / (diesAtNs - fadesAtNs);
      steps.push(stepAt(atNs, nearM + (farM - nearM) * part, true));
    }
  }
  steps.push(stepAt(diesAtNs, ending === 'fading' ? farM : nearM, false));
  if (returnsAtNs < endsAtNs) steps.push(stepAt(returnsAtNs, nearM, true));
  return steps;
}

function stepAt(atNs: number, distanceM: number, isAssociated: boolean): WifiStep {
  const downDbm = wifiSignalAt(distanceM, wifiTransmitDbm.accessPoint);
  return {
    ...{ atNs, distanceM, isAssociated, signalDbm: Math.round(downDbm) },
    up: wifiConditionsAt(wifiSignalAt(distanceM, wifiTransmitDbm.phone)),
    down: wifiConditionsAt(downDbm),
  };
}

/** The transfer of a run: a stream of so many bit/s, or as much as goes. `wrap` may put something before the devices. */
export function setupOf(
  trial: HandoverTrial,
  wrap: (device: Device, side: Side, path: number) => Device = (device) => device,
): TransferSetup {
  const { parameters, variant, direction, seed, run, news } = trial;
  const { client, server } = phoneVariantNamed(variant);
  const { rateBps, endsAtNs } = parameters;
  // Where the first steps are not told of, there is nothing to be told: the Wi-Fi is not there yet.
  const [before, ...steps] = wifiOf(trial);
  return {
    seed: seed + run,
    paths: phonePaths(parameters).map((path, index) => ({
      ...path,
      isAnnounced: false,
      wrap: (device: Device, side: Side) => wrap(device, side, index),
    })),
    client: { mptcp: client },
    server: { mptcp: server },
    [direction === 'download' ? 'downloadBytes' : 'uploadBytes']: Math.ceil(
      (rateBps * endsAtNs) / SECOND / 8,
    ),
    writeBps: rateBps,
    incidents: [...wifiIncidents([before!], parameters, 'known'), ...wifiIncidents(steps, parameters, news)],
    untilNs: endsAtNs,
  };
}

/** Runs one. */
export function runHandover(trial: HandoverTrial): HandoverRun {
  const setup = setupOf(trial);
  const world = new TransferWorld(setup);
  prepare(world, trial);
  const sender = trial.direction === 'download' ? world.server : world.client;
  let rtoNs = 0;
  // The moment before: at its death a Wi-Fi subflow may be gone.
  world.simulator.at(deathNs(trial) - 1, () => {
    rtoNs = subflowOn(sender.socket?.connection, phonePath.wifi)?.tcp.rtt.rtoNs ?? 0;
  });
  const watch = new RttWatch(world, trial);
  world.run();
  const { client, server, pathBytes } = world.outcome();
  return measured(
    trial,
    { receiver: trial.direction === 'download' ? client : server, pathBytes },
    {
      ...{ rtoNs, rttNs: watch.rttNs },
    },
  );
}

/** Has the phone's system tell its stack of the links. */
export function prepare(world: TransferWorld, trial: HandoverTrial): void {
  wifiOf(trial).forEach((step, index) => {
    const news = index === 0 ? 'known' : trial.news;
    world.simulator.at(step.atNs, (now) => tellFacts(now, world.hosts.client, step, news));
  });
}

/** The active subflow on a path, if there is one; paths are told apart by the client's address. */
function subflowOn(connection: Connection | undefined, path: number): Subflow | undefined {
  const address = pathAddress(path, 'client', 4);
  return connection?.subflows.find(
    ({ state, local, remote }) =>
      state === 'active' && (local.address.equals(address) || remote.address.equals(address)),
  );
}

/** Notes the sender's round-trip time of the cellular path when the receiver hears again after the death. */
class RttWatch {
  rttNs: number;

  constructor(world: TransferWorld, trial: HandoverTrial) {
    const { direction, parameters } = trial;
    this.rttNs = cellularRttNs(parameters);
    const [sender, receiver] =
      direction === 'download' ? [world.server, world.client] : [world.client, world.server];
    let before = -1;
    const look = (now: number): void => {
      if (before < 0) before = receiver.bytesDelivered;
      const srttNs = subflowOn(sender.socket?.connection, phonePath.cellular)?.tcp.rtt.srttNs ?? 0;
      if (srttNs > 0) this.rttNs = Math.max(cellularRttNs(parameters), srttNs);
      if (receiver.bytesDelivered > before || now > parameters.returnsAtNs) return;
      world.simulator.at(now + lookNs, look);
    };
    world.simulator.at(deathNs(trial), look);
  }
}

/** How often the receiver is looked at, in ns. */
const lookNs = MILLISECOND;

/** What a run shows of its receiver. */
export function measured(
  trial: HandoverTrial,
  { receiver, pathBytes }: { receiver: SideOutcome; pathBytes: readonly number[] },
  { rtoNs, rttNs }: { rtoNs: number; rttNs: number },
): HandoverRun {
  const { fadesAtNs, returnsAtNs, endsAtNs } = trial.parameters;
  const diedAtNs = deathNs(trial);
  return {
    gapNs: longestGapNs(receiver, diedAtNs, Math.min(returnsAtNs, endsAtNs)),
    stallNs: longestGapNs(receiver, fadesAtNs, diedAtNs),
    ...{ rttNs, rtoNs, deliveredBytes: receiver.bytesDelivered },
    cellularShare: pathBytes[phonePath.cellular]! / pathBytes.reduce((sum, bytes) => sum + bytes, 0),
  };
}
