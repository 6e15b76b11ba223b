/**
 * A transfer both ways between two of our hosts, over one path or two, with a box on one of them, in virtual time to
 * the very end. Says what came of it.
 */

import { MILLISECOND, MINUTE, SeededRandom, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import { Stack } from '../../stack/index.js';
import { defaultTcpSettings, type TcpSettings } from '../../tcp/index.js';
import { IpAddress } from '../../wire/index.js';
import { Pattern } from '../checkers/pattern.js';
import type { Device } from '../device.js';
import { FaultInjector } from '../fault-injector.js';
import type { LinkOptions } from '../link-options.js';
import { randomLoss } from '../loss-model.js';
import { MiddleboxDevice } from '../middlebox.js';
import { Simulator } from '../simulator.js';
import { pathAddress, twoHosts, type PathSetup, type Side } from '../topology.js';
import type { MiddleboxBehaviour, Placement } from './behaviour.js';
import { type EndObservation, judgeTransfer, type JudgedTransfer } from './reaction.js';
import { TrialEnd, type TrialEndPlan, type TrialPause } from './trial-end.js';

/** Port of the server. */
export const trialPort = 8000;
/** The links of a trial: slow enough that both paths are used and joined before the transfer is over. */
export const trialLink = {
  rateBps: 10e6,
  delayNs: 10e6,
  queue: { ns: 100e6 },
} satisfies Partial<LinkOptions>;
/** A pause early in the stream, in which the second path is joined: in real time on a busy machine too. */
const joinPause: TrialPause = { atByte: 20_000, ns: 400 * MILLISECOND };
/** Virtual time after which a transfer that is not over hangs, in ns. */
const deadlineNs = 120 * MINUTE;
const maxEvents = 3_000_000;

/** What is tried. */
export interface TrialSetup {
  /** Undefined: nothing stands on the path. */
  readonly behaviour: MiddleboxBehaviour | undefined;
  readonly placement: Placement;
  /** Default 4. */
  readonly family?: 4 | 6;
  /** Bytes sent each way. Default 200,000. */
  readonly bytes?: number;
  /** Default 1. */
  readonly seed?: number;
  /** What differs from the defaults at either end; DSS checksums are on unless it says otherwise. */
  readonly client?: Partial<MptcpSettings>;
  readonly server?: Partial<MptcpSettings>;
  /** Puts something before the device of a side on a path, 0 or 1, outside of the box: a tap. */
  readonly wrap?: (device: Device, side: Side, path: number) => Device;
}

/** What came of it. */
export interface TrialOutcome extends JudgedTransfer {
  readonly client: EndObservation;
  readonly server: EndObservation;
  /** Whether it was over in time, with an error or without; a transfer that hangs is a fault. */
  readonly isOver: boolean;
}

/** Runs the transfer. The same setup gives the same outcome. */
export function runTrial(setup: TrialSetup): TrialOutcome {
  const { family = 4, seed = 1 } = setup;
  const simulator = new Simulator(seed);
  const stack = (settings: Partial<MptcpSettings> = {}): Stack =>
    new Stack({ random: simulator.random.fork(), settings: trialStackSettings(settings) });
  const paths = setup.placement === 'only' ? 1 : 2;
  const client = stack(setup.client);
  const server = stack(setup.server);
  const hosts = twoHosts(simulator, {
    client,
    server,
    paths: Array.from({ length: paths }, (_, index) => pathSetup(simulator, setup, index)),
  });
  const plans = trialPlans(setup);
  const near = new TrialEnd(plans.client);
  const far = new TrialEnd(plans.server);
  server.listen(0, { local: { port: trialPort } });
  hosts.server.run(0, far);
  hosts.client.run(0, near);
  const local = { address: trialClientAddress(setup, 0) };
  near.begin(
    client.connect(0, { remote: { address: pathAddress(0, 'server', family), port: trialPort }, local }),
  );
  hosts.client.wake(0);
  const outcome = simulator.run({ until: deadlineNs, maxEvents });
  const [clientSaw, serverSaw] = [near.observation(), far.observation()];
  const isOver = outcome === 'idle' && near.isOver && (far.isOver || !far.hasBegun);
  const judged = judgeTransfer(clientSaw, serverSaw, { behaviour: setup.behaviour, paths });
  return { ...judged, client: clientSaw, server: serverSaw, isOver };
}

/** What the ends of a trial send and expect. */
export function trialPlans(setup: TrialSetup): Readonly<Record<Side, TrialEndPlan>> {
  const { behaviour, bytes = 200_000, seed = 1 } = setup;
  const pauseNs = behaviour?.needs?.pauseNs ?? 0;
  const pauses = [
    ...(setup.placement === 'only' ? [] : [joinPause]),
    ...(pauseNs > 0 ? [{ atByte: bytes / 2, ns: pauseNs }] : []),
  ];
  const [up, down] = [new Pattern(seed), new Pattern(seed + 1)];
  return {
    client: { own: up, peer: down, bytes, pauses },
    server: { own: down, peer: up, bytes, pauses },
  };
}

/** Whether the box of a trial at `placement` stands on path `index`. */
function hasBox(placement: Placement, index: number): boolean {
  return index === (placement === 'second' ? 1 : 0);
}

/** The client's private address on path `index` behind a translator. */
function privateAddress(index: number, family: 4 | 6): IpAddress {
  return family === 4
    ? new IpAddress(4, 0, 0, 0, 0xc0a8_0002 + index * 256)
    : new IpAddress(6, 0xfd99_0000, index, 0, 2);
}

/** The client's own address on path `index`, private behind a translator. */
export function trialClientAddress(setup: TrialSetup, index: number): IpAddress {
  const family = setup.family ?? 4;
  const isTranslated = setup.behaviour?.translates === true && hasBox(setup.placement, index);
  return isTranslated ? privateAddress(index, family) : pathAddress(index, 'client', family);
}

function pathSetup(simulator: Simulator, setup: TrialSetup, index: number): PathSetup {
  const { family = 4 } = setup;
  return {
    both: trialLink,
    families: family === 4 ? 'ipv4' : 'ipv6',
    clientAddress: trialClientAddress(setup, index),
    checksumOffload: true,
    maxOffloadBytes: 65_536,
    wrap: (device, side) => {
      const boxed = side === 'client' ? withTrialBox(simulator, setup, device, index) : device;
      return setup.wrap?.(boxed, side, index) ?? boxed;
    },
  };
}

/** The client's `device` on path `index`, with the box of the trial before it if that is its place, and its losses. */
export function withTrialBox(
  simulator: Simulator,
  { behaviour, family = 4, placement }: TrialSetup,
  device: Device,
  index: number,
): Device {
  if (behaviour === undefined || !hasBox(placement, index)) return device;
  const publicAddresses = [pathAddress(index, 'client', family)];
  const random = new SeededRandom(simulator.random.nextUint32());
  const loss = behaviour.needs?.lossProbability;
  // Lost on either side of the box, for both directions have to come to it with holes.
  const lossy = (inner: Device): Device =>
    loss === undefined
      ? inner
      : new MiddleboxDevice(
          simulator,
          new FaultInjector(random.fork(), { loss: randomLoss(loss / 2) }),
          inner,
        );
  const box = behaviour.make({ random, publicAddresses });
  return lossy(new MiddleboxDevice(simulator, box, lossy(device)));
}

/** Settings of a host of a trial, under which whatever cannot go on ends within minutes. */
export function trialStackSettings(mptcp: Partial<MptcpSettings> = {}): {
  readonly tcp: TcpSettings;
  readonly mptcp: MptcpSettings;
} {
  return {
    tcp: {
      ...defaultTcpSettings,
      maxRtoNs: 20 * SECOND,
      keepAliveIdleNs: 30 * SECOND,
      keepAliveIntervalNs: 5 * SECOND,
      keepAliveCount: 9,
    },
    mptcp: { ...defaultMptcpSettings, checksum: true, ...mptcp },
  };
}
