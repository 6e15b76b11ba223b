/**
 * What the options of a connection's handshakes say, as plain data: `optionsReport` of `subflow trace --options --json`.
 * Offsets count from the start of the TCP header; sentences are for people and may change, names and numbers are stable.
 */
import type { Sender } from '../observation.js';

/** Something that is not as it is as a rule. `warning`: it breaks a rule of the texts, or hurts. */
export interface OptionNote {
  readonly severity: 'info' | 'warning';
  readonly text: string;
}

/** One option as it stands in a header. */
export interface OptionReport {
  /** `MSS`, `window scale`, `MP_CAPABLE`; `kind 77` for one that is not known. */
  readonly name: string;
  readonly kind: number;
  /** Where its kind byte stands in the TCP header, and its length in bytes. */
  readonly offset: number;
  readonly length: number;
  /** What it says. */
  readonly text: string;
  readonly notes: readonly OptionNote[];
}

/** One packet of a handshake. Padding is not among its options. */
export interface PacketOptionsReport {
  readonly packet: number;
  /** Nanoseconds since the first frame of the capture. */
  readonly atNs: number;
  readonly sender: Sender;
  /** `third`: the packet that completes the handshake. `data`: one of the first with payload. */
  readonly role: 'syn' | 'syn-ack' | 'third' | 'data';
  readonly payloadLength: number;
  readonly options: readonly OptionReport[];
  /** On the packet as a whole, and on how it differs from those before it. */
  readonly notes: readonly OptionNote[];
}

/** What is in force when the handshake is over; null where the capture does not show it. */
export interface AgreedOptions {
  /** Version of Multipath TCP; null also for plain TCP. */
  readonly version: number | null;
  readonly checksum: boolean | null;
  /** Bits of the data sequence numbers and of the DATA_ACKs in the first packets with a DSS; `mixed`: both. */
  readonly dataSeqBits: 32 | 64 | 'mixed' | null;
  readonly dataAckBits: 32 | 64 | 'mixed' | null;
  /** Largest payload that each host takes in a segment. */
  readonly clientMss: number | null;
  readonly serverMss: number | null;
  /** Shifts of the windows of each host; null when not both offer them. */
  readonly windowScale: { readonly client: number; readonly server: number } | null;
  readonly sack: boolean | null;
  readonly timestamps: boolean | null;
  /** What became of Fast Open. */
  readonly fastOpen: 'not asked for' | 'cookie requested' | 'cookie given' | 'data in the SYN' | null;
}

export interface SubflowOptionsReport {
  readonly subflow: number;
  readonly stream: number;
  readonly client: string;
  readonly server: string;
  readonly packets: readonly PacketOptionsReport[];
  readonly agreed: AgreedOptions;
}

export interface ConnectionOptionsReport {
  readonly connection: number;
  readonly subflows: readonly SubflowOptionsReport[];
}

/** A note of `severity`. */
export function note(severity: OptionNote['severity'], text: string): OptionNote {
  return { severity, text };
}
