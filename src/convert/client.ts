/**
 * The client's part of the protocol: the message that goes first, and what the converter's answer means. Opens nothing and
 * keeps nothing between connections (see `converter-memory.ts` for what does).
 * Read first: RFC 8803 §6.2.2 to §6.2.8, §8.
 */
import type { MessageRead } from '../base/index.js';
import { type Endpoint, parseTcpOptions, type TcpOption, TcpOptionKind } from '../wire/index.js';
import type { ConvertErrorTlv } from './errors.js';
import { emitConvert } from './message.js';
import type { ConvertMessage, ConvertTlv } from './tlv.js';

/** What to ask a converter for. */
export interface ConvertRequest {
  readonly remote: Endpoint;
  /** Whether to ask for the options that it converts. */
  readonly isInfoAsked?: boolean;
  /** What it gave before. */
  readonly cookie?: Uint8Array | undefined;
}

/** What the answer says. */
export type ConvertAnswer =
  /** The server is there. */
  | {
      readonly kind: 'connected';
      /** Options of the server's SYN+ACK; undefined where the converter does not tell. */
      readonly serverOptions: readonly TcpOption[] | undefined;
      /** Whether the server itself speaks Multipath TCP, so that the converter may be left out; undefined where not told. */
      readonly isServerMultipath: boolean | undefined;
      /** Kinds of options that the converter converts, where that was asked. */
      readonly supportedKinds: readonly number[] | undefined;
    }
  | { readonly kind: 'error'; readonly error: ConvertErrorTlv }
  /** No answer of a converter: some box took it away, or there is no converter (RFC 8803 §8). `reason` in kebab-case. */
  | { readonly kind: 'invalid'; readonly reason: string };

/** The message that goes first; data of the application may follow at once. */
export function requestMessage(request: ConvertRequest): Uint8Array {
  const tlvs: ConvertTlv[] = [];
  if (request.isInfoAsked === true) tlvs.push({ type: 'info' });
  // Multipath TCP towards the server, with no content: the converter makes its own (RFC 8803 §7.5).
  const options = [{ kind: TcpOptionKind.MPTCP, value: new Uint8Array(0) }];
  tlvs.push({ type: 'connect', remote: request.remote, options });
  if (request.cookie !== undefined) tlvs.push({ type: 'cookie', cookie: request.cookie });
  return emitConvert({ tlvs });
}

/** Reads the answer. Whoever gets an error or an invalid answer resets the connection (RFC 8803 §6.2.8, §6.2.1, §6.1). */
export function readAnswer(read: Exclude<MessageRead<ConvertMessage>, { state: 'more' }>): ConvertAnswer {
  if (read.state === 'invalid') return { kind: 'invalid', reason: read.error.code };
  const { tlvs } = read.value;
  const error = tlvs.find((tlv) => tlv.type === 'error');
  if (error !== undefined) return { kind: 'error', error };
  // A converter does not ask: a request that comes back is an echo of ours.
  if (tlvs.some(({ type }) => type === 'info' || type === 'connect'))
    return { kind: 'invalid', reason: 'request' };
  const header = tlvs.find((tlv) => tlv.type === 'extended-tcp-header');
  const kinds = tlvs.find((tlv) => tlv.type === 'supported-tcp-extensions')?.kinds;
  const serverOptions =
    header === undefined ? undefined : parseTcpOptions(header.options, 0, header.options.length).options;
  return {
    kind: 'connected',
    serverOptions,
    isServerMultipath: serverOptions?.some(isMultipath),
    supportedKinds: kinds,
  };
}

/** Whatever its content: converters need not give away the server's key. */
function isMultipath(option: TcpOption): boolean {
  if (option.kind === 'mptcp') return true;
  return option.kind === 'malformed' && option.number === TcpOptionKind.MPTCP;
}
