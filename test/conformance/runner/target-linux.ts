/**
 * Linux as the host under test, in real time: the runner is the peer on TUN devices in a namespace made for the script,
 * and drives the kernel's sockets as the application. What the kernel gives no way to do, or to set, is Unsupported.
 */
import { closeSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  NativeBuffer,
  NetworkNamespace,
  ReceivedPacket,
  Tun,
  acceptConnection,
  connectKernel,
  connectionInfo,
  getsockopt,
  isMultipath,
  listenKernel,
  peekByte,
  readInto,
  setsockopt,
  shutdownWrite,
  writeFrom,
} from '../../../src/linux/index.js';
import { capture } from './capture.js';
import { SERVICE_PORT, addressOf, type Captured } from './conversation.js';
import { parseDuration } from './lexer.js';
import { patternBytes } from './pattern.js';
import type { Script } from './script.js';
import { CallError, Settings, type Target, type TargetEvent } from './target.js';

/** The script asks for something that cannot be had of Linux. */
export class Unsupported extends Error {}

/** Longest that a script may last against Linux, in ns. */
const MAX_SCRIPT_NS = 2_500_000_000;

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_INFO = 11;
const TCP_ESTABLISHED = 1;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const EAGAIN = 11;

/** Settings that have a meaning for Linux, or none that matters. */
const knownSettings: ReadonlySet<string> = new Set([
  'on',
  'family',
  'addresses',
  'mtu',
  'mptcp',
  'versions',
  'checksum',
  'join-initial-address',
  'path-manager',
  'subflows',
  'timestamps',
  'sack',
  'window-scaling',
  'add-addr-timeout',
  'syn-retries',
  'peer-isn',
  'peer-key',
]);
const knownCalls: ReadonlySet<string> = new Set([
  'listen',
  'connect',
  'write',
  'read',
  'shutdown',
  'close',
  'abort',
  'nagle',
  'join',
  'announce',
  'withdraw',
]);

/** Why the script cannot run against Linux; undefined when it can. */
export function unsupportedReason(script: Script): string | undefined {
  const settings = new Settings(script.settings);
  if (settings.text('on', 'both') === 'ours') return 'it is for our stack only';
  for (const name of settings.names) if (!knownSettings.has(name)) return `Linux has no setting "${name}"`;
  if (settings.text('versions', '1') !== '1') return 'Linux speaks version 1 only';
  let total = 0;
  for (const { body, delay } of script.statements) {
    total += delay?.fromNs ?? 0;
    if (body.type === 'call' && !knownCalls.has(body.name)) return `there is no "${body.name}" on Linux`;
  }
  return total > MAX_SCRIPT_NS ? `it takes ${total / 1e9} s` : undefined;
}

export class LinuxTarget implements Target {
  readonly kind = 'linux';
  readonly earlyNs = 30_000_000;
  readonly lateNs = 150_000_000;
  readonly packets: Captured[] = [];
  readonly events: TargetEvent[] = [];
  private readonly namespace: NetworkNamespace;
  private readonly family: 4 | 6;
  private readonly tuns: Tun[] = [];
  private readonly received = new ReceivedPacket();
  private readonly memory = new NativeBuffer(1 << 20);
  private origin = process.hrtime.bigint();
  private readonly isMptcp: boolean;
  private listener = -1;
  private fd = -1;
  private written = 0;
  private readonly told = new Set<string>();
  private subflows = 0;

