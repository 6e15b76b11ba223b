/**
 * The calls by which a program has its say in the subflows of one userspace connection (RFC 6897 §5): open, close, make
 * backup. Checks what it is asked for, and gives the reason where the answer is no.
 */
import { isIP } from 'node:net';
import { SubflowError } from '../base/index.js';
import type { Subflow, SubflowCloseReason } from '../mptcp/index.js';
import type { PathNotice, Socket as StackSocket } from '../stack/index.js';
import { IpAddress, isSameEndpoint, type Endpoint } from '../wire/index.js';
import { engineFallback } from './fallback-info.js';
import { argumentType } from './option-error.js';
import { netError } from './net-error.js';
import type { ExperimentContent, MultipathInfo, OpenSubflowOptions, SubflowInfo } from './socket.js';
import type { UserspaceHost } from './userspace-host.js';
import { describeSubflow } from './userspace-subflow.js';

/** Subflows of one connection that may wait for the connection to be ready for them. */
const MAX_WAITING = 16;

/** A subflow that was asked for. */
interface Wish {
  readonly options: OpenSubflowOptions;
  readonly resolve: (subflow: SubflowInfo) => void;
  readonly reject: (error: Error) => void;
}

/** What `net` would say of a subflow that did not come about. */
const failureCodes: Readonly<Record<SubflowCloseReason, string>> = {
  normal: 'ECONNRESET',
  reset: 'ECONNRESET',
  timeout: 'ETIMEDOUT',
  refused: 'ECONNREFUSED',
  unreachable: 'EHOSTUNREACH',
  aborted: 'ECONNABORTED',
};

/** Throws unless the options of `openSubflow` are such. */
export function checkSubflowOptions(options: OpenSubflowOptions): void {
  if (typeof options !== 'object' || options === null) throw argumentType('options', 'an object');
  const { localAddress, remoteAddress, localPort, remotePort, backup } = options;
  for (const [name, value] of Object.entries({ localAddress, remoteAddress })) {
    if (value !== undefined && (typeof value !== 'string' || isIP(value) === 0))
      throw new SubflowError('ERR_INVALID_IP_ADDRESS', `${name} '${String(value)}' is not an IP address`);
  }
  for (const [name, value] of Object.entries({ localPort, remotePort })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 65_535))
      throw new SubflowError('ERR_SOCKET_BAD_PORT', `${name} should be 0 to 65535, not ${String(value)}`);
  }
  if (backup !== undefined && typeof backup !== 'boolean') throw argumentType('backup', 'a boolean');
}

/** The connection has no subflow of that number. */
export function noSuchSubflow(id: number): SubflowError {
  return new SubflowError('ERR_SUBFLOW_NO_SUCH_SUBFLOW', `the connection has no open subflow ${String(id)}`, {
    hint: 'socket.subflows lists those there are.',
  });
}

/** The connection is plain TCP, and there is one subflow for good. */
export function fellBack(): SubflowError {
  return new SubflowError(
    'ERR_SUBFLOW_FALLBACK',
    'the connection is plain TCP: its peer, or the path, declined more',
    {
      hint: 'socket.isMultipath tells beforehand.',
    },
  );
}

export class SubflowControl {
  private readonly host: UserspaceHost;
  private inner: StackSocket | undefined = undefined;
  /** Wishes that wait for the peer to confirm Multipath TCP. */
  private waiting: Wish[] = [];
  /** Subflows that are being opened. */
  private readonly opening = new Map<Subflow, Wish>();

  constructor(host: UserspaceHost) {
    this.host = host;
  }

  /** The connection is there. */
  attach(inner: StackSocket): void {
    this.inner = inner;
    this.proceed();
  }

  /** Settles when the subflow is open, or cannot be; waits for the connection where need be. */
  open(options: OpenSubflowOptions, isConnecting: boolean): Promise<SubflowInfo> {
    return new Promise((resolve, reject) => {
      checkSubflowOptions(options);
      if (!isConnecting && this.inner?.state !== 'open') throw netError('ENOTCONN', 'openSubflow');
      if (this.waiting.length >= MAX_WAITING) throw tooMany(MAX_WAITING);
      this.waiting.push({ options: { ...options }, resolve, reject });
      this.proceed();
    });
  }

