/**
 * Sockets of the kernel transport: those of `node:net`, on a descriptor that speaks Multipath TCP. Name look-up, several
 * addresses, streams, time-outs and errors are all `net`'s; this module puts the descriptor in place before `net`
 * connects it, and asks the kernel about subflows.
 */
import { isIP, Socket as NetSocket, type TcpSocketConnectOpts } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { SubflowError } from '../base/index.js';
import { descriptorOf, isMultipath } from '../linux/index.js';
import type { ConnectOptions } from './options.js';
import { isKernelAsked, KernelAttempts } from './kernel-attempts.js';
import {
  describeConnection,
  describeFastOpen,
  describeSubflow,
  describeSubflows,
  isAnswered,
  isSynDataAccepted,
} from './kernel-info.js';
import type { Lack } from './kernel-origin.js';
import { netError } from './net-error.js';
import {
  announceAddress,
  closeSubflow,
  openSubflow,
  setBackup,
  tokenOf,
  withdrawAddress,
} from './kernel-subflow-control.js';
import { watchKernelSubflows } from './kernel-subflow-events.js';
import { KernelService } from './kernel-service/index.js';
import type {
  FastOpenInfo,
  Multipath,
  MultipathInfo,
  OpenSubflowOptions,
  Socket,
  SubflowInfo,
} from './socket.js';
import { fellBack, nothingKnown } from './userspace-subflow-control.js';

/** A socket of `net` that knows of its subflows. It has no state of its own, so that an accepted one can become one. */
export class KernelSocket extends NetSocket implements Multipath {
  get transport(): 'kernel' {
    return 'kernel';
  }

  get isMultipath(): boolean {
    const fd = liveDescriptor(this);
    return fd !== undefined && isKernelAsked() && isMultipath(fd);
  }

  get subflows(): SubflowInfo[] {
    const fd = liveDescriptor(this);
    return fd === undefined ? [] : describeSubflows(this, fd);
  }

  get multipath(): MultipathInfo {
    const fd = liveDescriptor(this);
    return fd === undefined ? nothingKnown : describeConnection(this, fd);
  }

  get fastOpen(): FastOpenInfo | undefined {
    const fd = liveDescriptor(this);
    return fd !== undefined && isSynDataAccepted(fd) ? describeFastOpen(true) : undefined;
  }

  async openSubflow(options: OpenSubflowOptions = {}): Promise<SubflowInfo> {
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = this;
    const local = { address: localAddress, port: localPort };
    const remote = { address: remoteAddress, port: remotePort };
    return describeSubflow(await openSubflow(() => liveDescriptor(this), { local, remote }, options));
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
    if (!isKernelAsked()) throw fellBack();
    return fd;
  }
}

/** Makes a socket that `net` accepted one of ours. */
export function adopt(socket: NetSocket): Socket {
  return Object.setPrototypeOf(socket, KernelSocket.prototype) as Socket;
}

/** The properties and methods of {@link Multipath} as a kernel socket has them, for sockets of another class. */
export const kernelMultipath: PropertyDescriptorMap = Object.fromEntries(
  Object.entries(Object.getOwnPropertyDescriptors(KernelSocket.prototype)).filter(
    ([name]) => name !== 'constructor',
  ),
);

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
export function liveDescriptor(socket: NetSocket): number | undefined {
  return socket.connecting || socket.destroyed || socket.pending ? undefined : descriptorOf(socket);
}

/** How Fast Open went for a socket that connects. */
export function clientFastOpen(
  socket: NetSocket,
  { fastOpen = false }: Pick<ConnectOptions, 'fastOpen'>,
): FastOpenInfo | undefined {
  const fd = liveDescriptor(socket);
  if (fastOpen === false || fd === undefined || !isAnswered(fd)) return undefined;
  return describeFastOpen(isSynDataAccepted(fd));
}

/** What {@link KernelClientSocket} needs beside what the user wants. */
export interface KernelClientParts {
  readonly service?: KernelService | undefined;
  /** Why there is no Multipath TCP to be had here, where there is none. */
  readonly lack?: Lack | undefined;
}

/** A socket that connects. */
export class KernelClientSocket extends KernelSocket {
  protected readonly wanted: ConnectOptions;
  private readonly attempts: KernelAttempts;

  constructor(options: ConnectOptions, { service, lack }: KernelClientParts = {}) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false });
    if (service !== undefined) serveKernelSocket(this, service);
    this.wanted = options;
    this.attempts = new KernelAttempts(this, options, lack);
    if (options.noDelay === true) this.setNoDelay(true);
    if (options.keepAlive === true) this.setKeepAlive(true, options.keepAliveInitialDelay);
  }

  override get fastOpen(): FastOpenInfo | undefined {
    return clientFastOpen(this, this.wanted);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.attempts.whenDestroyed(error, callback, (...args) => super._destroy(...args));
  }
}

/** The service that the options ask for; none where there is no Multipath TCP. Throws as {@link KernelService} does. */
export function kernelServiceOf(
  { serviceType = 'none', serviceOptions }: ConnectOptions,
  lack: Lack | undefined,
): KernelService | undefined {
  if (serviceType === 'none' || lack !== undefined) return undefined;
  return new KernelService({ type: serviceType, ...serviceOptions });
}

/**
 * Begins a connection through the kernel; `lack`: why there is no Multipath TCP to be had, where there is none. Throws as
 * {@link KernelService} does, before anything is opened.
 */
export function connectKernelSocket(options: ConnectOptions, lack: Lack | undefined): Socket {
  const socket = new KernelClientSocket(options, { service: kernelServiceOf(options, lack), lack });
  // Not net's own option: a signal that was aborted before would destroy the socket while net goes on to connect it.
  if (options.signal !== undefined) addAbortSignal(options.signal, socket);
  if (socket.destroyed) return socket;
  if (options.timeout !== undefined) socket.setTimeout(options.timeout);
  socket.connect(optionsForNet(options));
  return socket;
}

/** What `net` is to know of the options. Binding is not for it, where that is done before: it would do it before there is a descriptor. */
export function optionsForNet(options: ConnectOptions): TcpSocketConnectOpts {
  const { localAddress, localPort } = options;
  const family = localAddress === undefined ? options.family : isIP(localAddress);
  const local = isKernelAsked() ? {} : { localAddress, localPort };
  const none = { localAddress: undefined, localPort: undefined, signal: undefined };
  return { ...options, ...none, ...local, family };
}
