/**
 * What Linux's Wi-Fi says of a station, as values. Knows no system calls.
 *
 * Read first: include/uapi/linux/nl80211.h of the kernel (nl80211_attrs, nl80211_sta_info, nl80211_rate_info).
 */
import { type Attribute, readAttributes } from '../netlink/index.js';

export const NL80211_FAMILY = 'nl80211';
export const NL80211_CMD_GET_INTERFACE = 5;
export const NL80211_CMD_GET_STATION = 17;
/** Version of the commands: the kernel does not look at it. */
export const NL80211_VERSION = 0;

const ATTR_IFINDEX = 3;
const ATTR_IFTYPE = 5;
const ATTR_STA_INFO = 21;
const STA_INFO_SIGNAL = 7;
const STA_INFO_TX_BITRATE = 8;
const STA_INFO_SIGNAL_AVG = 13;
const RATE_INFO_BITRATE = 1;
const RATE_INFO_BITRATE32 = 5;
/** NL80211_IFTYPE_STATION, NL80211_IFTYPE_P2P_CLIENT: those that have one partner, the access point. */
const clientTypes = [2, 8];
/** Bitrates come in these, in bit/s. */
const BITRATE_UNIT = 100_000;

/** How an interface hears its access point. */
export interface WirelessSignal {
  /** Strength of what came last, in dBm: from about -30, beside the access point, to -90, where little passes. */
  readonly signalDbm: number | undefined;
  /** The driver's running average of it, in dBm. */
  readonly averageDbm: number | undefined;
  /** What is sent at, in bit/s on the air. */
  readonly bitrateBps: number | undefined;
}

/** The attributes of a question about the interface with this number. */
export function aboutInterface(index: number): Attribute[] {
  return [{ type: ATTR_IFINDEX, u32: index }];
}

/** Whether the answer to NL80211_CMD_GET_INTERFACE is about one that is a client of an access point. */
export function isWirelessClient(attributes: ReadonlyMap<number, Uint8Array>): boolean {
  return clientTypes.includes(number(attributes.get(ATTR_IFTYPE)) ?? 0);
}

/** Reads an answer to NL80211_CMD_GET_STATION; undefined where it says nothing of a station. */
export function decodeStation(attributes: ReadonlyMap<number, Uint8Array>): WirelessSignal | undefined {
  const nested = attributes.get(ATTR_STA_INFO);
  if (nested === undefined) return undefined;
  const info = readAttributes(nested);
  const rate = readAttributes(info.get(STA_INFO_TX_BITRATE) ?? new Uint8Array(0));
  const bitrate = number(rate.get(RATE_INFO_BITRATE32)) ?? number(rate.get(RATE_INFO_BITRATE));
  return {
    signalDbm: dbm(info.get(STA_INFO_SIGNAL)),
    averageDbm: dbm(info.get(STA_INFO_SIGNAL_AVG)),
    bitrateBps: bitrate === undefined ? undefined : bitrate * BITRATE_UNIT,
  };
}

/** A signed number in one byte. */
function dbm(bytes: Uint8Array | undefined): number | undefined {
  return bytes?.length === 1 ? (bytes[0]! << 24) >> 24 : undefined;
}

function number(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 4) return view.getUint32(0, true);
  return bytes.length === 2 ? view.getUint16(0, true) : undefined;
}
