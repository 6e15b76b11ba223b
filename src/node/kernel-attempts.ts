/**
 * The attempts of one socket to connect through the kernel: puts a descriptor, of Multipath TCP where that can be had, under `net`'s handle
 * before each of them, bound and set up as the user wants it. Works for any socket of `net`'s, those of `tls` too, for each tells of
 * an attempt ('connectionAttempt') right before it makes it.
 */
import { closeSync } from 'node:fs';
import type { Socket as NetSocket } from 'node:net';
import {
  bind,
  connectionInfo,
  descriptorOf,
  encodeSocketAddress,
  markSocket,
  openKernelSocket,
  setCongestionControl,
  unsupportedReason,
} from '../linux/index.js';
import { prepareKernelClient } from './fast-open.js';
import { kernelFallback } from './kernel-fallback.js';
import { noteOrigin, type KernelOrigin, type Lack } from './kernel-origin.js';
import { kernelCongestionName } from './multipath-options.js';
import { codeOf, netError } from './net-error.js';
import type { ConnectOptions } from './options.js';

/** The part of `net`'s handle that is used here; that of `tls` passes it on. */
interface TcpHandle {
  open(fd: number): number;
  connect: () => number;
  connect6: () => number;
}

type Destroyed = (error?: Error | null) => void;

/** What libuv returns for a call that cannot be. */
const UV_EINVAL = -22;

export class KernelAttempts {
  private readonly socket: NetSocket;
  private readonly wanted: ConnectOptions;
  private readonly origin: KernelOrigin;
  /** Why the last attempt could not even begin; takes the place of what `net` makes of it. */
  private failure: Error | undefined = undefined;
  /** Whether `net` is between announcing an attempt and making it, where it does not reckon with a handle that is gone. */
  private isInAttempt = false;

  /** `lack`: why there is no Multipath TCP to be had here, where there is none. */
  constructor(socket: NetSocket, wanted: ConnectOptions, lack: Lack | undefined) {
    this.socket = socket;
    this.wanted = wanted;
    const isPlainWanted = wanted.serviceType === 'none';
    this.origin = { role: 'client', lack, isPlainWanted, wasMultipath: undefined };
    noteOrigin(socket, this.origin);
    socket.prependOnceListener('connect', () => this.noteHandshake());
    if (!isKernelAsked()) return;
    // The last word before net connects: the handle has no descriptor yet, and would open one for plain TCP.
    socket.on('connectionAttempt', (address: string, port: number, family: number) => {
      this.isInAttempt = true;
      process.nextTick(() => (this.isInAttempt = false));
      this.prepare(address, port, family === 6 ? 6 : 4);
    });
  }

  /** Stands in for `_destroy` of the socket, which is `destroy`. */
  whenDestroyed(
    error: Error | null,
    callback: Destroyed,
    destroy: (error: Error | null, callback: Destroyed) => void,
  ): void {
    if (this.isInAttempt) {
      process.nextTick(() => this.whenDestroyed(error, callback, destroy));
      return;
    }
    destroy(error !== null && this.failure !== undefined ? this.failure : error, callback);
  }

  /** Puts a descriptor under the handle. */
  private prepare(address: string, port: number, family: 4 | 6): void {
    const handle = (this.socket as unknown as { _handle: TcpHandle })._handle;
    let fd = -1;
    try {
      fd = this.open(family);
      const { congestion, fastOpen, localAddress, localPort, mark } = this.wanted;
      if (mark !== undefined) markSocket(fd, mark);
      prepareKernelClient(fd, fastOpen);
      if (typeof congestion === 'string') setCongestionControl(fd, kernelCongestionName(congestion));
      if (localAddress !== undefined || localPort !== undefined) {
        bindLocal(fd, localAddress ?? (family === 4 ? '0.0.0.0' : '::'), localPort ?? 0);
      }
      if (handle.open(fd) === 0) return;
      this.failure = netError('EINVAL', 'open');
    } catch (error) {
      this.failure = failureOf(error, address, port);
    }
    if (fd >= 0) closeSync(fd);
    // No attempt without our descriptor in its place.
    handle.connect = handle.connect6 = () => UV_EINVAL;
  }

  /** Opens a descriptor; of plain TCP where Multipath TCP was switched off in the meantime. */
  private open(family: 4 | 6): number {
    const { lack, isPlainWanted } = this.origin;
    if (lack !== undefined || isPlainWanted) return openKernelSocket({ family, protocol: 'tcp' });
    try {
      return openKernelSocket({ family, protocol: 'mptcp' });
    } catch (error) {
      const found = this.wanted.multipath === true ? undefined : lackOf(error);
      if (found === undefined) throw error;
      this.origin.lack = found;
      return openKernelSocket({ family, protocol: 'tcp' });
    }
  }

  /** Remembers what came of the handshake, and tells of plain TCP whoever wants to hear of it. */
  private noteHandshake(): void {
    const { socket, origin } = this;
    const { fastOpen = false } = this.wanted;
    // With Fast Open the handshake may be under way still.
    if (origin.lack === undefined && !origin.isPlainWanted && fastOpen === false)
      origin.wasMultipath = connectionInfo(descriptorOf(socket))?.fallback === false;
    const isPlain = origin.lack !== undefined || origin.isPlainWanted || origin.wasMultipath === false;
    if (!isPlain || socket.listenerCount('fallback') === 0) return;
    // After 'connect'.
    process.nextTick(() => {
      if (!socket.destroyed) socket.emit('fallback', kernelFallback(socket, descriptorOf(socket)).cause);
    });
  }
}

/** Whether sockets can be prepared here at all; where not, they are `net`'s own. */
export function isKernelAsked(): boolean {
  return unsupportedReason() === undefined;
}

/** What an error of {@link openKernelSocket} says against Multipath TCP; undefined where it says something else. */
export function lackOf(error: unknown): Lack | undefined {
  const code = codeOf(error);
  if (code !== 'EPROTONOSUPPORT' && code !== 'ENOPROTOOPT') return undefined;
  return {
    reason: 'Multipath TCP is switched off',
    hint: 'Switch it on: sysctl -w net.mptcp.enabled=1.',
  };
}

function failureOf(error: unknown, address: string, port: number): Error {
  const code = codeOf(error);
  const isOwn =
    (error as { syscall?: string }).syscall === 'bind' ||
    code === undefined ||
    code.startsWith('ERR_SUBFLOW');
  return isOwn ? (error as Error) : netError(code, 'socket', { address, port });
}

/** Binds as `net` would, with its errors. */
function bindLocal(fd: number, address: string, port: number): void {
  try {
    bind(fd, encodeSocketAddress(address, port));
  } catch (error) {
    throw netError(codeOf(error) ?? 'EINVAL', 'bind', { address, port });
  }
}
