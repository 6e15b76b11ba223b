/**
 * Where the versions of the protocol differ: what a handshake carries and which hash proves it. Everything else asks
 * here instead of testing a number.
 * Read first: RFC 8684 §3.1 and appendix E (changes from version 0); RFC 6824 §3.1.
 */
import type { RandomSource, Uint64 } from '../base/index.js';
import { addAddrHmac, deriveKeyMaterial, joinHmac } from '../wire/index.js';
import type { AnnouncedAddress, KeyMaterial, MptcpVersion } from '../wire/index.js';

/** The rules of one version. */
export interface VersionRules {
  /** The number in MP_CAPABLE. */
  readonly number: MptcpVersion;
  /** Whether the first SYN carries the client's key (version 0) or leaves it to the third packet (version 1). */
  readonly synCarriesKey: boolean;
  /**
   * Whether both keys confirm the client to the server, who cannot do without them, and the first data repeats them with
   * its length (RFC 8684 §3.1). In version 0 the third ACK repeats what both know, alone, and only the first DSS shows
   * that options pass: until then there are no joins (RFC 6824 §3.1 and §3.6).
   */
  readonly keysConfirm: boolean;
  /** Whether flag C of MP_CAPABLE forbids joins to the initial address; other versions give that bit no meaning. */
  readonly hasJoinPermission: boolean;
  /** Whether announcements are proved and echoed; where they are not, a join from the peer shows that one arrived. */
  readonly echoesAnnouncements: boolean;
  /** Whether MP_PRIO may name an address, and so speak for another path than the one it came on (RFC 6824 §3.3.8). */
  readonly hasPriorityForAddress: boolean;
  /**
   * Whether MP_TCPRST says why a subflow is reset. Without it a RST of a host that knows the connection shows so by a
   * DATA_ACK, as MP_FAIL and the answer to an infinite mapping do.
   */
  readonly hasResetReason: boolean;
  /**
   * Whether a RST with MP_FASTCLOSE may end everything; otherwise an ACK asks for it and waits for the peer's RST, whatever
   * the settings say (RFC 6824 §3.5).
   */
  readonly hasFastCloseByReset: boolean;
  /** Whether a DSS checksum that was not agreed on breaks its subflow (RFC 8684 §3.3) or is ignored (RFC 6824 §3.3). */
  readonly forbidsUnagreedChecksum: boolean;
  /** Token and initial data sequence number of a key. */
  keyMaterial(key: Uint64): KeyMaterial;
  /** Proof of the owner of `key` and `nonce` towards the owner of the others. */
  joinProof(key: Uint64, peerKey: Uint64, nonce: number, peerNonce: number): Uint8Array;
  /** Proof of an announcement by the owner of `key`; undefined where announcements carry none. */
  announcementProof(key: Uint64, peerKey: Uint64, announced: AnnouncedAddress): Uint8Array | undefined;
}

/** RFC 6824. */
const versionZero: VersionRules = {
  number: 0,
  synCarriesKey: true,
  keysConfirm: false,
  hasJoinPermission: false,
  echoesAnnouncements: false,
  hasPriorityForAddress: true,
  hasResetReason: false,
  hasFastCloseByReset: false,
  forbidsUnagreedChecksum: false,
  keyMaterial: (key) => deriveKeyMaterial(key, 0),
  joinProof: (key, peerKey, nonce, peerNonce) => joinHmac(0, key, peerKey, nonce, peerNonce),
  announcementProof: () => undefined,
};

/** RFC 8684. */
const versionOne: VersionRules = {
  number: 1,
  synCarriesKey: false,
  keysConfirm: true,
  hasJoinPermission: true,
  echoesAnnouncements: true,
  hasPriorityForAddress: false,
  hasResetReason: true,
  hasFastCloseByReset: true,
  forbidsUnagreedChecksum: true,
  keyMaterial: (key) => deriveKeyMaterial(key, 1),
  joinProof: (key, peerKey, nonce, peerNonce) => joinHmac(1, key, peerKey, nonce, peerNonce),
  announcementProof: addAddrHmac,
};

/** The rules of version `number`. */
export function rulesOf(number: MptcpVersion): VersionRules {
  return number === 0 ? versionZero : versionOne;
}

/**
 * The version in which a host that speaks `versions` answers a SYN that asks for `asked`: that one when it can, its
 * highest when the peer asks for more than it speaks (RFC 8684 §3.1), and none when it only speaks higher ones.
 */
export function answerTo(asked: number, versions: readonly MptcpVersion[]): MptcpVersion | undefined {
  const highest = Math.max(...versions) as MptcpVersion;
  if (asked > highest) return highest;
  return versions.find((version) => version === asked);
}

/** Draws a key and gives the token that goes with it, so that the owner of the token table can look for a clash. */
export function drawKey(
  random: RandomSource,
  version: MptcpVersion,
): { readonly key: Uint64; readonly token: number } {
  const key = { hi: random.nextUint32(), lo: random.nextUint32() };
  return { key, token: rulesOf(version).keyMaterial(key).token };
}
