/** What both transports' sockets have in common, and what users program against. */
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FallbackInfo } from './fallback-info.js';

/** What carries a connection: Linux's own Multipath TCP, or this project's engine over a device of the program's. */
export type Transport = 'kernel' | 'userspace';

/** Where a subflow stands. The kernel transport knows `opening`, `active`, `closing` and `closed` only. */
export type SubflowState = 'opening' | 'joining' | 'active' | 'closing' | 'closed';

/** One subflow at the moment it was asked for. */
export interface SubflowInfo {
  /** Number within the connection; the order is that of opening. */
  readonly id: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Whether it is used only when no other can be; undefined with the kernel transport: the kernel does not tell. */
  readonly backup: boolean | undefined;
  readonly state: SubflowState;
  /** Smoothed round-trip time; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** Smoothed deviation of it, and the least of the last minutes; undefined before the first measurement. */
  readonly rttVarianceMs: number | undefined;
  readonly minRttMs: number | undefined;
  /** Payload bytes sent on it, retransmissions included. */
  readonly bytesSent: number;
  /** Payload bytes received on it, in the subflow's order. */
  readonly bytesReceived: number;
  /** Payload bytes that the peer acknowledged on it; undefined where that is not told. */
  readonly bytesAcked: number | undefined;
  /** Payload bytes that were sent again. */
  readonly bytesRetransmitted: number | undefined;
  /** Segments that were sent again. */
  readonly retransmissions: number;
  /** Segments taken for lost that wait to be sent again; kernel transport only. */
  readonly lostSegments: number | undefined;
  /** Bytes sent that are not acknowledged, in full segments with the kernel transport. */
  readonly bytesInFlight: number | undefined;
  /** Bytes given to the subflow that were not sent yet; kernel transport only. */
  readonly bytesQueued: number | undefined;
  /** Payload of a full segment. */
  readonly mssBytes: number | undefined;
  /** The largest packet that the path is believed to take. */
  readonly pathMtuBytes: number | undefined;
  /** Congestion window in bytes. */
  readonly cwndBytes: number;
  /** The newest measurement of what arrives, and the rate at which sending is paced, in bit/s; kernel transport only. */
  readonly deliveryRateBps: number | undefined;
  readonly pacingRateBps: number | undefined;
}

/** A subflow to open. */
export interface OpenSubflowOptions {
  /** Address of this host to open it from; that of the connection when left out. */
  readonly localAddress?: string;
  /** Port to open it from; chosen when 0 or left out. */
  readonly localPort?: number;
  /** Address of the peer; that of the connection when left out. */
  readonly remoteAddress?: string;
  /** Port of the peer; that of the connection when left out. */
  readonly remotePort?: number;
  /** Whether it is to be used only when no other can be. Default false. */
  readonly backup?: boolean;
}

/** An address of the peer. */
export interface RemoteAddressInfo {
  /** Its address ID; 0 is the one that the connection began with. */
  readonly id: number;
  readonly address: string;
  readonly port: number;
}

/** How a connection stands, and what decides for it; everything is undefined while it is not connected. */
export interface MultipathInfo {
  /** Version of the protocol; undefined in plain TCP. */
  readonly version: number | undefined;
  /** Why it is plain TCP, as the 'fallback' event says; undefined while it is not. With the kernel transport what is likely. */
  readonly fallbackCause: string | undefined;
  /** The same with what it was taken from, and in a sentence. */
  readonly fallback: FallbackInfo | undefined;
  /** This side's token: names the connection on its host (RFC 6897 §5.3.5 has a connection identifier). */
  readonly token: number | undefined;
  /** Names of what decides for it. */
  readonly scheduler: string | undefined;
  readonly pathManager: string | undefined;
  readonly congestion: string | undefined;
  /** Subflows that it may have at a time. */
  readonly maxSubflows: number | undefined;
  /** Addresses of the peer that subflows may be opened to; undefined with the kernel transport, which does not tell. */
  readonly remoteAddresses: readonly RemoteAddressInfo[] | undefined;
  /** What the kernel tells beside (MPTCP_INFO); undefined in plain TCP and with the userspace transport. */
  readonly kernel: KernelInfo | undefined;
}

/**
 * What the kernel's MPTCP_INFO says of a connection: counts of subflows leave the initial one out unless they say otherwise. What an older
 * kernel does not tell is undefined.
 */
