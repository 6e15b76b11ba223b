/** Packets made by hand, for tests of what carries packets and does not care who made them. */

import type { Packet } from '../../src/network/index.js';
import { type Device, type PacketReceiver } from '../../src/network/index.js';
import {
  emitIpHeader,
  IpAddress,
  IpPacket,
  IpProtocol,
  parseIp,
  parseTcp,
  pseudoHeaderSum,
  tcpChecksum,
  TcpFlag,
  TcpSegment,
  verifyIpv4Checksum,
  verifyTcpChecksum,
  viewOf,
  writeTcpHeader,
  writeU16,
} from '../../src/wire/index.js';

export interface TcpPacketFields {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  /** 0 for none. */
  readonly mss: number;
  /** -1 for none. */
  readonly windowScale: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly identification: number;
  readonly hopLimit: number;
  /** Further TCP options, a multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly dontFragment: boolean;
}

const defaults: TcpPacketFields = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  sourcePort: 1000,
  destinationPort: 80,
  seq: 1,
  ack: 99,
  window: 1000,
  mss: 0,
  windowScale: -1,
  flags: TcpFlag.ACK,
  payload: new Uint8Array(0),
  identification: 7,
  hopLimit: 64,
  options: new Uint8Array(0),
  dontFragment: true,
};

/** A TCP packet with right checksums. */
export function tcpPacket(fields: Partial<TcpPacketFields> = {}): Uint8Array {
  const all = { ...defaults, ...fields };
  const source = address(all.source);
  const destination = address(all.destination);
  const ipBytes = source.family === 4 ? 20 : 40;
  const tcpBytes = 20 + all.options.length + (all.mss > 0 ? 4 : 0) + (all.windowScale >= 0 ? 4 : 0);
  const bytes = new Uint8Array(ipBytes + tcpBytes + all.payload.length);
  const payloadLength = tcpBytes + all.payload.length;
  emitIpHeader(bytes, 0, { ...all, source, destination, protocol: IpProtocol.TCP, payloadLength });
  writeTcpHeader(viewOf(bytes), ipBytes, all.sourcePort, all.destinationPort, {
    ...all,
    sackPermitted: false,
    hasTimestamps: false,
    tsVal: 0,
    tsEcr: 0,
    sackCount: 0,
    sackEdges: new Uint32Array(8),
    extensionView: viewOf(all.options),
    extensionLength: all.options.length,
  });
  bytes.set(all.payload, ipBytes + tcpBytes);
  const pseudo = pseudoHeaderSum(source, destination, IpProtocol.TCP, payloadLength);
  writeU16(bytes, ipBytes + 16, tcpChecksum(bytes, ipBytes, payloadLength, pseudo));
  return bytes;
}

/** What stands in a packet; throws when it does not parse. */
export interface ReadPacket {
  readonly ip: IpPacket;
  readonly tcp: TcpSegment;
  readonly payload: Uint8Array;
  readonly checksumsRight: boolean;
}

/** Reads a TCP packet back. */
export function readTcpPacket(bytes: Uint8Array): ReadPacket {
  const ip = new IpPacket();
  const tcp = new TcpSegment();
  const error =
    parseIp(bytes, 0, bytes.length, ip) ?? parseTcp(bytes, ip.payloadOffset, ip.payloadLength, tcp);
  if (error !== undefined) throw new Error(error.message);
  const pseudo = pseudoHeaderSum(ip.source, ip.destination, IpProtocol.TCP, ip.payloadLength);
  const checksumsRight =
    verifyTcpChecksum(bytes, ip.payloadOffset, ip.payloadLength, pseudo) &&
    (ip.family === 6 || verifyIpv4Checksum(bytes, 0, ip.headerLength));
  return { ip, tcp, payload: bytes.subarray(tcp.payloadOffset), checksumsRight };
}

/** An address that is known to be one. */
export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** `length` bytes that count up from `first`. */
export function countingBytes(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => first + index);
}

/** Keeps what arrives, with the time. */
export class RecordingReceiver implements PacketReceiver {
  readonly packets: Packet[] = [];
  readonly times: number[] = [];
  readonly carrier: boolean[] = [];

  handlePacket(now: number, packet: Packet): void {
    this.packets.push(packet);
    this.times.push(now);
  }

  handleCarrier(_now: number, up: boolean): void {
    this.carrier.push(up);
  }
}

/** A device whose packets go nowhere but into a list, and that can be made to receive. */
export class RecordingDevice implements Device {
  readonly capabilities = { mtu: 1500, checksumOffload: false, maxOffloadBytes: 0 };
  readonly isUp = true;
  readonly sent: Packet[] = [];
  receiver: PacketReceiver | undefined;

  send(_now: number, packet: Packet): void {
    this.sent.push(packet);
  }

  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }
}
