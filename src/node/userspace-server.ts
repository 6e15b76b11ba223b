/** Servers of the userspace transport: what `net.Server` is, over listeners of the engine. */
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Listener } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { plainWanted, type FallbackInfo } from './fallback-info.js';
import { codeOf, netError } from './net-error.js';
import { mptcpSettingsFor } from './multipath-options.js';
import type { ListenOptions, ServerOptions } from './options.js';
import { resolve } from './resolve.js';
import { listen } from './server.js';
import { tcpSettingsFor } from './userspace-connect.js';
import type { ListenerEvents } from './userspace-events.js';
import type { UserspaceHost } from './userspace-host.js';
import { UserspaceSocket } from './userspace-socket.js';

export class UserspaceServer extends EventEmitter implements ListenerEvents {
  /** Connections beyond it are reset and reported as 'drop'; undefined for no limit. */
  maxConnections: number | undefined = undefined;
  private readonly host: UserspaceHost;
  private readonly options: ServerOptions;
  private listener: Listener | undefined = undefined;
  private readonly sockets = new Set<UserspaceSocket>();
  private isReferenced = true;
  /** What `listen` was asked for, until that is done or given up. */
  private wanted: ListenOptions | undefined = undefined;
  /** Whether `close` was called and 'close' is due when the last connection is gone. */
  private isClosing = false;

  constructor(host: UserspaceHost, options: ServerOptions) {
    super();
    this.host = host;
    this.options = options;
  }

  get transport(): 'userspace' {
    return 'userspace';
  }

  get fallback(): FallbackInfo | undefined {
    const { multipath, serviceType } = this.options;
    return multipath === false || serviceType === 'none' ? plainWanted : undefined;
  }

  get isStarting(): boolean {
    return this.wanted !== undefined;
  }

  get listening(): boolean {
    return this.listener !== undefined;
  }

  /** Begins to listen; 'listening' or 'error' follows. */
  start(options: ListenOptions): void {
    const { host } = options;
    this.isClosing = false;
    this.wanted = options;
    if (host === undefined) {
      process.nextTick(() => this.bind(undefined, options));
      return;
    }
    resolve(host, {}, ({ error, addresses }) => {
      if (this.wanted !== options) return;
      if (error === undefined) this.bind(addresses[0]?.address, options);
      else this.fail(error);
    });
  }

  private fail(error: Error): void {
    this.wanted = undefined;
    this.emit('error', error);
  }

  private bind(host: string | undefined, options: ListenOptions): void {
    // Closed, and perhaps told to listen elsewhere, in the meantime.
    if (this.wanted !== options) return;
    const { backlog, port = 0 } = options;
    if (this.host.closed) {
      this.fail(netError('ENETDOWN', 'listen', { address: host ?? '::', port }));
      return;
    }
    const address = host === undefined ? undefined : IpAddress.parse(host);
    const isAny = address === undefined || address.isUnspecified;
    const tcp = tcpSettingsFor(this.host, this.options);
    try {
      const local = { port, ...(!isAny && { address }) };
      this.listener = this.host.listen({
        ...tcp,
        ...mptcpSettingsFor(this.host.stack.settings, this.options, 'server'),
        local,
        ...(backlog !== undefined && { backlog }),
        fastOpen: this.options.fastOpen ?? false,
      });
    } catch (error) {
      this.fail(netError(codeOf(error) ?? 'EINVAL', 'listen', { address: host ?? '::', port }));
      return;
    }
    this.wanted = undefined;
    this.listener.data = this;
    this.host.hold(this, this.isReferenced);
    this.emit('listening');
  }

  listen(...args: unknown[]): this {
    listen(this, args);
    return this;
  }

  handleAcceptable(): void {
    for (let inner = this.listener?.accept(); inner !== undefined; inner = this.listener?.accept()) {
      const { allowHalfOpen, pauseOnConnect } = this.options;
      if (this.maxConnections !== undefined && this.sockets.size >= this.maxConnections) {
        const { local, remote } = inner;
        inner.abort(this.host.now());
        this.emit('drop', {
          localAddress: local.address.toString(),
          localPort: local.port,
          localFamily: `IPv${local.address.family}`,
          remoteAddress: remote.address.toString(),
          remotePort: remote.port,
          remoteFamily: `IPv${remote.address.family}`,
        });
        continue;
      }
      const socket = new UserspaceSocket(this.host, { allowHalfOpen });
      socket.attach(inner);
      this.sockets.add(socket);
      socket.once('close', () => {
        this.sockets.delete(socket);
        this.finishClose();
      });
      if (pauseOnConnect === true) socket.pause();
      this.emit('connection', socket);
      // As with the kernel, reading begins without being asked for, so that an end is noticed.
      if (pauseOnConnect !== true) socket.read(0);
    }
  }

  handleHostClosed(): void {
    this.close();
  }

  address(): AddressInfo | null {
    const { listener } = this;
    if (listener === undefined) return null;
    const { address, port } = listener;
    return { address: address?.toString() ?? '::', family: `IPv${address?.family ?? 6}`, port };
  }

  /** Takes no more connections; 'close' follows when the last one is gone. */
  close(callback?: (error?: Error) => void): this {
    const isOpen = this.listener !== undefined || this.isStarting;
    if (callback !== undefined) {
      if (isOpen) this.once('close', () => callback());
      else this.once('close', () => callback(netError('ERR_SERVER_NOT_RUNNING', 'close')));
    }
    if (this.listener !== undefined) this.host.unlisten(this.listener);
    this.listener = undefined;
    this.wanted = undefined;
    this.host.hold(this, false);
    this.host.wake();
    this.isClosing = true;
    process.nextTick(() => this.finishClose());
    return this;
  }

  private finishClose(): void {
    if (!this.isClosing || this.sockets.size > 0) return;
    this.isClosing = false;
    this.emit('close');
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.sockets.size);
    return this;
  }

  ref(): this {
    return this.setReferenced(true);
  }

  unref(): this {
    return this.setReferenced(false);
  }

  private setReferenced(isReferenced: boolean): this {
    this.isReferenced = isReferenced;
    if (this.listener !== undefined) this.host.hold(this, isReferenced);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((done) => this.close(() => done()));
  }
}
