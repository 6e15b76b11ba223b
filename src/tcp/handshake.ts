import type { TcpSegment } from '../wire/index.js';
import type { TcpParameters } from './settings.js';

/**
 * How the numbers on a SYN are chosen, and how the peer's are to be taken. Read first: RFC 9293 §3.7.1, RFC 7323 §2 and §3.2, RFC 2018 §2.
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

/** The shift that the peer's `syn` announces (RFC 7323 §2.3: above 14 means 14). */
export function announcedScale(syn: TcpSegment): number {
  return Math.min(syn.windowScale, MAX_WINDOW_SCALE);
}

/** Largest segment that the peer takes, by its `syn`. */
export function announcedMss(syn: TcpSegment, headerBytes: number): number {
  if (syn.mss === 0) return headerBytes >= IPV6_HEADER_BYTES ? DEFAULT_MSS_IPV6 : DEFAULT_MSS_IPV4;
  return Math.max(syn.mss, MIN_MSS);
}
