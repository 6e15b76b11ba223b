/** Finds the peer of a userspace socket: looks the name up, then tries one address after the other. */
import { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } from 'node:net';
import type { LookupAddress } from 'node:dns';
import { MILLISECOND } from '../base/index.js';
import type { Socket as StackSocket, StackConnectOptions } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { codeOf, netError } from './net-error.js';
import { mptcpSettingsFor } from './multipath-options.js';
import type { ConnectOptions } from './options.js';
import { resolve, type Resolved } from './resolve.js';
import { localAddressesFor } from './local-addresses.js';
import { robustFor } from './robust-option.js';
import type { Socket } from './socket.js';
import type { SocketEvents } from './userspace-events.js';
import type { UserspaceHost } from './userspace-host.js';
import { UserspaceSocket } from './userspace-socket.js';

/** Begins a connection through `host`. */
export function connectUserspaceSocket(host: UserspaceHost, options: ConnectOptions): Socket {
  const { allowHalfOpen, signal, timeout } = options;
  const socket = new UserspaceSocket(host, { allowHalfOpen, signal });
  if (timeout !== undefined) socket.setTimeout(timeout);
  new Search(host, socket, options).begin();
  return socket;
}

/** The settings that the options ask for; what they leave out is the host's. */
export function tcpSettingsFor(
  host: UserspaceHost,
  options: Pick<ConnectOptions, 'keepAlive' | 'keepAliveInitialDelay' | 'noDelay'>,
): Pick<StackConnectOptions, 'tcp'> {
  const { noDelay = false, keepAlive = false, keepAliveInitialDelay = 0 } = options;
  if (!noDelay && !keepAlive) return {};
  const { tcp } = host.stack.settings;
  // Two hours when no delay was asked for (RFC 9293 §3.8.4).
  const keepAliveIdleNs = (keepAliveInitialDelay > 0 ? keepAliveInitialDelay : 7_200_000) * MILLISECOND;
  return { tcp: { ...tcp, ...(noDelay && { nagle: false }), ...(keepAlive && { keepAliveIdleNs }) } };
}

/** One socket's way to its peer. */
class Search implements SocketEvents {
  private readonly host: UserspaceHost;
  private readonly socket: UserspaceSocket;
  private readonly options: ConnectOptions;
  private addresses: readonly LookupAddress[] = [];
  private readonly errors: Error[] = [];
  /** The attempt that runs. */
  private inner: StackSocket | undefined = undefined;
  private current: LookupAddress | undefined = undefined;
  private next = 0;
  private timer: NodeJS.Timeout | undefined = undefined;
  private isOver = false;

  constructor(host: UserspaceHost, socket: UserspaceSocket, options: ConnectOptions) {
    this.host = host;
    this.socket = socket;
    this.options = options;
  }

  begin(): void {
    const { host = 'localhost', localAddress } = this.options;
    const family = localAddress === undefined ? this.options.family : isIP(localAddress);
    // A signal that was aborted before has destroyed the socket by now.
    if (this.socket.destroyed) return;
    this.socket.beginConnect(() => this.stop());
    resolve(host, { ...this.options, ...(family !== undefined && { family }) }, (resolved) => {
      this.handleResolved(host, resolved);
    });
  }

  private handleResolved(name: string, { error, addresses }: Resolved): void {
    if (this.isOver) return;
    if (isIP(name) === 0) {
      for (const { address, family } of addresses) this.socket.emit('lookup', null, address, family, name);
      if (error !== undefined) this.socket.emit('lookup', error, undefined, undefined, name);
    }
    if (error !== undefined) {
      this.socket.destroy(error);
      return;
    }
    const isPatient = this.options.autoSelectFamily ?? getDefaultAutoSelectFamily();
    this.addresses = isPatient ? addresses : addresses.slice(0, 1);
    if ((this.options.fastOpen ?? false) === false) {
      this.tryNext();
      return;
    }
    // Layers on top, such as http, write some ticks after they have the socket: the SYN waits for them this turn.
    setImmediate(() => {
      if (!this.isOver) this.tryNext();
    });
  }

