/**
 * Judges the packets that one host sends by the packets that it was sent. Owns a model of what each flow was allowed
 * to do, built from nothing but the wire: it must not look into the engine or share code with it beyond the codecs.
 *
 * | Rule | The host ... |
 * |---|---|
 * | checksum | sends packets that parse, with right checksums (RFC 9293 §3.1) |
 * | window | sends nothing beyond the window, but for a probe of one byte (RFC 9293 §3.8.6.1) |
 * | data-window | the same for data sequence numbers over all subflows (RFC 8684 §3.3.4) |
 * | initial-flight | sends at most ten segments before the first acknowledgment (RFC 6928 §2) |
 * | ack | acknowledges nothing that it was not sent, and never less than before (RFC 9293 §3.4) |
 * | data-ack | the same for the DATA_ACK (RFC 8684 §3.3.2) |
 * | shrink | does not take back window that it gave, in plain TCP (RFC 9293 §3.8.6) |
 * | after-fin | sends nothing behind its FIN, and the FIN in one place only (RFC 9293 §3.6) |
 * | after-data-fin | the same for the DATA_FIN (RFC 8684 §3.3.3) |
 * | after-reset | is silent on a flow once it has reset it, but for further resets (RFC 9293 §3.10.7.1) |
 * | content | sends the bytes that stand at this place of the stream, however often it does |
 */

import {
  IpPacket,
  IpProtocol,
  onesComplementSum,
  parseTcp,
  readU32,
  TcpFlag,
  TcpSegment,
} from '../../wire/index.js';
import type { Packet } from '../device.js';
import type { Direction } from '../middlebox.js';
import { pseudoSum, readIp } from '../packet-edit.js';
import type { PacketObserver } from '../tap.js';
import { FlowModel } from './flow-model.js';
import { ConnectionTable } from './connection-model.js';
import type { Pattern } from './pattern.js';
import type { Violation } from './violation.js';

/** Violations kept; more are counted only. */
const maxViolations = 20;

/** What a checker may assume. */
export interface WireCheckerSetup {
  /** The host's name, for reports. */
  readonly host: string;
  /** What the host's application writes; undefined leaves the content unjudged. */
  readonly pattern?: Pattern;
}

/** An observer for the devices of one host. The same one stands before all of them. */
export class WireChecker implements PacketObserver {
  /** What was found, oldest first; at most {@link maxViolations}. */
  readonly violations: Violation[] = [];
  /** Packets judged. */
  packetsJudged = 0;
  private readonly host: string;
  private readonly pattern: Pattern | undefined;
  private readonly flows = new Map<string, FlowModel>();
  /** Flows that a SYN from the network may begin anew, once the host answers it. */
  private readonly beginnings = new Map<string, FlowModel>();
  private readonly connections = new ConnectionTable();
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();
  private now = 0;

  constructor(setup: WireCheckerSetup) {
    this.host = setup.host;
    this.pattern = setup.pattern;
  }

  observe(now: number, packet: Packet, direction: Direction): void {
    const { ip, tcp } = this;
    this.now = now;
    if (!readIp(packet, ip)) {
      if (direction === 'outward') this.report('checksum', 'an IP header that makes no sense');
      return;
    }
    if (ip.protocol !== IpProtocol.TCP) return;
    const isRight = this.isRight(packet);
    // What comes in damaged is dropped by the host, so it tells nothing.
    if (direction === 'inward' && !isRight) return;
    if (!isRight) {
      this.report('checksum', 'a TCP segment that makes no sense or has a wrong checksum');
      return;
    }
    this.packetsJudged++;
    const key = this.keyOf(direction);
    if (direction === 'inward') this.noteReceived(key);
    else this.flowOf(key).judgeSent(tcp);
  }

  private noteReceived(key: string): void {
    const { tcp } = this;
    // Whether a SYN begins something new is the host's to say, so both are kept until it does.
    if ((tcp.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN) {
      const beginning = this.newFlow(key);
      beginning.noteReceived(tcp);
      this.beginnings.set(key, beginning);
    }
    const flow = this.flows.get(key) ?? this.beginnings.get(key) ?? this.newFlow(key);
    this.flows.set(key, flow);
    flow.noteReceived(tcp);
  }

  /** The flow that a segment of the host's belongs to; a SYN with another number begins it anew. */
  private flowOf(key: string): FlowModel {
    const { tcp } = this;
    let flow = this.flows.get(key);
    if (flow === undefined || ((tcp.flags & TcpFlag.SYN) !== 0 && flow.isAnotherConnection(tcp.seq))) {
      const isAnswer = (tcp.flags & TcpFlag.ACK) !== 0;
      flow = (isAnswer ? this.beginnings.get(key) : undefined) ?? this.newFlow(key);
      this.flows.set(key, flow);
    }
    return flow;
  }

  private newFlow(key: string): FlowModel {
    return new FlowModel(this.connections, this.pattern, (rule, text) =>
      this.report(rule, `${key}: ${text}`),
    );
  }

  /** Whether the segment in `tcp` parses and is undamaged. */
  private isRight(packet: Packet): boolean {
    const { ip, tcp } = this;
    const { bytes } = packet;
    if (parseTcp(bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined || tcp.malformedOption)
      return false;
    if (packet.needsChecksum) return true;
    return onesComplementSum(bytes, ip.payloadOffset, ip.payloadLength, pseudoSum(bytes, ip)) === 0xffff;
  }

  /** Addresses and ports of the segment, the host's own first. */
  private keyOf(direction: Direction): string {
    const { ip, tcp } = this;
    const isOut = direction === 'outward';
    const own = addressKey(ip, isOut ? ip.sourceOffset : ip.destinationOffset);
    const other = addressKey(ip, isOut ? ip.destinationOffset : ip.sourceOffset);
    return isOut
      ? `${own}:${tcp.sourcePort} ${other}:${tcp.destinationPort}`
      : `${own}:${tcp.destinationPort} ${other}:${tcp.sourcePort}`;
  }

  private report(rule: string, text: string): void {
    if (this.violations.length < maxViolations) {
      this.violations.push({ at: this.now, host: this.host, rule, text });
    }
  }
}

/** An address as part of a key. */
function addressKey(ip: IpPacket, offset: number): string {
  if (ip.family === 4) return readU32(ip.bytes, offset).toString(16);
  let key = '';
  for (let at = offset; at < offset + 16; at += 4) key += `${readU32(ip.bytes, at).toString(16)}.`;
  return key;
}
