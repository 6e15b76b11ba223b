/**
 * Drives one {@link Stack} from Node's event loop: devices in and out, the clock, one timer for all that is due, and
 * the events of sockets and servers. It decides nothing about the protocol.
 *
 * After anything that goes into the stack a turn follows: events out, packets out, until both are quiet; then the timer
 * is set. Turns are bounded, so that other work of the event loop is not starved; input that comes in the meantime
 * waits for the next turn, which is how packets and writes are batched.
 */
import { NEVER, type RandomSource } from '../base/index.js';
import {
  LinkMonitor,
  NativeBuffer,
  RawDevice,
  ReceivedPacket,
  Tun,
  type TunOptions,
} from '../linux/index.js';
import { defaultMptcpSettings, type ServiceTypeOptions } from '../mptcp/index.js';
import { Packet, PacketSlab, type Device } from '../network/index.js';
import type { LinkFacts, ServiceType } from '../policy/index.js';
import {
  MAX_HEADER_BYTES,
  Stack,
  TransmitBuffer,
  type Listener,
  type ListenOptions,
  type StackSettings,
} from '../stack/index.js';
import { CryptoRandom } from './crypto-random.js';
import {
  checkLinkFacts,
  checkMetric,
  type InterfaceSetup,
  readAddress,
  readInterfaceSetup,
} from './interface-setup.js';
import { readNat64Prefixes } from './nat64-discovery.js';
import { codeOf } from './net-error.js';
import { argumentType } from './option-error.js';
import { kernelAddresses, RawInterfaces, type RawSetup } from './raw-interfaces.js';
import { RawLinks } from './raw-links.js';
import { hostServiceFor } from './service-option.js';
import { deliver, type ListenerEvents, type SocketEvents } from './userspace-events.js';

/** How to make a {@link UserspaceHost}. */
export interface UserspaceHostOptions {
  /** Settings of the stack that differ from its defaults. */
  readonly settings?: Partial<StackSettings>;
  /** Where keys and sequence numbers come from; the system's cryptographic generator when left out. */
  readonly random?: RandomSource;
  /** Service type of connections that choose none; see docs/service-types.md. */
  readonly serviceType?: ServiceType;
  /** How it is meant. */
  readonly serviceOptions?: ServiceTypeOptions;
}

/** How to make a TUN device of the host's own. */
export interface TunSetup extends TunOptions {
  readonly addresses: InterfaceSetup['addresses'];
  readonly metric?: number;
  readonly nat64Prefixes?: readonly string[];
  readonly link?: LinkFacts;
}

/**
 * Packets taken from a TUN device before what they call for is sent: with offload each may be 64 KiB, and a sender whose
 * window is used up stands still until it hears of them.
 */
const RECEIVE_BATCH = 8;
/** Such batches before the event loop goes on to others. */
const RECEIVE_ROUNDS = 16;
/** Random ports tried for one listener. */
const MAX_PORT_DRAWS = 16;
/** Packets sent in one turn. */
const TRANSMIT_BATCH = 256;
/** How long a closed host waits for answers of peers, in ms. */
const CLOSE_GRACE_MS = 3000;
/** The longest delay that Node's timers take, in ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Where packets of one interface leave. */
interface Outlet {
  send(now: number, out: TransmitBuffer): void;
  close(): void;
}

export class UserspaceHost {
  /** The host that `transport: 'userspace'` uses when `via` names none; unset at first. */
  static default: UserspaceHost | undefined = undefined;

  /** The engine. Read it at will; what is changed through it needs a {@link wake} after. */
  readonly stack: Stack;
  private readonly outlets: (Outlet | undefined)[] = [];
  private readonly raw = new RawInterfaces();
  private readonly rawLinks = new RawLinks((id, facts) => this.setLinkFacts(id, facts));
  private out = new TransmitBuffer(new Uint8Array(0));
  private readonly startedAt = process.hrtime();
  private timer: NodeJS.Timeout | undefined = undefined;
  /** When `timer` fires, in ns; NEVER when it is not set. */
  private timerAt = NEVER;
  private isTurnQueued = false;
  private isInTurn = false;
  private isClosed = false;
  /** Whether the devices are closed as well. */
  private isDetached = false;
  /** Ends the wait for answers of peers to {@link close}. */
  private grace: NodeJS.Timeout | undefined = undefined;
  /** Whoever waits for the devices to be closed. */
  private readonly closers: (() => void)[] = [];
  /** Sockets and servers that keep the process alive. */
  private readonly holders = new Set<object>();
  private anchor: NodeJS.Timeout | undefined = undefined;

