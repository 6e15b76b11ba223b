/** Connects from this host, over Multipath TCP where the kernel has it: the first address of a name that answers. */
import {
  isMultipath,
  kernelMptcp,
  type KernelTcpInfo,
  localAddressOf,
  mayConnectFastOpen,
  plainTcpInfo,
  subflowTcpInfo,
} from '../../linux/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import { checkKernelService } from '../kernel-service/index.js';
import { netError } from '../net-error.js';
import type { ConnectOptions } from '../options.js';
import { connectForRelay, type RelayConnectOptions, type RelaySocket } from '../relay/index.js';
import { type Lookup, permittedAddresses } from './permitted-addresses.js';
import { type Attempt, race } from './race.js';
import type { OpenedConnection, Upstream, UpstreamRequest } from './upstream.js';

/** How connections from this host are to be. */
export interface DirectOptions {
  /** Over plain TCP. Default: where the kernel has no Multipath TCP. */
  readonly isPlain?: boolean | undefined;
  /** What is wanted of several paths; needs Multipath TCP. */
  readonly serviceType?: ConnectOptions['serviceType'];
  readonly serviceOptions?: ConnectOptions['serviceOptions'];
  /**
   * Whether what is said to the nearest proxy first may go with the SYN, where there is one. Data of the application goes
   * with it only where the client asks for that. Default false.
   */
  readonly fastOpen?: boolean | undefined;
  /** In place of `dns.lookup`. */
  readonly lookup?: Lookup | undefined;
  /** Mark of all packets (needs CAP_NET_ADMIN); see `ConnectOptions.mark`. */
  readonly mark?: number | undefined;
  /** Address of this host to connect from; default: as the kernel chooses. */
  readonly localAddress?: string | undefined;
}

/** What a connection is to be like. */
export type ConnectWishes = Pick<UpstreamRequest, 'signal' | 'isMultipath'> & {
  /** Whether the SYN may leave with the first write. */
  readonly isFastOpen: boolean;
};

/** See the module. */
export class DirectUpstream implements Upstream {
  readonly name = 'direct';
  readonly isDirect = true;
  readonly lookup: Lookup | undefined;
  private readonly options: DirectOptions;
  private readonly isPlain: boolean;

  /** Throws as `connect` does where a service type cannot be had: no connection would come about. */
  constructor(options: DirectOptions = {}) {
    this.options = options;
    this.lookup = options.lookup;
    this.isPlain = options.isPlain === true || !kernelMptcp().available;
    const { serviceType = 'none' } = options;
    if (!this.isPlain && serviceType !== 'none') checkKernelService();
  }

  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    const { host, port, rules, signal } = request;
    const addresses = await permittedAddresses(host, rules, signal, this.lookup);
    const early = request.early.subarray(0, request.synBytes ?? 0);
    const isFastOpen = early.length > 0;
    const end = await this.connect(addresses, port, { ...request, isFastOpen });
    // The answer may come with the server's SYN, before anybody else listens.
    const received = isFastOpen ? await this.sendEarly(end, early, signal) : new Uint8Array(0);
    const { fd } = end;
    return {
      ...{ end, received, way: this.name },
      earlyBytes: early.length,
      bound: fd === undefined ? undefined : localEndpoint(fd),
      isServerMultipath: fd !== undefined && isMultipath(fd),
      synBytes: isFastOpen && fd !== undefined && tcpInfoOf(fd)?.synDataAccepted === true ? early.length : 0,
    };
  }

  /** Settles when the peer has answered the SYN that carries `early`, with what it said by then; nothing more is read. */
  private async sendEarly(end: RelaySocket, early: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    let received = new Uint8Array(0);
    end.listen({
      onBytes: (bytes) => {
        received = bytes.slice();
        return false;
      },
      onEnd: () => undefined,
      onRoom: () => undefined,
      onClose: () => undefined,
    });
    end.write(early);
    await established(end, signal);
    return received;
  }

  /**
   * A connection to the first of `addresses` that answers; rejects as {@link race} does. With `isFastOpen`, to one address,
   * it may be one that has yet to answer: its SYN leaves with the first write.
   */
  connect(addresses: readonly IpAddress[], port: number, wishes: ConnectWishes): Promise<RelaySocket> {
    const { serviceType, serviceOptions, mark, localAddress } = this.options;
    const isPlain = wishes.isMultipath === false || this.isPlain;
    // Several addresses are raced for answers, and there is none to be had by then (RFC 7413 §4.1.3: a host at a time).
    const fastOpen = wishes.isFastOpen && addresses.length === 1 && mayConnectFastOpen();
    const options = { port, isPlain, mark, localAddress, fastOpen, serviceType, serviceOptions };
    const attempts = addresses.map((address): Attempt<RelaySocket> => {
      return (signal) => connected({ ...options, address }, signal);
    });
    const discard = (late: RelaySocket): void => late.reset();
    return race(attempts, wishes.signal, { headStartMs: ATTEMPT_DELAY_MS, discard });
  }
}

/** Time between the beginnings of two attempts, in ms (RFC 8305 §8: the recommended one). */
const ATTEMPT_DELAY_MS = 250;

/** Settles when there is a connection. */
function connected(options: RelayConnectOptions, signal: AbortSignal): Promise<RelaySocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const end = connectForRelay(options, (error) => {
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve(end);
      else reject(error);
    });
    const abort = (): void => {
      end.reset();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** The kernel's numbers of TCP's states (tcp_states.h). */
const SYN_SENT = 2;
const CLOSED = 7;
/** Longest time between two looks at a connection that is being made, in ms. */
const MAX_LOOK_MS = 32;

/**
 * Settles when the peer has answered the SYN: of a connection whose SYN left with data, nothing else tells. Rejects
 * with why it did not come about, or with the reason of `signal`; the connection is reset then.
 */
async function established(end: RelaySocket, signal: AbortSignal): Promise<void> {
  for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, MAX_LOOK_MS)) {
    const state = end.fd === undefined ? CLOSED : tcpInfoOf(end.fd)?.state;
    if (state === CLOSED) throw await failureOf(end);
    if (state !== SYN_SENT) return;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (!signal.aborted) continue;
    end.reset();
    throw signal.reason as Error;
  }
}

/** Why a connection that is closed is: a read tells. */
function failureOf(end: RelaySocket): Promise<Error> {
  return new Promise((resolve) => {
    const over = (error?: Error): void => resolve(error ?? netError('ECONNRESET', 'connect'));
    end.listen({ onBytes: () => false, onEnd: over, onRoom: () => undefined, onClose: over });
    end.resume();
  }).then((error) => {
    end.reset();
    return error as Error;
  });
}

/** TCP's state of the first subflow, or of the connection that is plain TCP. */
function tcpInfoOf(fd: number): KernelTcpInfo | undefined {
  return subflowTcpInfo(fd)[0] ?? plainTcpInfo(fd);
}

/** This host's end of a connection. */
export function localEndpoint(fd: number): Endpoint | undefined {
  const { address, port } = localAddressOf(fd);
  const parsed = IpAddress.parse(address);
  return parsed === undefined ? undefined : { address: parsed.mappedV4 ?? parsed, port };
}
