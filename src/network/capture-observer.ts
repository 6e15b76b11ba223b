/**
 * Writes what passes a device to a pcapng, as an analyser wants it: checksums complete, one interface for each device,
 * and the connection's keys, with what follows from them, in the comments of the packets that carry them.
 */

import { SECOND, uint64, uint64ToBigInt } from '../base/index.js';
import { LinkType, type PcapngWriter, type PacketToWrite } from '../capture/index.js';
import {
  deriveKeyMaterial,
  IpPacket,
  IpProtocol,
  MptcpSubtype,
  type MptcpVersion,
  parseMptcpOption,
  parseTcp,
  TcpSegment,
} from '../wire/index.js';
import { Packet } from './device.js';
import type { Direction } from './middlebox.js';
import { readIp, withChecksum } from './packet-edit.js';
import type { PacketObserver } from './tap.js';

/** What a capture says of an interface. */
export interface CaptureSetup {
  /** Its name in the file, such as `client/wifi`. */
  readonly name: string;
  /** Seconds between 1970 and instant 0 of the clock; 0 for virtual time. */
  readonly originSeconds?: number;
}

const noComments: readonly string[] = [];

/** An observer that writes to a capture; put it before a device with `TapDevice`. */
export class CaptureObserver implements PacketObserver {
  private readonly writer: PcapngWriter;
  private readonly interfaceIndex: number;
  private readonly originSeconds: number;
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();

  /** `writer` keeps what it is given until somebody takes it from there. */
  constructor(writer: PcapngWriter, setup: CaptureSetup) {
    this.writer = writer;
    this.interfaceIndex = writer.addInterface({ linkType: LinkType.RAW, name: setup.name });
    this.originSeconds = setup.originSeconds ?? 0;
  }

  observe(now: number, packet: Packet, direction: Direction): void {
    const { bytes } = this.completed(packet);
    const seconds = Math.floor(now / SECOND);
    const captured: PacketToWrite = {
      interfaceIndex: this.interfaceIndex,
      seconds: this.originSeconds + seconds,
      nanoseconds: Math.floor(now - seconds * SECOND),
      bytes,
      offset: 0,
      length: bytes.length,
      originalLength: bytes.length,
      direction: direction === 'outward' ? 'outbound' : 'inbound',
      comments: this.comments(bytes),
    };
    this.writer.write(captured);
  }

  /** The packet with its checksum; a copy where that has to be filled in, for the packet is not ours. */
  private completed(packet: Packet): Packet {
    if (!packet.needsChecksum) return packet;
    return withChecksum(new Packet(packet.bytes.slice(), packet.segmentSize, true), this.ip);
  }

  private comments(bytes: Uint8Array): readonly string[] {
    const { ip, tcp } = this;
    if (!readIp(new Packet(bytes), ip) || ip.protocol !== IpProtocol.TCP || ip.isFragment) return noComments;
    if (parseTcp(bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return noComments;
    const comments: string[] = [];
    for (let i = 0; i < tcp.mptcpCount; i++) {
      const offset = tcp.mptcpOffsets[i]!;
      if (bytes[offset + 2]! >>> 4 !== MptcpSubtype.MP_CAPABLE) continue;
      const option = parseMptcpOption(bytes, offset, tcp.mptcpLengths[i]!);
      if (!option.ok || option.value.subtype !== 'MP_CAPABLE') continue;
      const { version, senderKey, receiverKey } = option.value;
      if (version > 1) continue;
      if (senderKey !== undefined) comments.push(describeKey('sender', senderKey, version as MptcpVersion));
      if (receiverKey !== undefined)
        comments.push(describeKey('receiver', receiverKey, version as MptcpVersion));
    }
    return comments;
  }
}

/** `mptcp sender key=0x... token=0x... idsn=0x...`: all that a reader of the capture needs to follow the connection. */
function describeKey(whose: string, key: bigint, version: MptcpVersion): string {
  const { token, initialDataSeq } = deriveKeyMaterial(uint64(key), version);
  const hex = (value: bigint, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
  const idsn = hex(uint64ToBigInt(initialDataSeq), 16);
  return `mptcp ${whose} key=${hex(key, 16)} token=${hex(BigInt(token), 8)} idsn=${idsn}`;
}
