import { seq32, seqAt } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import { TcpFlag } from '../wire/index.js';
import { fastOpenOptionBytes, writeFastOpen } from './fast-open.js';
import { announcedMss, announcedScale, offeredWindowScale } from './handshake.js';
import type { Receiver } from './receiver.js';
import type { OutgoingSegment, SendRecord } from './segment.js';
import { MAX_OPTION_BYTES } from './segment.js';
import type { Sender } from './sender.js';
import type { TcpParameters } from './settings.js';
import { Counters } from './statistics.js';
import { Timestamps } from './timestamps.js';

/**
 * What stands in the header of every segment besides its payload's place: acknowledgment, window, and the options that
 * both ends agreed on when they exchanged SYNs. It counts what it completes, for each of these leaves.
 *
 * Read first: RFC 9293 §3.1 and §3.2, RFC 7323 §2.2 and §3.2, RFC 2018 §2 and §4.
 */

/** Bytes of the timestamps option with its padding. */
const TIMESTAMP_BYTES = 12;
/** Bytes of the SACK option, with its padding, before the first block. */
const SACK_HEAD_BYTES = 4;
const SACK_BLOCK_BYTES = 8;
/** Bytes of the options of a SYN without timestamps: MSS, window scale, SACK permitted. */
const BARE_SYN_BYTES = 12;

export class Header<R extends SendRecord> {
  readonly timestamps: Timestamps;
  readonly counters = new Counters();
  /** Bytes of a pure acknowledgment's header that are kept free for the owner. */
  ackOptionBytes = 0;
  /** Bytes of a SYN's header, or of the answer to one, that are kept free for the owner. */
  synOptionBytes = 0;
  /** Fast Open cookie on our SYN or on the answer to one, empty for a request; undefined: no such option. */
  fastOpenCookie: Uint8Array | undefined = undefined;
  /** Whether that option goes in its older form. */
  isFastOpenExperimental = false;
  /** Bytes of a data segment's header that are kept free for the owner. */
  private ownerDataBytes = 0;
  /** Shift of the window scale option on our SYN; -1: none, or the peer offered none. */
  private scaleOffer: number;
  private readonly parameters: TcpParameters;
  private readonly receiver: Receiver;
  private readonly sender: Sender<R>;

  constructor(parameters: TcpParameters, receiver: Receiver, sender: Sender<R>) {
    this.parameters = parameters;
    this.receiver = receiver;
    this.sender = sender;
    this.timestamps = new Timestamps(parameters.timestampOffset, parameters.timestampMark);
    this.scaleOffer = offeredWindowScale(parameters);
  }

  get dataOptionBytes(): number {
    return this.ownerDataBytes;
  }

  set dataOptionBytes(bytes: number) {
    if (bytes === this.ownerDataBytes) return;
    this.ownerDataBytes = bytes;
    this.updateDataOptions();
  }

  /** Takes over what the peer's `syn` says of itself and what both ends can. */
  adopt(now: number, syn: TcpSegment): void {
    const { receiver, sender, timestamps } = this;
    const { settings, headerBytes } = this.parameters;
    receiver.start(seq32(syn.seq));
    receiver.sack = settings.sack && syn.sackPermitted;
    sender.recovery.hasSack = receiver.sack;
    sender.setPeerMss(announcedMss(syn, headerBytes));
    timestamps.enabled = settings.timestamps && syn.hasTimestamps;
    if (timestamps.enabled) timestamps.note(syn.tsVal, now);
    if (syn.windowScale >= 0 && this.scaleOffer >= 0) {
      sender.peerWindowUnit = 2 ** announcedScale(syn);
      receiver.windowUnit = 2 ** this.scaleOffer;
    } else this.scaleOffer = -1;
    sender.updateWindow(now, syn, 0, 0);
    this.updateDataOptions();
  }

  /** Completes `out`, whose payload starts at stream offset `start`; `isFirst`: it is the SYN that asks, without ACK. */
  complete(now: number, out: OutgoingSegment<R>, start: number, isFirst: boolean): void {
    const { receiver, timestamps } = this;
    const isSyn = (out.flags & TcpFlag.SYN) !== 0;
    out.seq = seqAt(this.sender.initial, start);
    if (isSyn) this.addSynOptions(out, isFirst);
    else out.hasTimestamps = timestamps.enabled;
    if (out.hasTimestamps) {
      out.tsVal = timestamps.value(now);
      out.tsEcr = timestamps.recent;
    }
    // RFC 7323 §2.2: the window of a SYN is never scaled.
    out.window = receiver.takeWindow(isSyn ? 1 : receiver.windowUnit);
    if (!isFirst) {
      out.flags |= TcpFlag.ACK;
      out.ack = receiver.ackNumber;
      if (out.payloadLength === 0 && !isSyn) this.addSackBlocks(out);
      receiver.onAckSent();
    }
    this.counters.count(out);
  }

  /** On a SYN what we can, on an answer to one what both can (RFC 7323 §2.2, §3.2; RFC 2018 §2). */
  private addSynOptions(out: OutgoingSegment<R>, isFirst: boolean): void {
    const { settings, maxSegmentSize } = this.parameters;
    out.mss = maxSegmentSize;
    out.windowScale = this.scaleOffer;
    out.sackPermitted = isFirst ? settings.sack : this.receiver.sack;
    out.hasTimestamps = isFirst ? settings.timestamps : this.timestamps.enabled;
    // RFC 7413 §4.1.3.1: what goes again goes without, for the option may be what the path drops.
    if (this.fastOpenCookie !== undefined && !out.isRetransmission && this.hasFastOpenRoom)
      this.addFastOpen(out, this.fastOpenCookie);
  }

  /**
   * Where the cookie does not fit beside the owner's options, the timestamps yield: RFC 8684 appendix B.1 has them left
   * out rather than the cookie cut short. A SYN that is sent again offers them again.
   */
  private addFastOpen(out: OutgoingSegment<R>, cookie: Uint8Array): void {
    const need = fastOpenOptionBytes(cookie, this.isFastOpenExperimental) + this.synOptionBytes;
    if (need > out.extensionRoom) {
      out.hasTimestamps = false;
      this.timestamps.enabled = false;
      this.updateDataOptions();
    }
    writeFastOpen(out, cookie, this.isFastOpenExperimental);
  }

  /** Whether the cookie fits a SYN of ours beside the owner's options, with the timestamps or else without. */
  get hasFastOpenRoom(): boolean {
    if (this.fastOpenCookie === undefined) return false;
    const bytes = fastOpenOptionBytes(this.fastOpenCookie, this.isFastOpenExperimental);
    return bytes + this.synOptionBytes + BARE_SYN_BYTES <= MAX_OPTION_BYTES;
  }

  private addSackBlocks(out: OutgoingSegment<R>): void {
    if (this.receiver.sackBlockCount === 0) return;
    const room = MAX_OPTION_BYTES - out.ownOptionBytes - this.ackOptionBytes - SACK_HEAD_BYTES;
    out.sackCount = this.receiver.writeSackBlocks(out.sackEdges, Math.floor(room / SACK_BLOCK_BYTES));
  }

  private updateDataOptions(): void {
    this.sender.setOptionBytes(this.ownerDataBytes + (this.timestamps.enabled ? TIMESTAMP_BYTES : 0));
  }
}
