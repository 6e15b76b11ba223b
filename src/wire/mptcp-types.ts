/**
 * MPTCP options as values, for whatever is not the hot path: handshakes, path management, traces, probes and tests.
 * Types and numbers only; mptcp-option.ts reads and writes them. Keys and data sequence numbers are bigints.
 * Read first: RFC 8684 §3 and §7 (version 1), RFC 6824 §3 (version 0).
 */
import type { IpAddress } from './address.js';

/** Numbers of the subtypes, in the upper half of an option's third byte (RFC 8684 §7.2). */
export const MptcpSubtype = {
  MP_CAPABLE: 0,
  MP_JOIN: 1,
  DSS: 2,
  ADD_ADDR: 3,
  REMOVE_ADDR: 4,
  MP_PRIO: 5,
  MP_FAIL: 6,
  MP_FASTCLOSE: 7,
  MP_TCPRST: 8,
  MP_EXPERIMENTAL: 15,
} as const;

/** Flags of MP_CAPABLE (RFC 8684 §3.1). */
export const MpCapableFlag = {
  /** A: the sender requires DSS checksums. */
  CHECKSUM: 0x80,
  /** B: extensibility; who sees it set must not use the option. */
  EXTENSIBILITY: 0x40,
  /** C, version 1: the peer must not open subflows to this address and port. */
  NO_JOIN_TO_INITIAL: 0x20,
  /** H: the version's own hash, SHA-1 or SHA-256, for proofs and tokens. */
  HMAC: 0x01,
} as const;

/**
 * MP_CAPABLE. Which numbers are there follows from the packet: in version 1 none in the SYN, the sender's key in the
 * SYN+ACK, both in the ACK, and the length of the data with the first data. Version 0 has its key in the SYN.
 */
export interface MpCapable {
  readonly subtype: 'MP_CAPABLE';
  /** 0 to 15. */
  readonly version: number;
  /** {@link MpCapableFlag} bits, the reserved ones too. */
  readonly flags: number;
  readonly senderKey?: bigint;
  /** Only with `senderKey`. */
  readonly receiverKey?: bigint;
  /** Data-level length of the payload that the option maps; only with both keys and not in version 0. */
  readonly dataLength?: number;
  /** DSS checksum of that mapping; only with `dataLength`. */
  readonly checksum?: number;
}

/** MP_JOIN in a SYN (RFC 8684 §3.2). */
export interface MpJoinSyn {
  readonly subtype: 'MP_JOIN';
  readonly phase: 'syn';
  /** B: the subflow is to be used only when no other can be. */
  readonly backup: boolean;
  /** Sender's ID of the address the subflow starts from, 0 to 255. */
  readonly addressId: number;
  /** Token of the connection to join: derived from the receiver's key. */
  readonly token: number;
  /** 32 random bits. */
  readonly nonce: number;
}

/** MP_JOIN in a SYN+ACK (RFC 8684 §3.2). */
export interface MpJoinSynAck {
  readonly subtype: 'MP_JOIN';
  readonly phase: 'synack';
  readonly backup: boolean;
  readonly addressId: number;
  /** First 8 bytes of the sender's proof. */
  readonly hmac: Uint8Array;
  readonly nonce: number;
}

/** MP_JOIN in the third packet (RFC 8684 §3.2). */
export interface MpJoinAck {
  readonly subtype: 'MP_JOIN';
  readonly phase: 'ack';
  /** First 20 bytes of the sender's proof. */
  readonly hmac: Uint8Array;
}

/** A data sequence number as an option carries it. */
export interface DataNumber {
  /** Modulo 2^`bits`. */
  readonly value: bigint;
  readonly bits: 32 | 64;
}

/** The mapping within a DSS. */
export interface DssMapping {
  /** First data sequence number mapped. */
  readonly dataSeq: DataNumber;
  /** Subflow sequence number relative to the initial one, 0 to 2^32 - 1. */
  readonly subflowSeq: number;
  /** Bytes mapped, a DATA_FIN counted as one; 0 is the infinite mapping. */
  readonly dataLength: number;
  readonly checksum?: number;
}

/** DSS, the value form; the hot path uses `DssFields`. */
export interface Dss {
  readonly subtype: 'DSS';
  readonly dataFin: boolean;
  readonly dataAck?: DataNumber;
  readonly mapping?: DssMapping;
}

/** ADD_ADDR (RFC 8684 §3.4.1, RFC 6824 §3.4.1). */
export interface AddAddr {
  readonly subtype: 'ADD_ADDR';
  /** Layout: 0 names the IP version and has neither echo nor HMAC. */
  readonly version: 0 | 1;
  /** E: a repetition that confirms the peer's announcement; never with an HMAC. */
  readonly echo: boolean;
  readonly addressId: number;
  readonly address: IpAddress;
  readonly port?: number;
  /** 8 bytes. An announcement without it in version 1 is readable but not to be believed. */
  readonly hmac?: Uint8Array;
}

/** REMOVE_ADDR (RFC 8684 §3.4.2). */
export interface RemoveAddr {
  readonly subtype: 'REMOVE_ADDR';
  /** One ID at least. */
  readonly addressIds: readonly number[];
}

/** MP_PRIO (RFC 8684 §3.3.8). */
export interface MpPrio {
  readonly subtype: 'MP_PRIO';
  readonly backup: boolean;
  /** Which of the sender's addresses is meant; without it, the subflow that carried the option. Version 0 only. */
  readonly addressId?: number;
}

/** MP_FAIL (RFC 8684 §3.7). */
export interface MpFail {
  readonly subtype: 'MP_FAIL';
  /** Data sequence number at which the sequence broke, 64 bits. */
  readonly dataSeq: bigint;
}

/** MP_FASTCLOSE (RFC 8684 §3.5). */
export interface MpFastclose {
  readonly subtype: 'MP_FASTCLOSE';
  /** Key of the host that is to receive the option. */
  readonly receiverKey: bigint;
}

/** Flags of MP_TCPRST (RFC 8684 §3.6). */
export const MpTcpRstFlag = {
  /** U, V, W: without a meaning yet. */
  U: 8,
  V: 4,
  W: 2,
  /** T: the condition is transient, so the subflow may be tried again. */
  TRANSIENT: 1,
} as const;

/** MP_TCPRST, version 1 only (RFC 8684 §3.6). */
export interface MpTcpRst {
  readonly subtype: 'MP_TCPRST';
  /** {@link MpTcpRstFlag} bits. */
  readonly flags: number;
  /** Reason code, 0 to 255 (RFC 8684 §3.6). */
  readonly reason: number;
}

/** MP_EXPERIMENTAL: for private use, so the content is kept as it is. */
export interface MpExperimental {
  readonly subtype: 'MP_EXPERIMENTAL';
  /** Lower half of the third byte. */
  readonly nibble: number;
  /** What follows the third byte. */
  readonly body: Uint8Array;
}

/** An option of a subtype without a meaning yet, kept as it is. */
export interface UnknownMptcpOption {
  readonly subtype: 'UNKNOWN';
  /** Number of the subtype, 9 to 14. */
  readonly code: number;
  /** Lower half of the third byte. */
  readonly nibble: number;
  /** What follows the third byte. */
  readonly body: Uint8Array;
}

export type MpJoin = MpJoinSyn | MpJoinSynAck | MpJoinAck;

/** Any MPTCP option. */
export type MptcpOption =
  | MpCapable
  | MpJoin
  | Dss
  | AddAddr
  | RemoveAddr
  | MpPrio
  | MpFail
  | MpFastclose
  | MpTcpRst
  | MpExperimental
  | UnknownMptcpOption;
