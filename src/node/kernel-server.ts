/**
 * Servers of the kernel transport: `net.Server` on a listening descriptor that speaks Multipath TCP. Its connections are
 * sockets of `net` that know of their subflows.
 */
import { closeSync } from 'node:fs';
import { Server as NetServer, type Socket as NetSocket } from 'node:net';
import { prepareKernelServer } from './fast-open.js';
import { listenKernel, setCongestionControl } from '../linux/index.js';
import { adopt } from './kernel-socket.js';
import { kernelCongestionName } from './multipath-options.js';
import { codeOf, netError } from './net-error.js';
import type { ListenOptions, ServerOptions } from './options.js';
import { resolve } from './resolve.js';
import { listen } from './server.js';

export class KernelServer extends NetServer {
  /** What `listen` was asked for, until that is done or given up. */
  private wanted: ListenOptions | undefined = undefined;

  private readonly options: ServerOptions;

  constructor(options: ServerOptions) {
    super(options);
    this.options = options;
    this.on('connection', (socket: NetSocket) => void adopt(socket));
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
      // Every address of both families, or of IPv4 where there is no IPv6.
      process.nextTick(() => this.open('::', options, '0.0.0.0'));
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

  private open(address: string, options: ListenOptions, otherwise?: string): void {
    // Closed, and perhaps told to listen elsewhere, in the meantime.
    if (this.wanted !== options) return;
    const { backlog = 511, ipv6Only = false, port = 0 } = options;
    const { congestion, fastOpen, serviceType } = this.options;
    let fd: number;
    try {
      fd = listenKernel({
        address,
        port,
        backlog,
        ipv6Only,
        protocol: serviceType === 'none' ? 'tcp' : 'mptcp',
        prepare: (socket) => {
          prepareKernelServer(socket, fastOpen);
          if (typeof congestion === 'string') setCongestionControl(socket, kernelCongestionName(congestion));
        },
      });
    } catch (error) {
      const code = codeOf(error) ?? 'EINVAL';
      const isFamilyMissing = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
      if (otherwise !== undefined && isFamilyMissing) this.open(otherwise, options);
      else if (code.startsWith('ERR_SUBFLOW')) this.fail(error as Error);
      else this.fail(netError(code, 'listen', { address, port }));
      return;
    }
    this.wanted = undefined;
    try {
      this.listenOn(fd, backlog);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** `net`'s own `listen`, which this class's users see in another form. */
  private listenOn(fd: number, backlog: number): void {
    NetServer.prototype.listen.call(this, { fd, backlog } as never);
  }
}