export interface KernelInfo {
  /** Subflows that are open, with the initial one (Linux 6.8). */
  readonly totalSubflows: number | undefined;
  /** Subflows that joined, and how many may. */
  readonly joinedSubflows: number;
  readonly maxJoinedSubflows: number;
  /** Addresses announced to the peer, and how many may be. */
  readonly announcedAddresses: number;
  readonly maxAnnouncedAddresses: number;
  /** Addresses of the peer that were accepted, and how many may be. */
  readonly acceptedAddresses: number;
  readonly maxAcceptedAddresses: number;
  /** Own addresses in use beside the first, and how many may be. */
  readonly localAddresses: number | undefined;
  readonly maxLocalAddresses: number | undefined;
  /** Whether checksums of the data are in use (Linux 5.19). */
  readonly hasChecksum: boolean | undefined;
  /** Whether the peer's key came. */
  readonly isRemoteKeyKnown: boolean;
  /** Bytes given to the connection that the peer has not acknowledged at the data level. */
  readonly unacknowledgedBytes: number;
  /** Bytes at the data level (Linux 6.5); what goes over several subflows counts once. */
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly bytesAcked: number | undefined;
  /** Bytes sent again on another subflow, and how often (Linux 6.5). */
  readonly bytesRetransmitted: number | undefined;
  readonly retransmissions: number | undefined;
  /** Time since data was sent, since data came, and since an acknowledgment came (Linux 6.10). */
  readonly lastDataSentMs: number | undefined;
  readonly lastDataReceivedMs: number | undefined;
  readonly lastAckReceivedMs: number | undefined;
}

/** How Fast Open went for a connection. */
export interface FastOpenInfo {
  /** Whether the server took data from the SYN. */
  readonly isAccepted: boolean;
  /** Bytes that the SYN carried, in the direction of the SYN; undefined with the kernel transport, which does not tell. */
  readonly sentBytes: number | undefined;
  /** How many of them the server took; undefined with the kernel transport. */
  readonly acceptedBytes: number | undefined;
}

/** What an 'address' event says; with the kernel transport after {@link Multipath.watchSubflows}. */
export interface AddressEvent {
  readonly type: 'announced' | 'removed';
  readonly id: number;
  /** For `announced` only. */
  readonly address?: string;
  /** For `announced` only: the port to connect to. */
  readonly port?: number;
}

/** What an option for private use carries (MP_EXPERIMENTAL, RFC 8684 §7.2). */
export interface ExperimentContent {
  /** 0 to 15: in the option beside its subtype. */
  readonly nibble: number;
  /** What follows, at most 25 bytes. */
  readonly body: Uint8Array;
}

/** What an 'experiment' event says; userspace transport only. */
export interface ExperimentEvent extends ExperimentContent {
  /** The subflow that it came on. */
  readonly subflow: SubflowInfo;
}

/** What a 'subflow' event says; with the kernel transport after {@link Multipath.watchSubflows}. */
export interface SubflowEvent {
  readonly type: 'opened' | 'closed' | 'priority';
  readonly subflow: SubflowInfo;
  /** Why it was closed, for `closed` only: `normal`, `reset`, `timeout`, `refused`, `unreachable` or `aborted`. */
  readonly reason?: string;
  /** Reason code of MP_TCPRST (RFC 8684 §3.6), for `closed` only, where there was one. */
  readonly resetReason?: number;
}

