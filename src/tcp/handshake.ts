import { seq32 } from '../base/index.js';
import type { TcpSegment } from '../wire/index.js';
import type { Receiver } from './receiver.js';
import type { SendRecord } from './segment.js';
import type { Sender } from './sender.js';
import type { TcpParameters } from './settings.js';
import type { Timestamps } from './timestamps.js';

/**
 * What the two SYNs agree on. Read first: RFC 9293 §3.7.1, RFC 7323 §2 and §3.2, RFC 2018 §2.
 */

/** Largest shift (RFC 7323 §2.3): windows stay below 2^30, half the sequence space that can be told apart. */
const MAX_WINDOW_SCALE = 14;
/** What a peer that announces no MSS takes (RFC 9293 §3.7.1): 576 or 1280 less the base headers. */
const DEFAULT_MSS_IPV4 = 536;
const DEFAULT_MSS_IPV6 = 1220;
/** Smallest MSS believed: below it headers and options are all there is, a way to make a sender burn CPU. */
const MIN_MSS = 88;
const IPV6_HEADER_BYTES = 60;

/** The smallest shift with which a window of `maxWindowBytes` can be written in 16 bits. */
export function windowScaleFor(maxWindowBytes: number): number {
  let scale = 0;
  while (scale < MAX_WINDOW_SCALE && maxWindowBytes > 0xffff * 2 ** scale) scale++;
  return scale;
}

/** The shift that we would announce with `parameters`; -1: no window scaling. */
export function offeredWindowScale(parameters: TcpParameters): number {
  if (!parameters.settings.windowScaling) return -1;
  return windowScaleFor(parameters.maxReceiveWindowBytes ?? parameters.receiveWindowBytes);
}

/** The parts of a connection that a handshake sets up. */
export interface HandshakeParts {
  readonly parameters: TcpParameters;
  readonly receiver: Receiver;
  readonly sender: Sender<SendRecord>;
  readonly timestamps: Timestamps;
}

/**
 * Takes over what the peer's `syn` says of itself and what both ends can. `scaleOffer` is our own window scale, -1 for
 * none; returns whether windows are scaled, which takes both (RFC 7323 §2.2).
 */
export function adoptSyn(now: number, syn: TcpSegment, parts: HandshakeParts, scaleOffer: number): boolean {
  const { receiver, sender, timestamps } = parts;
  const { settings, headerBytes } = parts.parameters;
  receiver.start(seq32(syn.seq));
  receiver.sack = settings.sack && syn.sackPermitted;
  sender.recovery.hasSack = receiver.sack;
  sender.setPeerMss(announcedMss(syn, headerBytes));
  timestamps.enabled = settings.timestamps && syn.hasTimestamps;
  if (timestamps.enabled) timestamps.note(syn.tsVal, now);
  if (syn.windowScale < 0 || scaleOffer < 0) return false;
  // RFC 7323 §2.3: above 14 means 14.
  sender.peerScale = Math.min(syn.windowScale, MAX_WINDOW_SCALE);
  receiver.windowScale = scaleOffer;
  return true;
}

/** Largest segment that the peer takes, by its `syn`. */
function announcedMss(syn: TcpSegment, headerBytes: number): number {
  if (syn.mss === 0) return headerBytes >= IPV6_HEADER_BYTES ? DEFAULT_MSS_IPV6 : DEFAULT_MSS_IPV4;
  return Math.max(syn.mss, MIN_MSS);
}
