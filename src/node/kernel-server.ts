/**
 * Servers of the kernel transport: `net.Server` on a listening descriptor that speaks Multipath TCP. Its connections are
 * sockets of `net` that know of their subflows.
 */
import { closeSync } from 'node:fs';
import { Server as NetServer, type Socket as NetSocket } from 'node:net';
import { listenKernel } from '../linux/index.js';
import { adopt } from './kernel-socket.js';
import { codeOf, netError } from './net-error.js';
import type { ListenOptions, ServerOptions } from './options.js';
import { resolve } from './resolve.js';
import { listen } from './server.js';

export class KernelServer extends NetServer {
  /** Whether `start` waits for a name. */
  private isResolving = false;

  constructor(options: ServerOptions) {
    super(options);
    this.on('connection', (socket: NetSocket) => void adopt(socket));
  }

  get transport(): 'kernel' {
    return 'kernel';
  }

  /** Begins to listen; 'listening' or 'error' follows. */
  start(options: ListenOptions): void {
    const { host } = options;
    this.isResolving = true;
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
    if (host === undefined) {
      // Every address of both families, or of IPv4 where there is no IPv6.
      process.nextTick(() => this.open('::', options, '0.0.0.0'));
      return;
    }
    resolve(host, {}, ({ error, addresses }) => {
      if (error !== undefined) this.emit('error', error);
      else this.open(addresses[0]!.address, options);
    });
  }

  override listen(...args: unknown[]): this {
    listen(this, args);
    return this;
  }

  override close(callback?: (error?: Error) => void): this {
    this.isResolving = false;
    return super.close(callback);
  }

  private open(address: string, options: ListenOptions, otherwise?: string): void {
    if (!this.isResolving) return;
    const { backlog = 511, ipv6Only = false, port = 0 } = options;
    let fd: number;
    try {
      fd = listenKernel({ address, port, backlog, ipv6Only });
    } catch (error) {
      const code = codeOf(error) ?? 'EINVAL';
      const isFamilyMissing = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
      if (otherwise !== undefined && isFamilyMissing) this.open(otherwise, options);
      else this.emit('error', netError(code, 'listen', { address, port }));
      return;
    }
    this.isResolving = false;
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
