/**
 * Sockets of the kernel transport: those of `node:net`, on a descriptor that speaks Multipath TCP. Name look-up, several
 * addresses, streams, time-outs and errors are all `net`'s; this module puts the descriptor in place before `net`
 * connects it, and asks the kernel about subflows.
 */
import { closeSync } from 'node:fs';
import { isIP, Socket as NetSocket, type TcpSocketConnectOpts } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { SubflowError } from '../base/index.js';
import {
  bind,
  descriptorOf,
  encodeSocketAddress,
  isMultipath,
  openKernelSocket,
  plainTcpInfo,
  setCongestionControl,
  subflowTcpInfo,
  subflowsOf,
  type KernelSubflow,
  type KernelTcpInfo,
} from '../linux/index.js';
import { prepareKernelClient } from './fast-open.js';
import type { ConnectOptions } from './options.js';
import { codeOf, netError } from './net-error.js';
import {
  announceAddress,
  closeSubflow,
  describeConnection,
  openSubflow,
  setBackup,
  tokenOf,
  withdrawAddress,
} from './kernel-subflow-control.js';
import { watchKernelSubflows } from './kernel-subflow-events.js';
import { KernelService } from './kernel-service/index.js';
import { kernelCongestionName } from './multipath-options.js';
import type {
  FastOpenInfo,
  Multipath,
  MultipathInfo,
  OpenSubflowOptions,
  Socket,
  SubflowInfo,
  SubflowState,
} from './socket.js';
import { nothingKnown } from './userspace-subflow-control.js';

/** The part of `net`'s handle that is used here. */
interface TcpHandle {
  open(fd: number): number;
  connect: () => number;
  connect6: () => number;
}

/** TCP's states as the kernel numbers them (tcp_states.h); those left out are on the way to the end. */
const subflowStates: Readonly<Record<number, SubflowState>> = {
  1: 'active',
  2: 'opening',
  3: 'opening',
  7: 'closed',
  12: 'opening',
};

/** What libuv returns for a call that cannot be. */
const UV_EINVAL = -22;

/** A socket of `net` that knows of its subflows. It has no state of its own, so that an accepted one can become one. */
export class KernelSocket extends NetSocket implements Multipath {
  get transport(): 'kernel' {
    return 'kernel';
  }

  get isMultipath(): boolean {
    const fd = liveDescriptor(this);
    return fd !== undefined && isMultipath(fd);
  }

  get subflows(): SubflowInfo[] {
    const fd = liveDescriptor(this);
    if (fd === undefined) return [];
    return subflowsOf(fd)?.map(describe) ?? plainSubflow(this);
  }

  get multipath(): MultipathInfo {
    const fd = liveDescriptor(this);
    return fd === undefined ? nothingKnown : describeConnection(fd);
  }

  get fastOpen(): FastOpenInfo | undefined {
    const fd = liveDescriptor(this);
    return fd !== undefined && isSynDataAccepted(fd) ? describeFastOpen(true) : undefined;
  }

  async openSubflow(options: OpenSubflowOptions = {}): Promise<SubflowInfo> {
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = this;
    const local = { address: localAddress, port: localPort };
    const remote = { address: remoteAddress, port: remotePort };
    return describe(await openSubflow(() => liveDescriptor(this), { local, remote }, options));
  }

  closeSubflow(id: number): void {
    closeSubflow(this.descriptor(), id);
  }

  setBackup(id: number, backup: boolean): void {
    setBackup(this.descriptor(), id, backup);
  }

  announceAddress(id: number, address: string, port = 0): boolean {
    return announceAddress(this.descriptor(), id, address, port);
  }

  withdrawAddress(id: number): void {
    withdrawAddress(this.descriptor(), id);
  }

  watchSubflows(): void {
    watchKernelSubflows(this, tokenOf(this.descriptor()));
  }

  sendExperiment(): never {
    throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', 'the kernel has no MP_EXPERIMENTAL', {
      hint: 'Use the userspace transport.',
    });
  }

  private descriptor(): number {
    const fd = liveDescriptor(this);
    if (fd === undefined) throw netError('ENOTCONN', 'subflow');
    return fd;
  }
}

/** Makes a socket that `net` accepted one of ours. */
export function adopt(socket: NetSocket): Socket {
  return Object.setPrototypeOf(socket, KernelSocket.prototype) as Socket;
}

/** Has the service look after the connection of a socket, from when it is connected for as long as it is. */
export function serveKernelSocket(socket: NetSocket, service: KernelService): void {
  const begin = (): void => {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const remote = { address: remoteAddress, port: remotePort };
    service.begin({ descriptor: () => liveDescriptor(socket), remote });
  };
  socket.once('close', () => service.close());
  if (socket.connecting || socket.pending) socket.once('connect', begin);
  else begin();
}

/** The descriptor of a socket that is connected; undefined for any other. */
function liveDescriptor(socket: NetSocket): number | undefined {
  return socket.connecting || socket.destroyed || socket.pending ? undefined : descriptorOf(socket);
}

/** TCP's states of the initial subflow and all others, or of the connection that is plain TCP. */
function tcpInfoOf(fd: number): KernelTcpInfo[] {
  const infos = subflowTcpInfo(fd);
  const plain = infos.length > 0 ? undefined : plainTcpInfo(fd);
  return plain === undefined ? infos : [plain];
}

/** Only the initial subflow may have it, and it has it for as long as it lives. */
function isSynDataAccepted(fd: number): boolean {
  return tcpInfoOf(fd).some(({ synDataAccepted }) => synDataAccepted);
}

/** With Fast Open the kernel takes a socket for connected before the peer answered. */
function isAnswered(fd: number): boolean {
  return tcpInfoOf(fd).some(({ state }) => subflowStates[state] === 'active');
}

