/**
 * Tells when a network interface goes up or down, as the kernel says. Listens to the kernel's announcements about
 * links only as a wake-up and then asks for the state, so that a lost announcement does no lasting harm.
 *
 * Read first: rtnetlink(7), netdevice(7).
 */
import { closeSync } from 'node:fs';
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from './constants.js';
import { NativeBuffer, bind, ioctl, readInto, socket, watchReadable, type ReadableWatch } from './libc.js';
import type { NetworkNamespace } from './namespace.js';
import { SystemError } from './system-error.js';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const SIOCGIFFLAGS = 0x8913;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const MESSAGE_BYTES = 16 << 10;

export class LinkMonitor {
  private readonly fd: number;
  private readonly name: string;
  private readonly watch: ReadableWatch;
  private readonly buffer = new NativeBuffer(MESSAGE_BYTES);
  private up: boolean;
  private closed = false;

  /** Calls `onChange` from the event loop with the new state of the interface `name` of `namespace`. */
  constructor(name: string, namespace: NetworkNamespace | undefined, onChange: (up: boolean) => void) {
    this.name = name;
    const open = (): number => socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    this.fd = namespace === undefined ? open() : namespace.run(open);
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, RTMGRP_LINK, true);
    try {
      bind(this.fd, address, 'rtnetlink');
      this.up = this.query();
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    this.watch = watchReadable(this.fd, () => {
      // The contents are not read: more announcements, or too many to be held (ENOBUFS), mean the same.
      while (readInto(this.fd, this.buffer.address, MESSAGE_BYTES) > 0);
      const up = this.query();
      if (up === this.up) return;
      this.up = up;
      onChange(up);
    });
  }

  /** Whether packets can pass the interface, asked now: a change may not have been announced yet. */
  get isUp(): boolean {
    return this.query();
  }

  /** Stops listening. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch.close();
    closeSync(this.fd);
  }

  private query(): boolean {
    const request = new Uint8Array(40);
    for (let i = 0; i < this.name.length; i++) request[i] = this.name.charCodeAt(i);
    try {
      ioctl(this.fd, SIOCGIFFLAGS, request, this.name);
    } catch (error) {
      // An interface that is gone is down.
      if (error instanceof SystemError && error.code === 'ENODEV') return false;
      throw error;
    }
    const flags = new DataView(request.buffer).getUint16(16, true);
    return (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0;
  }
}
