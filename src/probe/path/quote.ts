/**
 * A packet as it was sent and as a router quotes it: what changed on the way to that router. Says what differs, not what
 * box does so. A quotation may be cut anywhere behind the first eight bytes of TCP (RFC 792); what it does not reach is
 * not compared, and what a router must change is not a difference.
 * Read first: RFC 792, RFC 4443 §3.3, RFC 1812 §4.3.2.3, RFC 4884 §4.
 */
import {
  IpPacket,
  IpProtocol,
  MptcpSubtype,
  parseIp,
  readU16,
  readU32,
  TcpFlag,
  TcpOptionKind,
  pseudoHeaderSumAt,
  verifyTcpChecksum,
} from '../../wire/index.js';

/** What can differ. */
export type ChangedField =
  | 'source'
  | 'source-port'
  | 'destination-port'
  | 'sequence'
  | 'acknowledgment'
  | 'flags'
  | 'window'
  | 'checksum'
  | 'traffic-class'
  | 'identification'
  | 'dont-fragment'
  | 'shorter'
  | 'longer'
  | 'payload'
  | 'mss'
  | 'mptcp-option'
  | 'tcp-option';

/** One difference. */
export interface Change {
  readonly field: ChangedField;
  /** What was sent and what was seen, for people. */
  readonly sent: string;
  readonly seen: string;
}

/** Bytes of TCP that every quotation has: ports and sequence number. */
const SURE_BYTES = 8;

/** Everything in which the quotation differs from what was sent. Both begin with an IP header; none for nonsense. */
export function changesIn(sent: Uint8Array, quoted: Uint8Array): Change[] {
  const before = new IpPacket();
  const after = new IpPacket();
  if (parseIp(sent, 0, sent.length, before) !== undefined) return [];
  if (parseIp(quoted, 0, quoted.length, after, 40 + 0xffff) !== undefined) return [];
  if (before.family !== after.family || after.protocol !== before.protocol) return [];
  const changes = new ChangeList();
  compareIp(before, after, changes);
  if (before.protocol === IpProtocol.TCP && after.payloadAvailable >= SURE_BYTES)
    compareTcp(before, after, changes);
  return changes.list;
}

/** Whether a quotation holds TCP's whole header, with its options. */
export function reachesEndOfHeader(quoted: Uint8Array): boolean {
  const ip = new IpPacket();
  if (parseIp(quoted, 0, quoted.length, ip, 40 + 0xffff) !== undefined) return false;
  const { payloadAvailable, payloadOffset, protocol } = ip;
  if (protocol !== IpProtocol.TCP || payloadAvailable < 20) return false;
  const headerBytes = (quoted[payloadOffset + 12]! >>> 4) * 4;
  return headerBytes >= 20 && payloadAvailable >= headerBytes;
}

/** Collects differences. */
class ChangeList {
  readonly list: Change[] = [];

  /** Notes the field where the two differ. */
  compare(field: ChangedField, sent: number | string, seen: number | string): void {
    if (sent !== seen) this.list.push({ field, sent: String(sent), seen: String(seen) });
  }
}

function compareIp(before: IpPacket, after: IpPacket, changes: ChangeList): void {
  changes.compare('source', before.source.toString(), after.source.toString());
  changes.compare('traffic-class', before.dscpEcn & 0xfc, after.dscpEcn & 0xfc);
  if (before.family === 4) {
    changes.compare('identification', before.identification, after.identification);
    changes.compare('dont-fragment', String(before.dontFragment), String(after.dontFragment));
  }
}

function compareTcp(before: IpPacket, after: IpPacket, changes: ChangeList): void {
  const at = before.payloadOffset;
  const there = after.payloadOffset;
  const sent = before.bytes;
  const seen = after.bytes;
  const available = after.payloadAvailable;
  changes.compare('source-port', readU16(sent, at), readU16(seen, there));
  changes.compare('destination-port', readU16(sent, at + 2), readU16(seen, there + 2));
  changes.compare('sequence', readU32(sent, at + 4), readU32(seen, there + 4));
  const headerBytes = available >= 13 ? (seen[there + 12]! >>> 4) * 4 : 0;
  compareLengths(before, after, headerBytes, changes);
  // A header of no length is what a router padded its quotation with (RFC 4884 §4.1).
  if (available < 20 || headerBytes === 0) return;
  changes.compare('acknowledgment', readU32(sent, at + 8), readU32(seen, there + 8));
  // PSH says nothing about where a segment ends, so boxes that cut and merge may set it.
  const kept = ~TcpFlag.PSH & 0xff;
  changes.compare('flags', sent[at + 13]! & kept, seen[there + 13]! & kept);
  changes.compare('window', readU16(sent, at + 14), readU16(seen, there + 14));
  if (headerBytes < 20 || available < headerBytes) return;
  compareOptions(optionsOf(before), optionsOf(after), changes);
  comparePayload(before, after, headerBytes, changes);
  checkSum(after, changes);
}

