/**
 * What Convert messages are made of, as values: types and lengths of TLVs, codes of errors. Knows no bytes and no rules of
 * who may send what. Read first: RFC 8803 §6.2.2 (the table) and §6.2.8 (errors).
 */
import type { Endpoint } from '../wire/index.js';

/** The version of the protocol that this is (RFC 8803 §6.1). */
export const CONVERT_VERSION = 1;
/** What tells a Convert message from data (RFC 8803 §6.1). */
export const CONVERT_MAGIC = 0x2263;
/** Longest message, header included: 255 words of 4 bytes (RFC 8803 §6.1). */
export const MAX_CONVERT_BYTES = 1020;
/** Port that converters listen on where nothing else is said. */
export const DEFAULT_CONVERT_PORT = 5124;

/** Types of TLVs (RFC 8803 §10.2.2). */
export const ConvertTlvType = {
  INFO: 1,
  CONNECT: 10,
  EXTENDED_TCP_HEADER: 20,
  SUPPORTED_TCP_EXTENSIONS: 21,
  COOKIE: 22,
  ERROR: 30,
} as const;

/** Codes of the Error TLV (RFC 8803 §10.2.3). */
export const ConvertErrorCode = {
  UNSUPPORTED_VERSION: 0,
  MALFORMED_MESSAGE: 1,
  UNSUPPORTED_MESSAGE: 2,
  MISSING_COOKIE: 3,
  NOT_AUTHORIZED: 32,
  UNSUPPORTED_TCP_OPTION: 33,
  RESOURCE_EXCEEDED: 64,
  NETWORK_FAILURE: 65,
  CONNECTION_RESET: 96,
  DESTINATION_UNREACHABLE: 97,
} as const;

/** A TCP option that a client asks for, in the Connect TLV; without a value the converter makes one (RFC 8803 §6.2.5). */
export interface RequestedOption {
  readonly kind: number;
  /** What follows the length byte; up to 253 bytes. */
  readonly value: Uint8Array;
}

/** One TLV. Where it may appear is not said here. */
export type ConvertTlv =
  | { readonly type: 'info' }
  /** `remote`: the server's address, or the remote host's for a connection to the client. Unmapped: IPv4 is IPv4 here. */
  | { readonly type: 'connect'; readonly remote: Endpoint; readonly options: readonly RequestedOption[] }
  /** `options`: those of the server's SYN+ACK as they stand in a header, a multiple of 4 bytes. */
  | { readonly type: 'extended-tcp-header'; readonly options: Uint8Array }
  /** Kinds of TCP options; never 0, 1 or 2. */
  | { readonly type: 'supported-tcp-extensions'; readonly kinds: readonly number[] }
  /** A multiple of 4 bytes. */
  | { readonly type: 'cookie'; readonly cookie: Uint8Array }
  /** `value`: one byte and a multiple of 4 bytes. */
  | { readonly type: 'error'; readonly code: number; readonly value: Uint8Array }
  /** A type without a form here; `value` is 2 bytes and a multiple of 4. */
  | { readonly type: 'unknown'; readonly number: number; readonly value: Uint8Array };

/** A message: what stands at the beginning of the stream in either direction. */
export interface ConvertMessage {
  readonly tlvs: readonly ConvertTlv[];
}