  constructor(script: Script) {
    const settings = new Settings(script.settings);
    this.family = settings.number('family', 4) === 6 ? 6 : 4;
    this.isMptcp = settings.isOn('mptcp', true);
    this.namespace = NetworkNamespace.create('conformance');
    try {
      this.configure(settings);
      for (let number = 1; number <= 3; number++) this.addPath(number, settings);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Begins the script's time anew: making the namespace took a while. */
  start(): void {
    this.origin = process.hrtime.bigint();
  }

  get nowNs(): number {
    return Number(process.hrtime.bigint() - this.origin);
  }

  async waitUntil(timeNs: number, stop: () => boolean): Promise<void> {
    const end = Math.min(timeNs, this.nowNs + 2 * MAX_SCRIPT_NS);
    for (;;) {
      this.poll();
      if (stop()) return;
      const left = end - this.nowNs;
      if (left <= 0) return;
      await sleep(Math.min(1, left / 1e6));
    }
  }

  inject(bytes: Uint8Array, hostNumber: number): void {
    const tun = this.tuns[hostNumber - 1] ?? this.tuns[0]!;
    const { headroom } = tun;
    const padded = new Uint8Array(headroom + bytes.length);
    padded.set(bytes, headroom);
    tun.send({
      bytes: padded,
      offset: headroom,
      length: bytes.length,
      segmentSize: 0,
      checksumStart: -1,
      checksumOffset: -1,
      ipHeaderLength: 0,
      tcpHeaderLength: 0,
    });
    this.poll();
  }

  call(name: string, args: readonly string[]): void {
    this.perform(name, args);
    this.poll();
  }

  read(): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const length = this.fd < 0 ? -EAGAIN : readInto(this.fd, this.memory.address, this.memory.bytes.length);
      if (length < 0 && length !== -EAGAIN) this.tellClosed(-length);
      if (length <= 0) break;
      pieces.push(this.memory.bytes.slice(0, length));
    }
    return Uint8Array.from(Buffer.concat(pieces));
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    if (this.listener >= 0) closeSync(this.listener);
    this.fd = -1;
    this.listener = -1;
    for (const tun of this.tuns) tun.close();
    this.namespace.close();
  }

  private configure(settings: Settings): void {
    const sysctl = (name: string, value: number): void => this.namespace.sysctl(name, value);
    sysctl('net.ipv4.tcp_timestamps', settings.isOn('timestamps', false) ? 1 : 0);
    sysctl('net.ipv4.tcp_sack', settings.isOn('sack', true) ? 1 : 0);
    sysctl('net.ipv4.tcp_window_scaling', settings.isOn('window-scaling', true) ? 1 : 0);
    sysctl('net.ipv4.tcp_no_metrics_save', 1);
    sysctl('net.ipv4.conf.all.rp_filter', 0);
    sysctl('net.ipv4.conf.default.rp_filter', 0);
    sysctl('net.ipv4.tcp_syn_retries', settings.number('syn-retries', 6));
    sysctl('net.mptcp.checksum_enabled', settings.isOn('checksum', false) ? 1 : 0);
    sysctl('net.mptcp.allow_join_initial_addr_port', settings.isOn('join-initial-address', true) ? 1 : 0);
    const timeoutNs = parseDuration(settings.text('add-addr-timeout', '120s')) ?? 0;
    sysctl('net.mptcp.add_addr_timeout', Math.max(1, Math.round(timeoutNs / 1e9)));
    const room = settings.number('subflows', 8) - 1;
    this.namespace.ip(`mptcp limits set subflow ${room} add_addr_accepted ${room > 0 ? 4 : 0}`);
  }

  private addPath(number: number, settings: Settings): void {
    const name = `tun${number}`;
    const mtu = settings.number('mtu', 1500);
    const tun = Tun.open({ name, namespace: this.namespace, mtu, offload: false });
    this.tuns.push(tun);
    const bits = this.family === 4 ? 24 : 64;
    const own = addressOf(this.family, 'host', number).toString();
    const commands = [`link set ${name} mtu ${mtu} up`];
    const isOurs = number <= settings.number('addresses', 1);
    if (isOurs) commands.push(`address add ${own}/${bits} dev ${name}`);
    if (number === 1) commands.push(`route add ${this.family === 4 ? 'default' : '::/0'} dev ${name}`);
    this.namespace.ip(...commands);
    const manager = settings.text('path-manager', 'none');
    if (number > 1 && isOurs && manager !== 'none') {
      this.namespace.ip(
        `mptcp endpoint add ${own} ${manager === 'signal' ? 'signal' : 'subflow'} id ${number}`,
      );
    }
  }

  private perform(name: string, args: readonly string[]): void {
    const address = (side: 'host' | 'peer', number: number): string =>
      addressOf(this.family, side, number).toString();
    const common = {
      protocol: this.isMptcp ? 'mptcp' : 'tcp',
      port: SERVICE_PORT,
      namespace: this.namespace,
    } as const;
    switch (name) {
      case 'listen':
        this.listener = listenKernel({ ...common, address: this.family === 4 ? '0.0.0.0' : '::' });
        return;
      case 'connect':
        this.fd = connectKernel({ ...common, address: address('peer', 1), localAddress: address('host', 1) });
        return;
      case 'join':
        this.endpoint(args[0]!, `subflow${args.includes('backup') ? ' backup' : ''}`);
        return;
      case 'announce':
        this.endpoint(args[0]!, `signal id ${args[2]!}`);
        return;
      case 'withdraw':
        this.namespace.ip(`mptcp endpoint delete id ${args[0]!}`);
        return;
      default:
        this.performStream(name, args);
    }
  }