  /** Closes the subflow number `id`. */
  close(id: number): void {
    const [inner, subflow] = this.find(id);
    inner.closeSubflow(this.host.now(), subflow);
    this.host.wake();
  }

  /** Makes the subflow number `id` a backup, or a regular one. */
  setBackup(id: number, backup: boolean): void {
    if (typeof backup !== 'boolean') throw argumentType('backup', 'a boolean');
    const [inner, subflow] = this.find(id);
    inner.setBackup(this.host.now(), subflow, backup);
    this.host.wake();
  }

  /** Announces an address; see `Socket.announceAddress`. */
  announceAddress(id: number, address: string, port: number): boolean {
    checkSubflowOptions({ localAddress: address, localPort: port });
    checkAddressId(id);
    const endpoint = { address: IpAddress.parse(address)!, port };
    const isAnnounced = this.connected().announceAddress(this.host.now(), endpoint, id);
    this.host.wake();
    return isAnnounced;
  }

  /** Withdraws an address; see `Socket.withdrawAddress`. */
  withdrawAddress(id: number): void {
    checkAddressId(id);
    this.connected().withdrawAddress(this.host.now(), id);
    this.host.wake();
  }

  /** Sends an option for private use; see `Socket.sendExperiment`. */
  sendExperiment(id: number, content: ExperimentContent): boolean {
    if (!(content?.body instanceof Uint8Array)) throw argumentType('body', 'a Uint8Array');
    const [inner, subflow] = this.find(id);
    const isSent = inner.sendExperiment(this.host.now(), subflow, content);
    this.host.wake();
    return isSent;
  }

  handleNotice(notice: PathNotice): void {
    switch (notice.type) {
      case 'confirmed':
      case 'fallback':
        this.proceed();
        break;
      case 'subflow-opened':
        this.settle(notice.subflow, (wish) => wish.resolve(describeSubflow(notice.subflow)));
        break;
      case 'subflow-closed': {
        const { address, port } = notice.subflow.remote;
        const place = { address: address.toString(), port };
        this.settle(notice.subflow, (wish) =>
          wish.reject(netError(failureCodes[notice.reason], 'openSubflow', place)),
        );
        break;
      }
      default:
    }
  }

  /** The connection is over: nothing comes of what still waits. */
  end(): void {
    const wishes = [...this.waiting, ...this.opening.values()];
    this.inner = undefined;
    this.waiting = [];
    this.opening.clear();
    for (const wish of wishes) wish.reject(netError('ECONNABORTED', 'openSubflow'));
  }

  /** How the connection stands; see {@link MultipathInfo}. */
  describe(): MultipathInfo {
    const connection = this.inner?.connection;
    if (connection === undefined || this.inner?.state !== 'open') return nothingKnown;
    const { settings } = connection;
    return {
      version: connection.isFallback ? undefined : connection.version,
      fallbackCause: connection.fallbackCause,
      fallback: engineFallback(connection.fallbackCause),
      kernel: undefined,
      token: connection.localToken,
      scheduler: connection.schedulerName,
      pathManager: connection.pathManagerName,
      congestion: connection.subflows[0]?.tcp.congestionName,
      maxSubflows: connection.isFallback ? 1 : settings.maxSubflows,
      remoteAddresses: connection.remoteAddresses.map(({ id, address, port }) => ({
        id,
        address: address.toString(),
        port,
      })),
    };
  }

  private settle(subflow: Subflow, action: (wish: Wish) => void): void {
    const wish = this.opening.get(subflow);
    if (wish === undefined) return;
    this.opening.delete(subflow);
    action(wish);
  }

  /** Grants what waits, as soon as that can be. */
  private proceed(): void {
    const { inner } = this;
    if (inner?.state !== 'open') return;
    const { isConfirmed, isFallback } = inner.connection;
    if (!isConfirmed && !isFallback) return;
    const wishes = this.waiting;
    this.waiting = [];
    for (const wish of wishes) this.grant(inner, wish);
  }