/** What Multipath TCP adds to a socket. */
export interface Multipath {
  readonly transport: Transport;
  /** Whether the connection speaks Multipath TCP now: false before it is established and after a fallback to TCP. */
  readonly isMultipath: boolean;
  /** The subflows as they are now; for plain TCP the one connection there is; empty when not connected. */
  readonly subflows: SubflowInfo[];
  /** How the connection stands, as it is now. */
  readonly multipath: MultipathInfo;
  /**
   * How Fast Open went; undefined for a client that did not ask for it or whose SYN is not answered yet, and for a server
   * that took no data from the SYN.
   */
  readonly fastOpen: FastOpenInfo | undefined;
  /**
   * Opens a subflow, whatever the path manager thinks, and gives it once it is part of the connection. Waits for the
   * connection where that is not ready. Fails with a code of `net`'s when the peer or the path does not answer;
   * otherwise docs/api.md lists the codes.
   */
  openSubflow(options?: OpenSubflowOptions): Promise<SubflowInfo>;
  /**
   * Closes a subflow; what it has not delivered goes over the others. It is not opened again unless asked for. Throws
   * `ERR_SUBFLOW_NO_SUCH_SUBFLOW`.
   */
  closeSubflow(id: number): void;
  /** Makes a subflow a backup or a regular one, and tells the peer. Throws `ERR_SUBFLOW_NO_SUCH_SUBFLOW`. */
  setBackup(id: number, backup: boolean): void;
  /**
   * Announces an address to the peer (ADD_ADDR) under an address ID of the caller's choice, 1 to 255; port 0: the
   * connection's. False where that cannot be now: the peer has not confirmed Multipath TCP, as many are announced as may
   * be, or the ID stands for another address. The kernel transport does it where its path manager is the userspace one, and
   * throws `ERR_SUBFLOW_UNSUPPORTED` where it is not.
   */
  announceAddress(id: number, address: string, port?: number): boolean;
  /** Withdraws an address (REMOVE_ADDR) and closes the subflows that use it; see {@link Multipath.announceAddress}. */
  withdrawAddress(id: number): void;
  /**
   * Has the socket emit 'subflow' and 'address' from now on. The userspace transport does so always; the kernel transport
   * asks the kernel for it, whatever its path manager: Linux 5.12 or newer, and `CAP_NET_ADMIN`. Throws `ENOTCONN` before
   * the socket is connected, `EPERM` without the right, `ERR_SUBFLOW_FALLBACK` for plain TCP, `ERR_SUBFLOW_UNSUPPORTED`.
   */
  watchSubflows(): void;
  /**
   * Sends an option for private use on the subflow number `id`, unreliably; false where it cannot carry it now. The peer
   * hears it as an 'experiment' event where its host has the setting `hearExperiments`. Userspace transport only; throws
   * `ERR_SUBFLOW_UNSUPPORTED` with the kernel's, and `ERR_SUBFLOW_BAD_OPTION` for one that is too long.
   */
  sendExperiment(id: number, content: ExperimentContent): boolean;
}

/** How a connection came about that was to go through a converter (RFC 8803). */
export interface ConvertedInfo {
  /** Through the converter; or straight to the server, which speaks Multipath TCP, or because the converter rests. */
  readonly way: 'converter' | 'direct';
  /** Why directly; undefined through the converter. */
  readonly reason: 'server-is-multipath' | 'converter-rests' | undefined;
  /** Whether the server speaks Multipath TCP with the converter; undefined where the converter does not tell, and directly. */
  readonly isServerMultipath: boolean | undefined;
}

/**
 * A connection: a Duplex with the properties, methods, events and error codes of `net.Socket`, and what
 * {@link Multipath} adds. With the kernel transport it is a `net.Socket`.
 */
export interface Socket extends Duplex, Multipath {
  /** Whether it looks for its peer. */
  readonly connecting: boolean;
  /** Whether it is not connected yet. */
  readonly pending: boolean;
  readonly readyState: 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed';
  /** Address, family (`IPv4` or `IPv6`) and port of both ends of the initial subflow; undefined when not connected. */
  readonly localAddress?: string | undefined;
  readonly localFamily?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remoteFamily?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Addresses tried, as `address:port`. */
  readonly autoSelectFamilyAttemptedAddresses?: string[] | undefined;
  /** How a connection that was to go through a converter came about; undefined before, and for any other. */
  readonly converted?: ConvertedInfo | undefined;
  /** Bytes received from the peer. */
  readonly bytesRead: number;
  /** Bytes written, those that wait included. */
  readonly bytesWritten: number;
  /** As set by {@link Socket.setTimeout}, in ms. */
  readonly timeout?: number | undefined;
  /** This end of the initial subflow; an empty object when not connected. */
  address(): SocketAddressInfo;
  /** 'timeout' is emitted after `ms` without bytes in either direction; 0 switches it off. */
  setTimeout(ms: number, listener?: () => void): this;
  /** Sends small writes at once instead of waiting for more (no Nagle). */
  setNoDelay(noDelay?: boolean): this;
  /** Probes a peer that is silent for `initialDelay` ms. */
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** The open socket keeps the process alive: so it is at first. */
  ref(): this;
  /** The open socket does not keep the process alive. */
  unref(): this;
  /** Destroys the socket once all that was written is on its way. */
  destroySoon(): void;
  /** Ends the connection with a reset. */
  resetAndDestroy(): this;
}

/** What `address()` gives: as `net`, an empty object when there is none. */
export type SocketAddressInfo = AddressInfo | object;