  constructor(options: UserspaceHostOptions = {}) {
    const { settings, random, ...service } = options;
    this.stack = new Stack({
      random: random ?? new CryptoRandom(),
      settings: { ...settings, ...hostServiceFor(settings?.mptcp ?? defaultMptcpSettings, service) },
    });
  }

  /** The stack's time: ns since the host was made. */
  now(): number {
    const [seconds, nanoseconds] = process.hrtime(this.startedAt);
    return seconds * 1e9 + nanoseconds;
  }

  /**
   * Attaches a device; the host is its receiver from now on. Returns the id of the interface. Throws
   * `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE` for a setup that cannot be.
   */
  addDevice(device: Device, setup: InterfaceSetup): number {
    return this.attach(device, setup, () => undefined);
  }

  private attach(device: Device, setup: InterfaceSetup, close: () => void): number {
    const { mtu, checksumOffload, maxOffloadBytes } = device.capabilities;
    const slab = new PacketSlab(64 * 1024);
    const id = this.addInterface(
      setup,
      mtu,
      { checksumOffload, maxOffloadBytes },
      {
        send: (now, out) => {
          slab.reserve(out.length);
          const bytes = slab.take(out.length);
          bytes.set(out.packet);
          device.send(now, new Packet(bytes, out.segmentSize, out.checksumStart >= 0));
        },
        close,
      },
    );
    if (!device.isUp) this.stack.setInterfaceState(this.now(), id, false);
    device.attach({
      handlePacket: (_now, packet) => {
        if (this.isDetached) return;
        const meta = { segmentSize: packet.segmentSize, checksumValid: packet.needsChecksum };
        this.stack.handlePacket(this.now(), id, packet.bytes, meta);
        this.wake();
      },
      handleCarrier: (_now, up) => this.setInterfaceState(id, up),
    });
    return id;
  }

  /**
   * Makes a TUN device and attaches it: the fast way, packets are written where the kernel reads them. The caller gives
   * the kernel's side its address and sets it up; connections move off while somebody sets it down. The process lives
   * until the host is closed.
   * Throws `EPERM` without the right to, `ERR_SUBFLOW_NOT_LINUX` where there is none, and as {@link addDevice} does.
   */
  addTun(setup: TunSetup): { readonly id: number; readonly tun: Tun } {
    readInterfaceSetup(setup);
    const tun = Tun.open(setup);
    let monitor: LinkMonitor | undefined;
    let id: number;
    try {
      // Until it is first seen up it counts as such: the kernel's side is set up after this.
      monitor = new LinkMonitor(tun.name, setup.namespace, (up) => this.setInterfaceState(id, up));
      id = this.addInterface({ ...setup, name: tun.name }, tun.mtu, tun.capabilities, {
        send: (_now, out) => {
          try {
            tun.send(out);
          } catch (error) {
            this.handleDeviceError(id, error);
          }
        },
        close: () => {
          monitor?.close();
          tun.close();
        },
      });
    } catch (error) {
      monitor?.close();
      tun.close();
      throw error;
    }
    const received = new ReceivedPacket();
    tun.onReadable(() => {
      for (let round = 0; round < RECEIVE_ROUNDS; round++) {
        const isDrained = !this.receiveBatch(tun, id, received);
        this.turn();
        if (isDrained) return;
      }
    });
    return { id, tun };
  }

  /**
   * Speaks from addresses that the kernel has on one of its interfaces, with any host that it reaches over it; neither
   * firewall nor routing is touched. Ports are taken from the kernel as connections and servers come and go. Gives the
   * ids of the interfaces, one for each address; the process lives until the host is closed.
   * Throws `EPERM` without CAP_NET_RAW, `ENODEV` for an interface that is not there or has no address, and
   * `ERR_SUBFLOW_LINK_TYPE` for a kind of link that is not served.
   */
  addRaw(setup: RawSetup): readonly number[] {
    const { interface: interfaceName, namespace, metric, metered, maxPorts } = setup;
    const entries = (setup.addresses ?? kernelAddresses(interfaceName, namespace)).map(readAddress);
    if (metric !== undefined) checkMetric(metric);
    if (metered !== undefined && typeof metered !== 'boolean') throw argumentType('metered', 'a boolean');
    const ids = entries.map((entry) => {
      const { address } = entry;
      const options = {
        interfaceName,
        address,
        ...(namespace !== undefined && { namespace }),
        ...(maxPorts !== undefined && { maxPorts }),
      };
      const owner = { beginInput: () => this.now(), endInput: () => this.turn() };
      const device = new RawDevice(options, owner);
      const name = entries.length === 1 ? interfaceName : `${interfaceName} ${address.toString()}`;
      try {
        const own = { name, addresses: [entry], ...(metric !== undefined && { metric }) };
        const id = this.attach(device, own, () => device.close());
        this.raw.add(address, device);
        return id;
      } catch (error) {
        device.close();
        throw error;
      }
    });
    this.rawLinks.follow({ name: interfaceName, namespace, isMetered: metered, ids });
    return ids;
  }

