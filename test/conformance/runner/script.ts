/**
 * A conformance script as values: what the parser makes of a file and the runner carries out. Types only; the language
 * is described in test/conformance/README.md.
 */

/** What is wrong with a script, where. */
export class ScriptError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;

  constructor(file: string, line: number, column: number, message: string) {
    super(`${file}:${line}:${column}: ${message}`);
    this.name = 'ScriptError';
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** A piece of a line, and the column it starts at, 1 being the first. */
export interface Token {
  readonly text: string;
  readonly column: number;
}

/** Time after the previous statement, in ns: a statement that waits for something accepts a range. */
export interface Delay {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Positions in a stream, `to` one past the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What stands behind the name of a field. */
export type FieldValue =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'range'; readonly value: Range }
  | { readonly kind: 'hex'; readonly value: Uint8Array }
  | { readonly kind: 'word'; readonly value: string };

/** A TCP or MPTCP option as a script names it. */
export interface ScriptOption {
  readonly name: string;
  readonly column: number;
  /** `no NAME`: the option must not be there. */
  readonly isAbsent: boolean;
  /** Named fields; a flag has the word 'true'. */
  readonly fields: ReadonlyMap<string, FieldValue>;
  /** Values without a name, in order. */
  readonly values: readonly FieldValue[];
}

/** Flags of the TCP header by name. */
export type FlagName = 'SYN' | 'ACK' | 'FIN' | 'RST' | 'PSH' | 'URG';

/** The common part of a packet in and a packet out. Sequence numbers count from the sender's SYN, which is 0. */
export interface PacketForm {
  /** Subflow, 1 for the first. */
  readonly flow: number;
  readonly flags: readonly FlagName[];
  readonly seq: number | undefined;
  /** Payload bytes; undefined when the script does not say. */
  readonly length: number | undefined;
  readonly ack: number | undefined;
  readonly window: number | undefined;
  /** Addresses, as `host2` or `peer1:8080`. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Payload: stream position of its first byte, or 'bad' for other bytes than the pattern. */
  readonly payload: number | 'bad' | undefined;
  /** Out: exactly these options and no others. */
  readonly isStrict: boolean;
  /** Out: consecutive segments that carry the range together. In: the TCP checksum is wrong. */
  readonly isData: boolean;
  readonly hasBadChecksum: boolean;
  readonly urgent: number | undefined;
  readonly options: readonly ScriptOption[];
}

export interface IcmpForm {
  readonly flow: number;
  readonly type: 'too-big' | 'unreachable' | 'time-exceeded' | 'parameter-problem' | 'source-quench';
  /** MTU of `too-big`, code of `unreachable`. */
  readonly value: number;
  /** Sequence number that the quotation shows; the last one sent when absent. */
  readonly seq: number | undefined;
}

export type StatementBody =
  | { readonly type: 'in'; readonly packet: PacketForm }
  | { readonly type: 'out'; readonly packet: PacketForm }
  | { readonly type: 'icmp'; readonly message: IcmpForm }
  /** Nothing is sent from the previous statement until now; on one subflow or on all. */
  | { readonly type: 'quiet'; readonly flow: number | undefined }
  /** Whatever was sent until now is taken note of and let be. */
  | { readonly type: 'drain' }
  | { readonly type: 'event'; readonly name: string; readonly detail: string | undefined }
  | { readonly type: 'no-event'; readonly name: string }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly string[] };

export interface Statement {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly delay: Delay | undefined;
  readonly body: StatementBody;
}

/** A sentence that a script shows, as its header says it. */
export interface ScriptRequirement {
  /** As in `RFC 8684 §3.1`. */
  readonly section: string;
  readonly text: string;
}

export interface Script {
  readonly file: string;
  readonly requirements: readonly ScriptRequirement[];
  readonly settings: ReadonlyMap<string, Setting>;
  readonly statements: readonly Statement[];
}

export interface Setting {
  readonly value: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