  /** Adds an endpoint of the kernel's path manager; the address is the host's own from then on. */
  private endpoint(word: string, flags: string): void {
    const [name, port] = word.split(':');
    const number = Number(name!.slice(4));
    const text = addressOf(this.family, 'host', number).toString();
    const bits = this.family === 4 ? 24 : 64;
    if (this.tuns[number - 1] === undefined) throw new CallError(`there is no ${name!}`);
    this.namespace.ip(`address replace ${text}/${bits} dev tun${number}`);
    const portWord = port === undefined ? '' : ` port ${port}`;
    const id = /id \d+$/.exec(flags)?.[0] ?? `id ${number}`;
    this.namespace.ip(`mptcp endpoint add ${text}${portWord} ${flags.replace(/ ?id \d+$/, '')} ${id}`);
  }

  private performStream(name: string, args: readonly string[]): void {
    const { fd } = this;
    if (fd < 0) throw new CallError('there is no connection yet');
    switch (name) {
      case 'write': {
        const length = Number(args[0]);
        this.memory.bytes.set(patternBytes(true, this.written + 1, length));
        const result = writeFrom(fd, this.memory.address, length);
        if (result !== length) throw new CallError(`write took ${result} of ${length} bytes`);
        this.written += length;
        return;
      }
      case 'shutdown':
        return shutdownWrite(fd);
      case 'nagle':
        return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, args[0] === 'on' ? 0 : 1);
      case 'abort':
        setsockopt(fd, SOL_SOCKET, SO_LINGER, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
        this.tell('closed', 'ECONNRESET');
        break;
      default:
        this.tell('closed', 'normal');
    }
    closeSync(fd);
    this.fd = -1;
  }

  private tell(name: string, detail?: string): void {
    this.events.push({ timeNs: this.nowNs, name, detail });
  }

  /** As {@link tell}, for what is told once. */
  private tellOnce(name: string, detail?: string): void {
    if (this.told.has(name)) return;
    this.told.add(name);
    this.tell(name, detail);
  }

  private tellClosed(errno: number): void {
    this.tellOnce('closed', getSystemErrorMap().get(-errno)?.[0] ?? String(errno));
  }

  private poll(): void {
    for (const tun of this.tuns) {
      while (tun.receive(this.received)) {
        const packet = capture(this.nowNs, this.received.bytes.slice());
        if (packet !== undefined) this.packets.push(packet);
      }
    }
    if (this.fd < 0 && this.listener >= 0) {
      const fd = acceptConnection(this.listener);
      if (fd >= 0) this.fd = fd;
    }
    if (this.fd >= 0) this.pollSocket(this.fd);
  }

  /** Finds out what the kernel's socket would have told. */
  private pollSocket(fd: number): void {
    const info = new Uint8Array(8);
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, info);
    if (info[0] === TCP_ESTABLISHED || this.listener >= 0) this.tellOnce('established');
    const peeked = peekByte(fd);
    if (peeked === 0 && this.told.has('established')) this.tellOnce('peer-closed');
    if (peeked > 0) this.tellOnce('readable');
    // ENOTCONN: the handshake goes on.
    if (peeked < 0 && peeked !== -EAGAIN && peeked !== -107) this.tellClosed(-peeked);
    if (!this.isMptcp || !this.told.has('established')) return;
    const multipath = isMultipath(fd);
    if (!multipath) this.tellOnce('fallback');
    const connection = multipath ? connectionInfo(fd) : undefined;
    if ((connection?.acceptedAddresses ?? 0) > 0) this.tellOnce('address-announced');
    const now = connection?.totalSubflows ?? 1;
    for (; this.subflows < now - 1; this.subflows++) this.tell('subflow-opened');
    for (; this.subflows > Math.max(0, now - 1); this.subflows--) this.tell('subflow-closed');
  }
}