/** Bytes of payload by what the IP header claims; some systems quote that field in their own byte order, or reduced. */
function compareLengths(before: IpPacket, after: IpPacket, headerBytes: number, changes: ChangeList): void {
  if (headerBytes < 20) return;
  const sentHeader = (before.bytes[before.payloadOffset + 12]! >>> 4) * 4;
  const sentBytes = before.payloadLength - sentHeader;
  const seenBytes = after.payloadLength - headerBytes;
  const isQuirk =
    after.totalLength === before.totalLength - before.headerLength ||
    after.totalLength === swapped(before.totalLength);
  if (isQuirk || sentBytes === seenBytes) return;
  changes.compare(seenBytes < sentBytes ? 'shorter' : 'longer', sentBytes, seenBytes);
}

function swapped(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function comparePayload(before: IpPacket, after: IpPacket, headerBytes: number, changes: ChangeList): void {
  const from = before.payloadOffset + (before.bytes[before.payloadOffset + 12]! >>> 4) * 4;
  const to = after.payloadOffset + headerBytes;
  const length = Math.min(
    before.offset + before.totalLength - from,
    after.payloadOffset + after.payloadAvailable - to,
  );
  for (let i = 0; i < length; i++) {
    if (before.bytes[from + i] === after.bytes[to + i]) continue;
    changes.compare('payload', `byte ${i} ${before.bytes[from + i]!}`, `byte ${i} ${after.bytes[to + i]!}`);
    return;
  }
}

/** A translator that puts the addresses back into a quotation, and not the checksum, gives itself away. */
function checkSum(after: IpPacket, changes: ChangeList): void {
  if (after.payloadAvailable < after.payloadLength) return;
  const addressBytes = after.family === 4 ? 8 : 32;
  const sum = pseudoHeaderSumAt(
    after.bytes,
    after.sourceOffset,
    addressBytes,
    after.protocol,
    after.payloadLength,
  );
  const isRight = verifyTcpChecksum(after.bytes, after.payloadOffset, after.payloadLength, sum);
  changes.compare('checksum', 'right', isRight ? 'right' : 'wrong');
}

/** One option of a header. */
interface Option {
  /** Kind, with the subtype for MPTCP: what it is called. */
  readonly name: string;
  readonly kind: number;
  readonly bytes: string;
}

function optionsOf(ip: IpPacket): Option[] {
  const { bytes, payloadOffset } = ip;
  const end = payloadOffset + (bytes[payloadOffset + 12]! >>> 4) * 4;
  const options: Option[] = [];
  for (let at = payloadOffset + 20; at < end;) {
    const kind = bytes[at]!;
    if (kind === TcpOptionKind.END) break;
    const size = kind === TcpOptionKind.NOP ? 1 : bytes[at + 1]!;
    if (size < 1 || (size < 2 && kind !== TcpOptionKind.NOP) || at + size > end) break;
    if (kind !== TcpOptionKind.NOP)
      options.push({ kind, name: nameOf(bytes, at, size), bytes: bytes.subarray(at, at + size).join(',') });
    at += size;
  }
  return options;
}

const kindNames: Readonly<Record<number, string>> = {
  [TcpOptionKind.MSS]: 'MSS',
  [TcpOptionKind.WINDOW_SCALE]: 'window scale',
  [TcpOptionKind.SACK_PERMITTED]: 'SACK permitted',
  [TcpOptionKind.SACK]: 'SACK',
  [TcpOptionKind.TIMESTAMPS]: 'timestamps',
  [TcpOptionKind.FAST_OPEN]: 'Fast Open',
};

function nameOf(bytes: Uint8Array, at: number, size: number): string {
  const kind = bytes[at]!;
  if (kind !== TcpOptionKind.MPTCP) return kindNames[kind] ?? `option ${kind}`;
  const subtype = size >= 3 ? bytes[at + 2]! >>> 4 : -1;
  const found = Object.entries(MptcpSubtype).find(([, number]) => number === subtype);
  return found === undefined ? `MPTCP subtype ${subtype}` : found[0];
}

/** Options that went, came or changed. Their order and the padding between them are nobody's business. */
function compareOptions(sent: readonly Option[], seen: readonly Option[], changes: ChangeList): void {
  for (const option of sent) {
    const same = seen.find(({ name }) => name === option.name);
    if (same?.bytes === option.bytes) continue;
    changes.compare(fieldOf(option), option.name, same === undefined ? 'removed' : `${option.name}, changed`);
  }
  for (const option of seen) {
    if (sent.some(({ name }) => name === option.name)) continue;
    changes.compare(fieldOf(option), 'nothing', `${option.name}, added`);
  }
}

function fieldOf({ kind }: Option): ChangedField {
  if (kind === TcpOptionKind.MPTCP) return 'mptcp-option';
  return kind === TcpOptionKind.MSS ? 'mss' : 'tcp-option';
}
