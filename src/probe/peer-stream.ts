/**
 * The target's side of a connection: its key, and how far its data has come, for the DATA_ACKs of the probe. Data is
 * counted, not kept.
 * Read first: RFC 8684 §3.3.1 and §3.3.2.
 */
import { seqDistance, uint64ToBigInt, type Uint64 } from '../base/index.js';
import { deriveKeyMaterial, type DataNumber, type MptcpVersion, TcpFlag } from '../wire/index.js';
import type { Flow } from './flow.js';
import type { HeardSegment } from './heard.js';

/** A mapping of the peer's that is not used up: to which data its bytes belong. */
interface OpenMapping {
  readonly flow: Flow;
  /** Data sequence number of the first byte. */
  readonly dataSeq: bigint;
  /** Relative subflow sequence number of the first byte. */
  readonly start: number;
  readonly length: number;
  readonly dataFin: boolean;
}

export class PeerStream {
  readonly key: Uint64;
  readonly token: number;
  /** Next data sequence number expected. */
  next: bigint;
  private mapping: OpenMapping | undefined;

  constructor(key: Uint64, version: MptcpVersion) {
    const { token, initialDataSeq } = deriveKeyMaterial(key, version);
    this.key = key;
    this.token = token;
    this.next = BigInt.asUintN(64, uint64ToBigInt(initialDataSeq) + 1n);
  }

  /** The key as options have it. */
  get keyValue(): bigint {
    return uint64ToBigInt(this.key);
  }

  /** Moves on by what a segment brought in order on its subflow. */
  take(flow: Flow, { tcp, options }: HeardSegment): void {
    for (const option of options) {
      if (option.subtype !== 'DSS' || option.mapping === undefined) continue;
      const { dataSeq, subflowSeq, dataLength } = option.mapping;
      // A DATA_FIN alone maps no byte of the subflow (RFC 8684 §3.3.3).
      this.mapping = {
        ...{ flow, start: subflowSeq, length: dataLength, dataFin: option.dataFin },
        dataSeq: expanded(dataSeq, this.next),
      };
    }
    const { mapping } = this;
    if (mapping === undefined || mapping.flow !== flow) return;
    const end = (seqDistance(flow.peerNext, flow.peerInitial) >>> 0) - mapping.start;
    const isFin = (tcp.flags & TcpFlag.FIN) !== 0;
    const covered = Math.max(0, Math.min(isFin ? end - 1 : end, mapping.length));
    const isWhole = mapping.dataFin && covered >= mapping.length - 1;
    const reached = mapping.dataSeq + BigInt(isWhole ? mapping.length : covered);
    const ahead = BigInt.asIntN(64, reached - this.next);
    const gap = BigInt.asIntN(64, mapping.dataSeq - this.next);
    if (ahead > 0n && gap <= 0n) this.next = BigInt.asUintN(64, reached);
  }
}

/** The 64-bit number that is meant, of all that end in the same bits the one nearest to `near`. */
export function expanded(number: DataNumber, near: bigint): bigint {
  if (number.bits === 64) return number.value;
  return BigInt.asUintN(64, near + BigInt.asIntN(32, number.value - near));
}
