/**
 * What `subflow lab` tells its page of a machine: one object a look, as a line of JSON. Owns the names and the bounds of both sides;
 * knows neither where it comes from nor how it is shown. All texts in it are foreign: of the kernel, of peers, of other programs.
 */

/** Name of the form of a state. Fields are only ever added. */
export const machineSchema = 'subflow/lab-machine/1';

/** Most connections of a state, the busiest; it says how many there are more. */
export const MAX_SHOWN_CONNECTIONS = 200;
/** Most subflows of each of them. */
export const MAX_SHOWN_SUBFLOWS = 32;
/** Most events that are kept, and that a state tells. */
export const MAX_EVENTS = 200;
/** Most services of a state. */
export const MAX_SERVICES = 64;
/** Most bytes of what the page may ask to be done. */
export const MAX_COMMAND_BYTES = 4096;

/** What went over something: bytes so far, and bit/s since the last look, null at the first one. */
export interface MachineTraffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sendRateBps: number | null;
  readonly receiveRateBps: number | null;
}

/** One subflow, as `subflow monitor --json` has it. */
export interface MachineSubflow extends MachineTraffic {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  /** It joined the connection, and did not begin it. */
  readonly joined: boolean;
  /** Who wants it to be a backup. */
  readonly backup: 'none' | 'local' | 'peer' | 'both';
  readonly localId: number;
  readonly remoteId: number;
  readonly rttMs: number;
  readonly minRttMs: number | null;
  readonly cwndSegments: number;
  readonly retransmittedBytes: number;
  /** Shares of what all subflows of the connection that are there now sent and received, 0 to 1. */
  readonly sendShare: number;
  readonly receiveShare: number;
}

/** One connection, as `subflow monitor --json` has it. */
export interface MachineConnection extends MachineTraffic {
  /** This side's token, eight digits of hexadecimal. */
  readonly token: string;
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly uid: number;
  readonly inode: number;
  /** It speaks plain TCP, after all. */
  readonly fallback: boolean;
  readonly checksum: boolean;
  readonly retransmittedBytes: number;
  /** Subflows as the kernel counts them; null where it does not say. */
  readonly subflowCount: number | null;
  readonly subflows: readonly MachineSubflow[];
}

/** Sums over all connections. */
export interface MachineTotals extends MachineTraffic {
  readonly connections: number;
  readonly subflows: number;
  readonly backups: number;
  readonly fallenBack: number;
  /** Connections of TCP at listeners of Multipath TCP. */
  readonly plain: number;
  readonly listeners: number;
}

/** Something that happened; numbers rise by one. */
export interface MachineEvent {
  readonly number: number;
  /** When it was heard of, in ms since 1970. */
  readonly atMs: number;
  /** The kernel's event, `fell-back` for a connection, or `counted` for a counter that rose. */
  readonly type: string;
  /** Of the connection; empty where it is of none. */
  readonly token: string;
  /** Ends, reasons, or the counter and by how much. */
  readonly said: string;
}

/** An address that the kernel's path manager may use. */
export interface MachineEndpoint {
  readonly id: number;
  readonly address: string;
  /** 0: none of its own. */
  readonly port: number;
  readonly flags: readonly string[];
  /** The interface that it is bound to; null for none. */
  readonly device: string | null;
  /** Subflows from its address, and connections that have no other. */
  readonly subflows: number;
  readonly aloneFor: number;
}

/** An interface, for who adds an endpoint. */
export interface MachineLink {
  readonly name: string;
  readonly kind: string;
  readonly hasCarrier: boolean;
  /** Global ones. */
  readonly addresses: readonly string[];
}

/** The kernel's path manager. */
export interface MachinePaths {
  /** `kernel`, `userspace` or a name; null where nobody knows. */
  readonly pathManager: string | null;
  readonly limits: { readonly subflows: number; readonly addAddrAccepted: number } | null;
  /** Null where the kernel does not show them: that takes CAP_NET_ADMIN. */
  readonly endpoints: readonly MachineEndpoint[] | null;
  readonly links: readonly MachineLink[];
}

/** A command of ours that runs, as it tells of itself. */
export interface MachineService {
  /** As in `converter`. */
  readonly command: string;
  readonly pid: number;
  readonly uid: number;
  /** When it began, in ms since 1970. */
  readonly startedAtMs: number;
  /** Null where it does not answer. */
  readonly isHealthy: boolean | null;
  /** How it is, in its words. */
  readonly said: string;
  /** What it has to do now, by name. */
  readonly load: readonly (readonly [name: string, value: string])[];
  /** Its metrics as Prometheus reads them, without those of the process. */
  readonly metrics: readonly string[];
}

/** See the module. */
export interface MachineState {
  readonly schema: typeof machineSchema;
  /** When, in ms since 1970. */
  readonly atMs: number;
  /** Since the last look; null at the first one. */
  readonly sinceMs: number | null;
  /** What cannot be seen here, and what would help: a sentence each. */
  readonly lacks: readonly string[];
  /** Whether the page may change endpoints and limits. */
  readonly allowsControl: boolean;
  readonly totals: MachineTotals;
  /** The busiest first. */
  readonly connections: readonly MachineConnection[];
  /** How many there are beside them. */
  readonly moreConnections: number;
  readonly paths: MachinePaths;
  readonly services: readonly MachineService[];
  /** Those that this reader was not told of yet, and how many of them are lost. */
  readonly events: readonly MachineEvent[];
  readonly lostEvents: number;
}

/** Flags that a new endpoint may have. */
export const newEndpointFlags = ['signal', 'subflow', 'backup', 'fullmesh'] as const;
/** Flags that may be changed. */
export const changeableFlags = ['backup', 'fullmesh'] as const;

/** What the page may ask to be done. An endpoint is named by its number and its address: numbers are used again. */
export type MachineCommand =
  | {
      readonly do: 'add';
      readonly address: string;
      readonly flags: readonly (typeof newEndpointFlags)[number][];
      readonly device?: string | undefined;
      readonly id?: number | undefined;
      readonly port?: number | undefined;
    }
  | {
      readonly do: 'change';
      readonly id: number;
      readonly address: string;
      /** Of those that may be changed, all that it is to have. */
      readonly flags: readonly (typeof changeableFlags)[number][];
    }
  | { readonly do: 'remove'; readonly id: number; readonly address: string }
  | {
      readonly do: 'limits';
      readonly subflows?: number | undefined;
      readonly addAddrAccepted?: number | undefined;
    };

/** What came of it. */
export interface MachineAnswer {
  readonly isDone: boolean;
  /** What was done, or why not, in a sentence. */
  readonly said: string;
}
