/**
 * A TUN device as a device of the emulated network: the kernel of a namespace becomes one end of an emulated path, in
 * real time. Owns the TUN; the event loop calls it, and it stamps what came in with the owner's clock.
 */
import {
  type Device,
  type DeviceCapabilities,
  noReceiver,
  Packet,
  type PacketReceiver,
} from '../network/index.js';
import { IpPacket, IpProtocol, parseIp } from '../wire/index.js';
import { NativeBuffer } from './libc.js';
import { LinkMonitor } from './link-monitor.js';
import { MAX_PACKET_BYTES, ReceivedPacket } from './received-packet.js';
import { SystemError } from './system-error.js';
import { Tun, type OutgoingPacket, type TunOptions } from './tun.js';

/** Packets taken in one turn of the event loop, so that timers and other devices have theirs. */
const BATCH = 64;

/** {@link OutgoingPacket} to be filled in. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Who drives the network that a real device belongs to. */
export interface DeviceOwner {
  /** Brings the network up to the present and says what time that is, in ns. */
  beginInput(): number;
  /** Everything that came in was handed over: sets the timer for what is due next. */
  endInput(): void;
}

export class TunDevice implements Device {
  readonly tun: Tun;
  readonly capabilities: DeviceCapabilities;
  private readonly owner: DeviceOwner;
  private readonly monitor: LinkMonitor;
  private receiver: PacketReceiver = noReceiver;
  private readonly incoming = new ReceivedPacket();
  private readonly outgoing: Writable<OutgoingPacket>;
  private readonly ip = new IpPacket();
  private closed = false;
  /** Whether somebody removed the interface. */
  private isGone = false;

  /** Makes the interface. `owner` is told before and after packets, or a change of the interface's state, come in. */
  constructor(options: TunOptions, owner: DeviceOwner) {
    this.tun = Tun.open(options);
    this.owner = owner;
    this.capabilities = { mtu: this.tun.mtu, ...this.tun.capabilities };
    this.outgoing = {
      bytes: new NativeBuffer(this.tun.headroom + MAX_PACKET_BYTES).bytes,
      offset: this.tun.headroom,
      length: 0,
      segmentSize: 0,
      checksumStart: -1,
      checksumOffset: -1,
      ipHeaderLength: 0,
      tcpHeaderLength: 0,
    };
    this.monitor = new LinkMonitor(this.tun.name, options.namespace, (up) => {
      this.receiver.handleCarrier(owner.beginInput(), up);
      owner.endInput();
    });
    this.tun.onReadable(() => this.receiveBatch());
  }

  get isUp(): boolean {
    return !this.closed && this.monitor.isUp;
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  send(_now: number, packet: Packet): void {
    if (this.closed || this.isGone || packet.bytes.length > MAX_PACKET_BYTES) return;
    const { outgoing } = this;
    outgoing.bytes.set(packet.bytes, outgoing.offset);
    outgoing.length = packet.bytes.length;
    outgoing.segmentSize = packet.segmentSize;
    outgoing.checksumStart = -1;
    outgoing.checksumOffset = -1;
    if (packet.needsChecksum || packet.segmentSize > 0) {
      if (!this.describeHeaders(packet)) return;
    }
    try {
      this.tun.send(outgoing);
    } catch (error) {
      this.handleError(error);
    }
  }

  /** An interface that is gone is one that loses everything; the monitor says that it is down. */
  private handleError(error: unknown): void {
    if (!(error instanceof SystemError && error.code === 'EBADFD')) throw error;
    this.isGone = true;
    this.tun.close();
  }

  /** Removes the interface. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.monitor.close();
    this.tun.close();
  }

  private receiveBatch(): void {
    const now = this.owner.beginInput();
    try {
      for (let i = 0; i < BATCH && !this.closed && this.tun.receive(this.incoming); i++) {
        const { bytes, segmentSize, checksumStart } = this.incoming;
        this.receiver.handlePacket(now, new Packet(bytes, segmentSize, checksumStart >= 0));
      }
    } catch (error) {
      this.handleError(error);
    }
    this.owner.endInput();
  }

  /** Says where the headers end that the kernel is to finish; false for a packet that it could make nothing of. */
  private describeHeaders(packet: Packet): boolean {
    const { ip, outgoing } = this;
    if (parseIp(packet.bytes, 0, packet.bytes.length, ip) !== undefined) return false;
    const tcp = ip.protocol === IpProtocol.TCP;
    if (!tcp && packet.segmentSize > 0) return false;
    outgoing.ipHeaderLength = ip.payloadOffset;
    outgoing.tcpHeaderLength = tcp ? (packet.bytes[ip.payloadOffset + 12]! >>> 4) * 4 : 0;
    if (packet.needsChecksum) {
      outgoing.checksumStart = ip.payloadOffset;
      outgoing.checksumOffset = tcp ? 16 : 6;
    }
    return true;
  }
}
