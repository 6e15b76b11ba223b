/**
 * Data on a flow with a mapping, right or wrong on purpose, and what the target makes of it.
 * Read first: RFC 8684 §3.3.1, §3.3.2 and §3.7; RFC 8684 §3.1 for the first data of version 1.
 */
import { seqDistance, seq32, uint64ToBigInt } from '../base/index.js';
import { dssChecksum, type Dss, type MptcpOption, TcpFlag } from '../wire/index.js';
import { type Conversation, mptcpOptions } from './conversation.js';
import type { Flow } from './flow.js';
import type { HeardSegment } from './heard.js';
import { capableOfAck } from './opening.js';
import { expanded } from './peer-stream.js';
import { isReset, listen, type Script } from './script.js';

/** What became of data. */
export type DataOutcome =
  /** A DATA_ACK covers it. */
  | { readonly kind: 'data-acked' }
  /** TCP acknowledged it, and a DATA_ACK says that the data level did not take it. */
  | { readonly kind: 'not-taken' }
  /** TCP acknowledged it, without a word of MPTCP. */
  | { readonly kind: 'plain-acked' }
  /** MP_FAIL; `reset` when it came with a RST. */
  | { readonly kind: 'failed'; readonly reset: boolean }
  | { readonly kind: 'reset'; readonly reason: number | undefined }
  | { readonly kind: 'silent' };

/** What is unusual about a mapping. */
export interface DataOptions {
  readonly payload: Uint8Array;
  /** `right` where checksums are in use. */
  readonly checksum: 'right' | 'wrong' | 'none';
  /** Length that the mapping claims; that of the payload when left out. */
  readonly claimedLength?: number;
  /** Key of the target that MP_CAPABLE has, where it is sent; the right one when left out. */
  readonly receiverKey?: bigint;
  /** MP_CAPABLE with a length in place of a DSS, as version 1 wants it with the first data. */
  readonly asCapable?: boolean;
  /** Bytes that the checksum covers, where they are more than the payload. */
  readonly checksumOver?: readonly Uint8Array[];
  /** No option at all: the bytes belong to a mapping that came before. */
  readonly unmapped?: boolean;
  /** Further MPTCP options beside the mapping. */
  readonly more?: readonly MptcpOption[];
}

/** A checksum that is wrong: the recorded exchanges have it so. */
const WRONG_CHECKSUM = 0x0100;

/** Sends data at the end of what was sent and waits for what the target makes of it. */
export function* sendData(talk: Conversation, flow: Flow, options: DataOptions): Script<DataOutcome> {
  const { attempts, replyNs } = talk.setup.settings;
  const { payload } = options;
  const mapping = mappingOption(talk, flow, options);
  const sequence = flow.next;
  const mark = talk.heard.length;
  flow.next = seq32(flow.next + payload.length);
  const end = talk.ownNext + payload.length;
  talk.ownNext = end;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const options_ = mptcpOptions(...mapping);
    talk.send(flow, { seq: sequence, flags: TcpFlag.ACK | TcpFlag.PSH, payload, options: options_ });
    const decisive = yield* listen(flow, replyNs * 2 ** attempt, (heard) => isDecisive(talk, heard, end));
    if (decisive !== undefined) return decided(talk, decisive, end);
    const acked = acknowledgments(talk, flow, mark);
    if (acked.length > 0) {
      const hasDataAck = acked.some(({ options: [...all] }) => all.some(hasDataAckIn));
      return { kind: hasDataAck ? 'not-taken' : 'plain-acked' };
    }
  }
  return { kind: 'silent' };
}

/** Segments of `flow` since `mark` that acknowledge all that was sent on it. */
function acknowledgments(talk: Conversation, flow: Flow, mark: number): HeardSegment[] {
  return talk.heard
    .slice(mark)
    .filter((heard): heard is HeardSegment => heard.kind === 'segment' && heard.flow === flow)
    .filter(({ tcp }) => (tcp.flags & TcpFlag.ACK) !== 0 && seqDistance(seq32(tcp.ack), flow.next) >= 0);
}

function hasDataAckIn(option: MptcpOption): boolean {
  return option.subtype === 'DSS' && option.dataAck !== undefined;
}

function isDecisive(talk: Conversation, heard: HeardSegment, end: number): boolean {
  if (isReset(heard.tcp)) return true;
  return heard.options.some(
    (option) => option.subtype === 'MP_FAIL' || (option.subtype === 'DSS' && covers(talk, option, end)),
  );
}

/** Whether a DATA_ACK covers the probe's data up to `end`. */
export function covers(talk: Conversation, { dataAck }: Dss, end: number): boolean {
  if (dataAck === undefined) return false;
  const wanted = uint64ToBigInt(talk.ownSeq(end));
  return BigInt.asIntN(64, expanded(dataAck, wanted) - wanted) >= 0n;
}

function decided(talk: Conversation, { tcp, options }: HeardSegment, end: number): DataOutcome {
  const hasFailed = options.some(({ subtype }) => subtype === 'MP_FAIL');
  if (hasFailed) return { kind: 'failed', reset: isReset(tcp) };
  if (isReset(tcp)) return { kind: 'reset', reason: resetReason(options) };
  return options.some((option) => option.subtype === 'DSS' && covers(talk, option, end))
    ? { kind: 'data-acked' }
    : { kind: 'not-taken' };
}

/** The reason that a RST gives (RFC 8684 §3.6); undefined where it gives none. */
export function resetReason(options: readonly MptcpOption[]): number | undefined {
  for (const option of options) if (option.subtype === 'MP_TCPRST') return option.reason;
  return undefined;
}

/** The option that maps the data, were it sent now. */
export function mappingOption(talk: Conversation, flow: Flow, options: DataOptions): MptcpOption[] {
  const { payload, more = [] } = options;
  if (options.unmapped === true) return [...more];
  const dataSeq = talk.ownSeq(talk.ownNext);
  const start = flow.subflowOffset;
  const length = options.claimedLength ?? payload.length;
  const right = dssChecksum(dataSeq, start, length, options.checksumOver ?? [payload]);
  const wrong = right === WRONG_CHECKSUM ? WRONG_CHECKSUM + 1 : WRONG_CHECKSUM;
  const infinite = options.claimedLength === 0;
  const checksum = infinite ? 0 : options.checksum === 'wrong' ? wrong : right;
  const sum = options.checksum === 'none' ? {} : { checksum };
  if (options.asCapable === true)
    return [{ ...capableOfAck(talk, options.receiverKey), dataLength: length, ...sum }, ...more];
  const bits = talk.version === 0 ? 32 : 64;
  const value = BigInt.asUintN(bits, uint64ToBigInt(dataSeq));
  const mapping = { dataSeq: { value, bits }, subflowSeq: start, dataLength: length, ...sum } as const;
  const dataAck = talk.dataAck();
  // Version 0 acknowledges with the data only once there is something to acknowledge.
  const hasAck = talk.version === 1 && dataAck !== undefined;
  return [{ subtype: 'DSS', dataFin: false, ...(hasAck && { dataAck }), mapping }, ...more];
}