function describeFastOpen(isAccepted: boolean): FastOpenInfo {
  return { isAccepted, sentBytes: undefined, acceptedBytes: undefined };
}

function describe({ id, local, remote, tcp }: KernelSubflow): SubflowInfo {
  return {
    id,
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: remote.address,
    remotePort: remote.port,
    backup: undefined,
    state: subflowStates[tcp.state] ?? 'closing',
    rttMs: tcp.srttNs === 0 ? undefined : tcp.srttNs / 1e6,
    bytesSent: Number(tcp.bytesSent ?? 0n),
    bytesReceived: Number(tcp.bytesReceived ?? 0n),
    retransmissions: tcp.retransmittedSegments,
    cwndBytes: tcp.cwndSegments * tcp.sendMss,
  };
}

/** What a connection that is plain TCP shows: itself. */
function plainSubflow(socket: NetSocket): SubflowInfo[] {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return [];
  if (remoteAddress === undefined || remotePort === undefined) return [];
  return [
    {
      id: 0,
      localAddress,
      localPort,
      remoteAddress,
      remotePort,
      backup: false,
      state: 'active',
      rttMs: undefined,
      bytesSent: socket.bytesWritten,
      bytesReceived: socket.bytesRead,
      retransmissions: 0,
      cwndBytes: 0,
    },
  ];
}

/** A socket that connects. */
export class KernelClientSocket extends KernelSocket {
  protected readonly wanted: ConnectOptions;
  /** Why the last attempt could not even begin; takes the place of what `net` makes of it. */
  private failure: Error | undefined;
  /** Whether `net` is between announcing an attempt and making it, where it does not reckon with a handle that is gone. */
  private isInAttempt = false;

  constructor(options: ConnectOptions, service?: KernelService, onread?: OnReadOptions) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false, ...(onread !== undefined && { onread }) });
    if (service !== undefined) serveKernelSocket(this, service);
    this.wanted = options;
    this.failure = undefined;
    // The last word before net connects: the handle has no descriptor yet, and would open one for plain TCP.
    this.on('connectionAttempt', (address: string, port: number, family: number) => {
      this.isInAttempt = true;
      process.nextTick(() => (this.isInAttempt = false));
      this.prepare(address, port, family === 6 ? 6 : 4);
    });
  }

  override get fastOpen(): FastOpenInfo | undefined {
    const { fastOpen = false } = this.wanted;
    const fd = liveDescriptor(this);
    if (fastOpen === false || fd === undefined || !isAnswered(fd)) return undefined;
    return describeFastOpen(isSynDataAccepted(fd));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.isInAttempt) {
      process.nextTick(() => this._destroy(error, callback));
      return;
    }
    super._destroy(error !== null && this.failure !== undefined ? this.failure : error, callback);
  }

  /** Puts a Multipath TCP descriptor under the handle, bound as the user wants it. */
  private prepare(address: string, port: number, family: 4 | 6): void {
    const handle = (this as unknown as { _handle: TcpHandle })._handle;
    let fd = -1;
    try {
      fd = openKernelSocket({ family, protocol: this.wanted.serviceType === 'none' ? 'tcp' : 'mptcp' });
      const { congestion, fastOpen, localAddress, localPort } = this.wanted;
      prepareKernelClient(fd, fastOpen);
      if (typeof congestion === 'string') setCongestionControl(fd, kernelCongestionName(congestion));
      if (localAddress !== undefined || localPort !== undefined) {
        bindLocal(fd, localAddress ?? (family === 4 ? '0.0.0.0' : '::'), localPort ?? 0);
      }
      if (handle.open(fd) === 0) return;
      this.failure = netError('EINVAL', 'open');
    } catch (error) {
      const code = codeOf(error);
      const isOwn =
        (error as { syscall?: string }).syscall === 'bind' ||
        code === undefined ||
        code.startsWith('ERR_SUBFLOW');
      this.failure = isOwn ? (error as Error) : netError(code, 'socket', { address, port });
    }
    if (fd >= 0) closeSync(fd);
    // No attempt without Multipath TCP in its place.
    handle.connect = handle.connect6 = () => UV_EINVAL;
  }
}

/** Binds as `net` would, with its errors. */
function bindLocal(fd: number, address: string, port: number): void {
  try {
    bind(fd, encodeSocketAddress(address, port));
  } catch (error) {
    throw netError(codeOf(error) ?? 'EINVAL', 'bind', { address, port });
  }
}

/** What `net.Socket` reads with instead of its stream. */
type OnReadOptions = NonNullable<TcpSocketConnectOpts['onread']>;

/** The service that the options ask for. Throws as {@link KernelService} does. */
export function kernelServiceOf({
  serviceType = 'none',
  serviceOptions,
}: ConnectOptions): KernelService | undefined {
  return serviceType === 'none' ? undefined : new KernelService({ type: serviceType, ...serviceOptions });
}

/**
 * Begins a connection through the kernel; `onread` as of `net.Socket`. Throws as {@link KernelService} does, before anything is
 * opened.
 */
export function connectKernelSocket(options: ConnectOptions, onread?: OnReadOptions): Socket {
  const socket = new KernelClientSocket(options, kernelServiceOf(options), onread);
  // Not net's own option: a signal that was aborted before would destroy the socket while net goes on to connect it.
  if (options.signal !== undefined) addAbortSignal(options.signal, socket);
  if (socket.destroyed) return socket;
  const { localAddress } = options;
  const family = localAddress === undefined ? options.family : isIP(localAddress);
  // The socket binds by itself: net would do it before there is a descriptor.
  const forNet = { ...options, family, localAddress: undefined, localPort: undefined };
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  socket.connect(forNet as TcpSocketConnectOpts);
  return socket;
}