  /** Takes connections, on a port that the kernel leaves to this host; throws as {@link Stack.listen} does. */
  listen(options: ListenOptions): Listener {
    const { address, port } = options.local;
    for (let attempt = 1; ; attempt++) {
      const listener = this.stack.listen(this.now(), options);
      try {
        this.raw.listenOn(address, listener.port);
        return listener;
      } catch (error) {
        listener.close(this.now());
        // A port drawn at random may be one of the kernel's.
        if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || attempt >= MAX_PORT_DRAWS) throw error;
      }
    }
  }

  /** Stops a listener made with {@link listen}. */
  unlisten(listener: Listener): void {
    listener.close(this.now());
    this.raw.stopListening(listener.address, listener.port);
    this.wake();
  }

  /** Takes a batch of packets in; false when the device has no more. */
  private receiveBatch(tun: Tun, id: number, received: ReceivedPacket): boolean {
    const now = this.now();
    try {
      for (let i = 0; i < RECEIVE_BATCH; i++) {
        if (this.isDetached || !tun.receive(received)) return false;
        this.stack.handlePacket(now, id, received.bytes, received);
      }
      return true;
    } catch (error) {
      this.handleDeviceError(id, error);
      return false;
    }
  }

  /** A device that somebody removed is an interface that is down for good; anything else is a fault of ours. */
  private handleDeviceError(id: number, error: unknown): void {
    if (codeOf(error) !== 'EBADFD') throw error;
    this.outlets[id]?.close();
    this.outlets[id] = undefined;
    this.setInterfaceState(id, false);
  }

  private addInterface(
    setup: InterfaceSetup,
    mtu: number,
    capabilities: { checksumOffload: boolean; maxOffloadBytes: number },
    outlet: Outlet,
  ): number {
    const { name, metric, link } = setup;
    const { addresses, nat64Prefixes } = readInterfaceSetup(setup);
    const options = {
      name,
      mtu,
      addresses,
      capabilities,
      nat64Prefixes,
      ...(metric !== undefined && { metric }),
      ...(link !== undefined && { link }),
    };
    const id = this.stack.addInterface(this.now(), options);
    this.outlets[id] = outlet;
    const room = MAX_HEADER_BYTES + Math.max(mtu, capabilities.maxOffloadBytes);
    if (this.out.bytes.length < HEADROOM + room)
      this.out = new TransmitBuffer(transmitMemory(HEADROOM + room), HEADROOM);
    this.wake();
    return id;
  }

  /**
   * Takes what is known of the link of an interface, by its id or the name that it was added with; connections are told, and
   * leave one without carrier at once. Throws `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_ARG_TYPE` and `ERR_SUBFLOW_BAD_INTERFACE`.
   */
  setLinkFacts(idOrName: number | string, facts: LinkFacts): void {
    if (this.isClosed) return;
    checkLinkFacts(facts);
    const { stack } = this;
    // An interface of the kernel with several addresses is several here.
    const ids = stack.interfaces.filter(({ name }) => name.startsWith(`${idOrName} `)).map(({ id }) => id);
    for (const target of ids.length > 0 && typeof idOrName === 'string' ? ids : [idOrName])
      stack.setLinkFacts(this.now(), target, facts);
    this.wake();
  }

  /**
   * Names the NAT64 prefixes of an interface's network, best first; connections are told. They count while it has no IPv4
   * address. Throws `ERR_INVALID_ARG_VALUE`.
   */
  setNat64Prefixes(id: number, prefixes: readonly string[]): void {
    this.stack.setNat64Prefixes(this.now(), id, readNat64Prefixes(prefixes));
    this.wake();
  }

  /** Lets packets pass through an interface, or not; connections are told. */
  setInterfaceState(id: number, up: boolean): void {
    if (this.isClosed) return;
    this.stack.setInterfaceState(this.now(), id, up);
    this.wake();
  }

  /** Has a turn follow soon: something went into the stack. */
  wake(): void {
    if (this.isTurnQueued || this.isInTurn || this.isDetached) return;
    this.isTurnQueued = true;
    process.nextTick(() => {
      this.isTurnQueued = false;
      this.turn();
    });
  }

  /** Events and packets out until both are quiet, or the turn is up. */
  private turn(): void {
    if (this.isInTurn || this.isDetached) return;
    this.isInTurn = true;
    let isQuiet = false;
    try {
      let sent = 0;
      while (!isQuiet && sent < TRANSMIT_BATCH) {
        isQuiet = !this.deliverEvents();
        const count = this.transmit(TRANSMIT_BATCH - sent);
        sent += count;
        if (count > 0) isQuiet = false;
      }
    } finally {
      // Also when a listener of the user threw: others wait for what is left.
      this.isInTurn = false;
      if (!isQuiet) setImmediate(() => this.turn());
      else if (this.isClosed && !this.isAwaited) this.detach();
      this.setTimer();
    }
  }

  private transmit(limit: number): number {
    const { stack, out } = this;
    let count = 0;
    for (let now = this.now(); count < limit && !this.isDetached && stack.pollTransmit(now, out); count++) {
      this.outlets[out.interfaceId]?.send(now, out);
      if ((count & 15) === 15) now = this.now();
    }
    return count;
  }

  private deliverEvents(): boolean {
    let hasEvents = false;
    for (let event = this.stack.pollEvent(); event !== undefined; event = this.stack.pollEvent()) {
      hasEvents = true;
      if (!this.isClosed) deliver(event);
    }
    return hasEvents;
  }

  /** Sets the timer for what is due next. One that fires too early is left alone: its turn sets the right one. */
  private setTimer(): void {
    if (this.isDetached) return;
    const at = this.stack.pollTimeout();
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil((at - this.now()) / 1e6)));
    this.timerAt = at;
    this.timer = setTimeout(() => {
      this.timerAt = NEVER;
      this.stack.handleTimeout(this.now());
      this.turn();
    }, delayMs);
    // Connections keep the process alive by themselves, timers of closed ones do not.
    this.timer.unref();
  }

  /** Keeps the process alive for `holder`, a socket or a server, or no longer. */
  hold(holder: object, isHeld: boolean): void {
    if (isHeld) this.holders.add(holder);
    else this.holders.delete(holder);
    if (this.holders.size > 0 && !this.isClosed) this.anchor ??= setInterval(() => undefined, MAX_TIMER_MS);
    else if (this.anchor !== undefined) {
      clearInterval(this.anchor);
      this.anchor = undefined;
    }
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.isClosed;
  }

  /**
   * Aborts every connection, closes servers, and then the devices. Sockets are destroyed without an error. A peer that is
   * asked to end a connection with an ACK (always in version 0, by the setting `fastClose` in version 1) has a moment to
   * answer, three seconds at the most for all of them, in which the question is repeated and the process lives; the
   * devices are closed after that, else at once. `callback` hears when they are.
   */
  close(callback?: () => void): void {
    if (callback !== undefined) this.closers.push(callback);
    if (this.isClosed) {
      if (this.isDetached) this.tellClosers();
      return;
    }
    const now = this.now();
    this.isClosed = true;
    const listeners = [...this.stack.listeners];
    const sockets = [...this.stack.sockets];
    for (const socket of sockets) socket.abort(now);
    for (const listener of listeners) listener.close(now);
    this.transmit(Number.POSITIVE_INFINITY);
    this.holders.clear();
    this.hold(this, false);
    for (const socket of sockets) (socket.data as SocketEvents | undefined)?.handleHostClosed();
    for (const { data } of listeners) (data as ListenerEvents | undefined)?.handleHostClosed();
    if (UserspaceHost.default === this) UserspaceHost.default = undefined;
    this.grace = setTimeout(() => this.detach(), CLOSE_GRACE_MS);
    this.turn();
  }

  /** Whether some peer has not answered an MP_FASTCLOSE. */
  private get isAwaited(): boolean {
    for (const { connection } of this.stack.sockets) if (connection.isClosingFast) return true;
    return false;
  }

  /** The last of {@link close}: nothing goes in or out from here on. */
  private detach(): void {
    if (this.isDetached) return;
    this.isDetached = true;
    clearTimeout(this.grace);
    clearTimeout(this.timer);
    for (const outlet of this.outlets) outlet?.close();
    this.rawLinks.close();
    this.tellClosers();
  }

  private tellClosers(): void {
    for (const callback of this.closers.splice(0)) process.nextTick(callback);
  }
}

/** Room before the packet for the header of a TUN device. */
const HEADROOM = 16;

/** Memory that a system call may be given, where there are system calls to make. */
function transmitMemory(length: number): Uint8Array {
  try {
    return new NativeBuffer(length).bytes;
  } catch {
    return new Uint8Array(length);
  }
}