  private grant(inner: StackSocket, wish: Wish): void {
    const { options } = wish;
    const local: Endpoint = {
      address: parse(options.localAddress) ?? inner.local.address,
      port: options.localPort ?? 0,
    };
    const remote: Endpoint = {
      address: parse(options.remoteAddress) ?? inner.remote.address,
      port: options.remotePort ?? inner.remote.port,
    };
    const refusal = this.refusalOf(inner, local, remote);
    const backup = options.backup ?? false;
    const announced = inner.connection.remoteAddresses.find((known) => isSameEndpoint(known, remote));
    const request = { local, remote, backup, remoteId: announced?.id ?? 0 };
    const subflow = refusal === undefined ? inner.openSubflow(this.host.now(), request) : undefined;
    if (subflow === undefined) {
      wish.reject(refusal ?? netError('EADDRINUSE', 'openSubflow', place(local)));
      return;
    }
    this.opening.set(subflow, wish);
    this.host.wake();
  }

  /** Why the connection would not have the subflow; undefined where nothing speaks against it but a port in use. */
  private refusalOf(inner: StackSocket, local: Endpoint, remote: Endpoint): Error | undefined {
    const { connection } = inner;
    if (connection.isFallback) return fellBack();
    if (local.address.family !== remote.address.family) {
      return new SubflowError(
        'ERR_INVALID_ARG_VALUE',
        'localAddress and remoteAddress are of different families',
      );
    }
    const device = this.host.stack.interfaces.find(({ addresses }) =>
      addresses.some(({ address }) => address.equals(local.address)),
    );
    if (device === undefined) return netError('EADDRNOTAVAIL', 'openSubflow', place(local));
    if (!device.up) return netError('ENETDOWN', 'openSubflow', place(local));
    const { maxSubflows } = connection.settings;
    if (connection.subflows.filter(({ state }) => state !== 'closed').length >= maxSubflows)
      return tooMany(maxSubflows);
    const isInitial = isSameEndpoint(remote, inner.remote);
    if (isInitial && !connection.remoteAddresses.some(({ id }) => id === 0)) {
      return new SubflowError(
        'ERR_SUBFLOW_FORBIDDEN',
        'the peer takes no further subflows to the address it was reached at',
        {
          hint: 'Give a remoteAddress that it announced: socket.multipath.remoteAddresses lists them.',
        },
      );
    }
    return undefined;
  }

  /** The engine's socket of a connection that stands and is Multipath TCP. */
  private connected(): StackSocket {
    const { inner } = this;
    if (inner?.state !== 'open') throw netError('ENOTCONN', 'subflow');
    if (inner.connection.isFallback) throw fellBack();
    return inner;
  }

  private find(id: number): readonly [StackSocket, Subflow] {
    const inner = this.connected();
    const subflow = inner.connection.subflows.find((each) => each.id === id && each.state !== 'closed');
    if (subflow === undefined) throw noSuchSubflow(id);
    return [inner, subflow];
  }
}

/** ID 0 is the address that the connection began with, which needs no announcement. */
export function checkAddressId(id: number): void {
  if (Number.isInteger(id) && id >= 1 && id <= 255) return;
  throw new SubflowError('ERR_SUBFLOW_BAD_ADDRESS_ID', `an address ID is 1 to 255, not ${String(id)}`);
}

/** Of a socket that is not connected. */
export const nothingKnown: MultipathInfo = Object.freeze({
  version: undefined,
  fallbackCause: undefined,
  fallback: undefined,
  kernel: undefined,
  token: undefined,
  scheduler: undefined,
  pathManager: undefined,
  congestion: undefined,
  maxSubflows: undefined,
  remoteAddresses: undefined,
});

function parse(text: string | undefined): IpAddress | undefined {
  return text === undefined ? undefined : IpAddress.parse(text);
}

function place({ address, port }: Endpoint): { address: string; port: number } {
  return { address: address.toString(), port };
}

function tooMany(limit: number): SubflowError {
  return new SubflowError('ERR_SUBFLOW_LIMIT', `the connection has ${limit} subflows, as many as may be`, {
    hint: 'Close one, or raise settings.mptcp.maxSubflows of the host.',
  });
}
