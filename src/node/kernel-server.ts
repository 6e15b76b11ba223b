/**
 * Servers of the kernel transport: `net.Server` on a listening descriptor that speaks Multipath TCP. Its connections are
 * sockets of `net` that know of their subflows.
 */
import cluster from 'node:cluster';
import { closeSync } from 'node:fs';
import { Server as NetServer, type Socket as NetSocket } from 'node:net';
import { prepareKernelServer, pushEarlyAnswers } from './fast-open.js';
import { listenKernel, setCongestionControl } from '../linux/index.js';
import type { FallbackInfo } from './fallback-info.js';
import { isKernelAsked, lackOf } from './kernel-attempts.js';
import { settledFallback } from './kernel-fallback.js';
import { noteOrigin, type KernelOrigin, type Lack } from './kernel-origin.js';
import { adopt, liveDescriptor } from './kernel-socket.js';
import { kernelCongestionName } from './multipath-options.js';
import { codeOf, netError } from './net-error.js';
import { unsupported } from './option-error.js';
import type { ListenOptions, ServerOptions } from './options.js';
import { resolve } from './resolve.js';
import { listen } from './server.js';

export class KernelServer extends NetServer {
  /** What `listen` was asked for, until that is done or given up. */
  private wanted: ListenOptions | undefined = undefined;

  private readonly options: ServerOptions;
  /** How its connections come to be. */
  private readonly origin: KernelOrigin;

  /** `lack`: why there is no Multipath TCP to be had here, where there is none. */
  constructor(options: ServerOptions, lack?: Lack) {
    super(options);
    this.options = options;
    const isPlainWanted = options.serviceType === 'none';
    this.origin = { role: 'server', lack, isPlainWanted, wasMultipath: undefined };
    const isFastOpen = options.fastOpen !== undefined && options.fastOpen !== false;
    this.on('connection', (socket: NetSocket) => {
      adopt(socket);
      noteOrigin(socket, this.origin);
      if (isFastOpen) pushEarlyAnswers(() => liveDescriptor(socket));
    });
  }

  get fallback(): FallbackInfo | undefined {
    return settledFallback(this.origin);
  }

  get transport(): 'kernel' {
    return 'kernel';
  }

  get isStarting(): boolean {
    return this.wanted !== undefined;
  }

  /** Begins to listen; 'listening' or 'error' follows. */
  start(options: ListenOptions): void {
    const { host } = options;
    this.wanted = options;
    if (host === undefined) {
      process.nextTick(() => this.open(undefined, options));
      return;
    }
    resolve(host, {}, ({ error, addresses }) => {
      if (this.wanted !== options) return;
      if (error === undefined) this.open(addresses[0]!.address, options);
      else this.fail(error);
    });
  }

  private fail(error: Error): void {
    this.wanted = undefined;
    this.emit('error', error);
  }

  override listen(...args: unknown[]): this {
    listen(this, args);
    return this;
  }

  override close(callback?: (error?: Error) => void): this {
    this.wanted = undefined;
    return super.close(callback);
  }

  private open(address: string | undefined, options: ListenOptions): void {
    // Closed, and perhaps told to listen elsewhere, in the meantime.
    if (this.wanted !== options) return;
    if (!isKernelAsked()) {
      this.listenPlainly(options);
      return;
    }
    const fd = openKernelListener(address, options, this.options, this.origin);
    if (fd instanceof Error) {
      this.fail(fd);
      return;
    }
    this.wanted = undefined;
    try {
      this.listenOn(fd, options.backlog ?? DEFAULT_BACKLOG);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** `net`'s own `listen`, which this class's users see in another form. */
  private listenOn(fd: number, backlog: number): void {
    NetServer.prototype.listen.call(this, { fd, backlog } as never);
  }

  /** As `net` does it by itself, where no descriptor can be made for it. */
  private listenPlainly({ backlog = DEFAULT_BACKLOG, host, ipv6Only = false, port }: ListenOptions): void {
    this.wanted = undefined;
    NetServer.prototype.listen.call(this, { host, port, backlog, ipv6Only } as never);
  }
}

/** As `net` has it. */
const DEFAULT_BACKLOG = 511;

/**
 * A descriptor that listens, or the error that `net` would have: at `address`, or where that is undefined at every address of both families,
 * or of IPv4 where there is no IPv6. It is one of plain TCP where `origin` says so, and where Multipath TCP turns out to be switched off,
 * which `origin` says from then on.
 */
export function openKernelListener(
  address: string | undefined,
  options: ListenOptions,
  server: ServerOptions,
  origin: KernelOrigin,
): number | Error {
  if (cluster.isWorker)
    return unsupported(
      'servers in workers of node:cluster, whose primary process opens all sockets',
      'Listen in one process, or in several on ports of their own.',
    );
  try {
    return openListener(address ?? '::', options, server, origin);
  } catch (error) {
    const code = codeOf(error) ?? 'EINVAL';
    const isFamilyMissing = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
    if (address === undefined && isFamilyMissing)
      return openKernelListener('0.0.0.0', options, server, origin);
    if (code.startsWith('ERR_SUBFLOW')) return error as Error;
    return netError(code, 'listen', { address: address ?? '::', port: options.port ?? 0 });
  }
}

function openListener(
  address: string,
  { backlog = DEFAULT_BACKLOG, ipv6Only = false, port = 0 }: ListenOptions,
  { congestion, fastOpen, multipath }: ServerOptions,
  origin: KernelOrigin,
): number {
  const open = (protocol: 'mptcp' | 'tcp'): number =>
    listenKernel({
      address,
      port,
      backlog,
      ipv6Only,
      protocol,
      prepare: (socket) => {
        prepareKernelServer(socket, fastOpen);
        if (typeof congestion === 'string') setCongestionControl(socket, kernelCongestionName(congestion));
      },
    });
  if (settledFallback(origin) !== undefined) return open('tcp');
  try {
    return open('mptcp');
  } catch (error) {
    const lack = multipath === true ? undefined : lackOf(error);
    if (lack === undefined) throw error;
    origin.lack = lack;
    return open('tcp');
  }
}
