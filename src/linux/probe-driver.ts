/**
 * Runs of the probe on real packets: raw devices on the machine's own addresses, the clock and the timer. Owns the
 * devices; knows nothing of what the runs say.
 */
import { NEVER, SubflowError } from '../base/index.js';
import { type Device, Packet, withChecksum } from '../network/index.js';
import type { ScriptRun } from '../probe/index.js';
import type { IpAddress } from '../wire/index.js';
import { IpPacket, parseIp } from '../wire/index.js';
import type { NetworkNamespace } from './namespace.js';
import { RawDevice } from './raw-device.js';
import { interfaceWith, type LocalRoute, routeTo } from './route.js';

/** The longest that a timer of Node's can wait, ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ProbeDriverOptions {
  readonly target: IpAddress;
  /** A second address of this host's for joins; the first one when absent. */
  readonly joinLocal?: IpAddress;
  /** Where to send from; the caller's namespace when absent. */
  readonly namespace?: NetworkNamespace;
  /** Puts something before a device, as a capture; gets the device and the name of its interface. */
  readonly wrap?: (device: Device, interfaceName: string) => Device;
}

export class ProbeDriver {
  /** The address that runs speak from. */
  readonly local: IpAddress;
  private readonly devices: {
    readonly address: IpAddress;
    readonly raw: RawDevice;
    readonly device: Device;
  }[];
  private readonly ip = new IpPacket();
  private current: ScriptRun<unknown> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private finish: (() => void) | undefined;

  /**
   * @throws SystemError `EPERM` without CAP_NET_RAW, `ENETUNREACH` where no route leads to the target.
   */
  constructor(options: ProbeDriverOptions) {
    const { target, joinLocal, namespace } = options;
    const route = routeTo(target, namespace);
    this.local = route.address;
    const routes: LocalRoute[] = [route];
    if (joinLocal !== undefined && !joinLocal.equals(route.address))
      routes.push({ address: joinLocal, interfaceName: interfaceFor(joinLocal, route, namespace) });
    this.devices = [];
    try {
      for (const one of routes) this.devices.push(this.openDevice(one, options));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The instant that runs count from, ns. */
  now(): number {
    return Number(process.hrtime.bigint());
  }

  /** Drives `run` to its end. One at a time. */
  complete(run: ScriptRun<unknown>): Promise<void> {
    if (this.current !== undefined)
      throw new SubflowError('ERR_SUBFLOW_STATE', 'another run of this driver goes on');
    return new Promise((resolve) => {
      this.current = run;
      this.finish = resolve;
      run.begin(this.now());
      this.pump();
    });
  }

  /** Ends a run that goes on: what it opened is closed, and {@link complete} settles. */
  stop(): void {
    this.current?.stop(this.now());
    this.pump();
  }

  /** Ends a run that goes on, and gives the ports back. */
  close(): void {
    this.stop();
    for (const { raw } of this.devices) raw.close();
  }

  private openDevice(route: LocalRoute, options: ProbeDriverOptions): (typeof this.devices)[number] {
    const { namespace, wrap } = options;
    const raw = new RawDevice(
      { ...route, allIcmp: true, ...(namespace !== undefined && { namespace }) },
      { beginInput: () => this.now(), endInput: () => this.pump() },
    );
    const device = wrap?.(raw, route.interfaceName) ?? raw;
    device.attach({
      handlePacket: (now, packet) => this.receive(now, packet),
      handleCarrier: () => undefined,
    });
    return { address: route.address, raw, device };
  }

  private receive(now: number, packet: Packet): void {
    this.current?.handlePacket(now, withChecksum(packet, this.ip).bytes);
  }

  /** Sends what there is to send, and sets the timer. */
  private pump(): void {
    const { current } = this;
    if (current === undefined) return;
    for (let bytes = current.pollTransmit(); bytes !== undefined; bytes = current.pollTransmit())
      this.send(bytes);
    clearTimeout(this.timer);
    if (current.isOver) {
      this.settle();
      return;
    }
    const dueAt = current.pollTimeout();
    if (dueAt === NEVER) return;
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil((dueAt - this.now()) / 1e6)));
    this.timer = setTimeout(() => {
      current.handleTimeout(this.now());
      this.pump();
    }, ms);
  }

  /** By the device that has the packet's source address. */
  private send(bytes: Uint8Array): void {
    const { ip } = this;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined) return;
    const from = this.devices.find(({ address }) => address.equalsBytes(bytes, ip.sourceOffset));
    from?.device.send(this.now(), new Packet(bytes));
  }

  private settle(): void {
    clearTimeout(this.timer);
    this.current = undefined;
    const { finish } = this;
    this.finish = undefined;
    finish?.();
  }
}

/** The interface of a second address: the loopback where the target is this host itself. */
function interfaceFor(address: IpAddress, first: LocalRoute, namespace?: NetworkNamespace): string {
  const name = interfaceWith(address, namespace);
  if (name === undefined) {
    throw new SubflowError('EADDRNOTAVAIL', `${address.toString()} is no address of this host`, {
      hint: 'ip address show lists those there are.',
    });
  }
  return first.interfaceName === 'lo' ? 'lo' : name;
}