  private tryNext(): void {
    clearTimeout(this.timer);
    const candidate = this.addresses[this.next++];
    if (candidate === undefined) {
      this.fail();
      return;
    }
    const { port } = this.options;
    const { address, family } = candidate;
    // Not a second time: what went with the SYN of one attempt may have been taken.
    const fastOpen = this.next === 1 && (this.options.fastOpen ?? false);
    this.current = candidate;
    this.socket.autoSelectFamilyAttemptedAddresses.push(`${address}:${port}`);
    this.socket.emit('connectionAttempt', address, port, family);
    if (this.isOver) return;
    if (this.host.closed) {
      this.noteFailure(netError('ENETDOWN', 'connect', { address, port }));
      return;
    }
    try {
      this.inner = this.host.stack.connect(this.host.now(), { ...this.connectOptions(address), fastOpen });
    } catch (error) {
      this.noteFailure(netError(codeOf(error) ?? 'EINVAL', 'connect', { address, port }));
      return;
    }
    this.inner.data = this;
    if (fastOpen !== false) this.socket.writeEarly(this.inner);
    this.host.wake();
    if (this.next >= this.addresses.length) return;
    const patienceMs =
      this.options.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout();
    this.timer = setTimeout(
      () => {
        this.socket.emit('connectionAttemptTimeout', address, port, family);
        this.abandon();
        this.errors.push(netError('ETIMEDOUT', 'connect', { address, port }));
        this.tryNext();
      },
      Math.max(10, patienceMs),
    );
  }

  private connectOptions(address: string): StackConnectOptions {
    const { localAddress, localPort, port } = this.options;
    const source = localAddress === undefined ? undefined : IpAddress.parse(localAddress);
    return {
      ...tcpSettingsFor(this.host, this.options),
      ...mptcpSettingsFor(this.host.stack.settings, this.options, 'client'),
      ...localAddressesFor(this.options.localAddresses),
      ...robustFor(this.options.robust),
      remote: { address: IpAddress.parse(address) ?? IpAddress.unspecified(4), port },
      local: { ...(source && { address: source }), ...(localPort !== undefined && { port: localPort }) },
    };
  }

  handleEstablished(): void {
    const { inner, socket } = this;
    this.isOver = true;
    clearTimeout(this.timer);
    if (inner === undefined) return;
    socket.attach(inner);
    socket.handleEstablished();
  }

  handleClosed(error: StackSocket['error']): void {
    const { port } = this.options;
    this.inner = undefined;
    if (!this.isOver) {
      this.noteFailure(
        netError(error?.code ?? 'ECONNRESET', 'connect', { address: this.current?.address, port }),
      );
    }
  }

  handleHostClosed(): void {
    this.socket.destroy();
  }

  handleReadable(): void {}
  handleWritable(): void {}
  handlePeerClosed(): void {}
  handlePath(): void {}

  private noteFailure(error: Error): void {
    const { port } = this.options;
    this.errors.push(error);
    if (this.current !== undefined) {
      const { address, family } = this.current;
      this.socket.emit('connectionAttemptFailed', address, port, family, error);
    }
    if (!this.isOver) this.tryNext();
  }

  /** No address is left. */
  private fail(): void {
    const [first] = this.errors;
    const error = this.errors.length === 1 && first !== undefined ? first : aggregate(this.errors);
    this.socket.destroy(error);
  }

  /** The socket was destroyed. */
  private stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.abandon();
  }

  private abandon(): void {
    const { inner } = this;
    this.inner = undefined;
    if (inner === undefined) return;
    inner.data = undefined;
    inner.abort(this.host.now());
    this.host.wake();
  }
}

/** As `net` says that several attempts failed: with the code of the first. */
function aggregate(errors: readonly Error[]): Error {
  const all = new AggregateError(errors) as AggregateError & { code?: string };
  const code = codeOf(errors[0]);
  if (code !== undefined) all.code = code;
  return all;
}
