/**
 * A transfer both ways between two of our hosts, over one path or two, with a box on one of them, in virtual time to
 * the very end. Says what came of it.
 */

import { MINUTE, NEVER, SeededRandom, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import { type Socket, Stack, type StackEvent } from '../../stack/index.js';
import { defaultTcpSettings } from '../../tcp/index.js';
import { IpAddress } from '../../wire/index.js';
import { Pattern } from '../checkers/pattern.js';
import type { Device } from '../device.js';
import { FaultInjector } from '../fault-injector.js';
import type { Application } from '../host.js';
import type { LinkOptions } from '../link-options.js';
import { randomLoss } from '../loss-model.js';
import { MiddleboxDevice } from '../middlebox.js';
import { Simulator } from '../simulator.js';
import { pathAddress, twoHosts, type PathSetup, type Side } from '../topology.js';
import type { MiddleboxBehaviour, Placement } from './behaviour.js';
import { judgeTransfer, type EndObservation, type TransferOutcome } from './reaction.js';

/** Port of the server. */
export const trialPort = 8000;
/** The links of a trial: slow enough that both paths are used and joined before the transfer is over. */
export const trialLink: Partial<LinkOptions> = { rateBps: 10e6, delayNs: 10e6, queue: { ns: 100e6 } };
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
export interface TrialOutcome extends TransferOutcome {
  readonly client: EndObservation;
  readonly server: EndObservation;
  /** Whether it was over in time, with an error or without; a transfer that hangs is a fault. */
  readonly isOver: boolean;
}

/** Runs the transfer. The same setup gives the same outcome. */
export function runTrial(setup: TrialSetup): TrialOutcome {
  const { behaviour, bytes = 200_000, family = 4, seed = 1 } = setup;
  const simulator = new Simulator(seed);
  const stack = (settings: Partial<MptcpSettings> = {}): Stack =>
    new Stack({ random: simulator.random.fork(), settings: stackSettings(settings) });
  const paths = setup.placement === 'only' ? 1 : 2;
  const client = stack(setup.client);
  const server = stack(setup.server);
  const hosts = twoHosts(simulator, {
    client,
    server,
    paths: Array.from({ length: paths }, (_, index) => pathSetup(simulator, setup, index)),
  });
  const pauseNs = behaviour?.needs?.pauseNs ?? 0;
  const near = new TrialEnd({ own: new Pattern(seed), peer: new Pattern(seed + 1), bytes, pauseNs });
  const far = new TrialEnd({ own: new Pattern(seed + 1), peer: new Pattern(seed), bytes, pauseNs });
  server.listen(0, { local: { port: trialPort } });
  hosts.server.run(0, far);
  hosts.client.run(0, near);
  const local = { address: clientAddress(setup, 0, family) };
  near.begin(
    client.connect(0, { remote: { address: pathAddress(0, 'server', family), port: trialPort }, local }),
  );
  hosts.client.wake(0);
  const outcome = simulator.run({ until: deadlineNs, maxEvents });
  const [clientSaw, serverSaw] = [near.observation(), far.observation()];
  const isOver = outcome === 'idle' && near.isOver && (far.isOver || !far.hasBegun);
  return { ...judgeTransfer(clientSaw, serverSaw, paths), client: clientSaw, server: serverSaw, isOver };
}

/** Whether the box of a trial at `placement` stands on path `index`. */
export function hasBox(placement: Placement, index: number): boolean {
  return index === (placement === 'second' ? 1 : 0);
}

/** The client's private address on path `index` behind a translator. */
export function privateAddress(index: number, family: 4 | 6): IpAddress {
  return family === 4
    ? new IpAddress(4, 0, 0, 0, 0xc0a8_0002 + index * 256)
    : new IpAddress(6, 0xfd99_0000, index, 0, 2);
}

/** The client's own address on path `index`. */
function clientAddress(setup: TrialSetup, index: number, family: 4 | 6): IpAddress {
  const isTranslated = setup.behaviour?.translates === true && hasBox(setup.placement, index);
  return isTranslated ? privateAddress(index, family) : pathAddress(index, 'client', family);
}

function pathSetup(simulator: Simulator, setup: TrialSetup, index: number): PathSetup {
  const { behaviour, family = 4, placement } = setup;
  return {
    both: trialLink,
    families: family === 4 ? 'ipv4' : 'ipv6',
    clientAddress: clientAddress(setup, index, family),
    checksumOffload: true,
    maxOffloadBytes: 65_536,
    wrap: (device, side) => {
      const boxed =
        behaviour !== undefined && side === 'client' && hasBox(placement, index)
          ? withBehaviour(simulator, behaviour, device, [pathAddress(index, 'client', family)])
          : device;
      return setup.wrap?.(boxed, side, index) ?? boxed;
    },
  };
}

/** `device`, which belongs to the client, with a box of `behaviour` before it and the losses that the behaviour needs. */
export function withBehaviour(
  simulator: Simulator,
  behaviour: MiddleboxBehaviour,
  device: Device,
  publicAddresses: readonly IpAddress[],
): Device {
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

/** Settings under which whatever cannot go on ends within minutes. */
function stackSettings(mptcp: Partial<MptcpSettings>) {
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

/** What an end sends and expects. */
interface EndPlan {
  readonly own: Pattern;
  readonly peer: Pattern;
  readonly bytes: number;
  /** Pause in the middle of what it sends, in ns. */
  readonly pauseNs: number;
}

/** One end: sends its bytes, judges those of the peer, closes after them. */
class TrialEnd implements Application {
  private readonly plan: EndPlan;
  private socket: Socket | undefined;
  private written = 0;
  private received = 0;
  private isWrong = false;
  private isChanged = false;
  private subflows = 0;
  private lostSubflows = 0;
  private isPeerFinished = false;
  private isFallback = false;
  private hasFailed = false;
  private resumesAt = NEVER;
  isOver = false;

  constructor(plan: EndPlan) {
    this.plan = plan;
  }

  get hasBegun(): boolean {
    return this.socket !== undefined;
  }

  begin(socket: Socket): void {
    this.socket = socket;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      const accepted = event.listener.accept();
      // A second one is the ghost of a handshake that was answered twice.
      if (this.socket !== undefined) accepted?.abort(now);
      else if (accepted !== undefined) this.begin(accepted);
      if (this.socket?.state === 'open') this.write(now);
      return;
    }
    if (event.socket !== this.socket) return;
    const { connection } = event.socket;
    if (connection.isFallback) this.isFallback = true;
    if (event.type === 'established' || event.type === 'writable') this.write(now);
    else if (event.type === 'path') {
      const { notice } = event;
      if (notice.type === 'subflow-closed' && notice.reason !== 'normal') this.lostSubflows++;
      const active = connection.subflows.filter(({ state }) => state === 'active').length;
      this.subflows = Math.max(this.subflows, active);
    } else {
      this.read(now);
      if (event.type === 'peer-closed') this.isPeerFinished = true;
      if (event.type === 'closed') {
        this.isOver = true;
        this.hasFailed = event.error !== undefined;
        this.resumesAt = NEVER;
      }
    }
  }

  pollTimeout(): number {
    return this.resumesAt;
  }

  handleTimeout(now: number): void {
    this.resumesAt = NEVER;
    this.write(now);
  }

  observation(): EndObservation {
    const { bytes } = this.plan;
    const isWhole = this.isChanged || this.received === bytes;
    const isComplete = this.isOver && !this.hasFailed && this.isPeerFinished && this.written === bytes;
    return {
      isComplete,
      isFallback: this.isFallback,
      subflows: this.subflows,
      lostSubflows: this.lostSubflows,
      // A stream that ends in order and too early is as wrong as one with other bytes.
      isCorrupted: this.isWrong || (isComplete && !isWhole),
      isChangedAsPlainTcp: this.isChanged,
    };
  }

  /** Writes what there is to write, with the pause in the middle, and ends the stream. */
  private write(now: number): void {
    const { socket } = this;
    const { bytes, own, pauseNs } = this.plan;
    if (socket === undefined || this.isOver || this.resumesAt !== NEVER) return;
    const middle = pauseNs > 0 && this.written < bytes / 2 ? bytes / 2 : bytes;
    while (this.written < middle) {
      const length = Math.min(16_384, middle - this.written);
      const chunk = own.fill(new Uint8Array(length), this.written);
      this.written += length;
      if (!socket.write(now, chunk)) return;
    }
    if (middle < bytes) this.resumesAt = now + pauseNs;
    else socket.shutdown(now);
  }

  private read(now: number): void {
    const { socket } = this;
    if (socket === undefined) return;
    const { bytes, peer } = this.plan;
    for (let chunk = socket.read(now); chunk !== undefined; chunk = socket.read(now)) {
      const isRight = peer.mismatch(chunk, this.received) < 0 && this.received + chunk.length <= bytes;
      this.received += chunk.length;
      if (isRight || this.isChanged) continue;
      if (socket.connection.isFallback) this.isChanged = true;
      else this.isWrong = true;
    }
  }
}
