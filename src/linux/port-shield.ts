/**
 * Ports of this host that the userspace stack speaks for while the kernel keeps silent: on each stands a listening TCP
 * socket of the kernel's whose filter drops every segment before TCP sees it, so that the kernel neither answers nor resets.
 * Neither firewall nor routing is touched, and the kernel's own programs cannot take the port meanwhile.
 *
 * Read first: socket(7) on SO_ATTACH_FILTER.
 */
import { closeSync } from 'node:fs';
import type { IpAddress } from '../wire/index.js';
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from './constants.js';
import { bind, listen, setsockopt, socket } from './libc.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { attachFilter, dropEverything } from './packet-filter.js';
import { encodeSocketAddress } from './socket-address.js';

/** Shields of one address. */
export class PortShield {
  private readonly address: IpAddress;
  private readonly namespace: NetworkNamespace | undefined;
  private readonly maxPorts: number;
  /** Descriptors by port, the one used longest ago first. */
  private readonly ports = new Map<number, number>();
  /** Ports that stay until {@link close}. */
  private readonly kept = new Set<number>();

  /** `maxPorts`: ports shielded at a time beside those that are kept; beyond it the one used longest ago is let go. */
  constructor(address: IpAddress, namespace: NetworkNamespace | undefined, maxPorts: number) {
    this.address = address;
    this.namespace = namespace;
    this.maxPorts = maxPorts;
  }

  /** Whether segments to `port` are the stack's. */
  has(port: number): boolean {
    return this.ports.has(port);
  }

  /** Shields `port` for good. Throws as {@link use} does. */
  keep(port: number): void {
    this.use(port);
    this.kept.add(port);
  }

  /** No longer shields `port` for good: it goes as those that are in use go, since connections may still have it. */
  unkeep(port: number): void {
    this.kept.delete(port);
    if (this.ports.size - this.kept.size > this.maxPorts) this.dropOldest();
  }

  /**
   * Shields `port` unless it is, and notes that it is in use.
   * @throws SystemError `EADDRINUSE` when a program of the kernel's has it, `EACCES` for one below 1024 without the right to.
   */
  use(port: number): void {
    const fd = this.ports.get(port) ?? this.open(port);
    this.ports.delete(port);
    this.ports.set(port, fd);
    if (this.ports.size - this.kept.size > this.maxPorts) this.dropOldest();
  }

  /** Gives every port back to the kernel. */
  close(): void {
    for (const fd of this.ports.values()) closeSync(fd);
    this.ports.clear();
    this.kept.clear();
  }

  private dropOldest(): void {
    for (const [port, fd] of this.ports) {
      if (this.kept.has(port)) continue;
      this.ports.delete(port);
      closeSync(fd);
      return;
    }
  }

  private open(port: number): number {
    const text = this.address.toString();
    const family = this.address.family === 4 ? AF_INET : AF_INET6;
    const make = (): number => socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    const fd = inside(this.namespace, make);
    try {
      attachFilter(fd, dropEverything);
      if (family === AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      bind(fd, encodeSocketAddress(text, port), `${text} port ${port}`);
      listen(fd, 1);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}
