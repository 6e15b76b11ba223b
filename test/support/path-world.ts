/**
 * Two stacks with simulated paths between them, wire checkers before every device, and applications that do as a test
 * says: for behaviour that spans several interfaces. See `stack-pair.ts` for hosts wired back to back.
 */
import { NEVER, SeededRandom } from '../../src/base/index.js';
import {
  type Application,
  type Device,
  type Direction,
  type Host,
  type Link,
  type Packet,
  pathAddress,
  type PathSetup,
  Pattern,
  Simulator,
  StreamChecker,
  TapDevice,
  twoHosts,
  type Side,
  type Violation,
  WireChecker,
} from '../../src/network/index.js';
import {
  type Socket,
  Stack,
  type StackConnectOptions,
  type StackEvent,
  type StackSettings,
} from '../../src/stack/index.js';
import { IpPacket, IpProtocol, parseIp, parseTcpPacket, type TcpPacket } from '../../src/wire/index.js';

/** Port that the server listens on. */
const serverPort = 80;

/** A TCP segment that left a host. */
export interface SentSegment {
  readonly at: number;
  readonly from: Side;
  readonly path: number;
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly tcp: TcpPacket;
}

export interface PathWorldOptions {
  readonly paths: readonly PathSetup[];
  readonly client?: Partial<StackSettings>;
  readonly server?: Partial<StackSettings>;
  readonly seed?: number;
}

/** What one socket has to send and has got. */
export class Talk {
  readonly checker: StreamChecker;
  /** When each chunk was read: instant and bytes so far. */
  readonly arrivals: { readonly at: number; readonly bytes: number }[] = [];
  establishedAt = NEVER;
  closedAt = NEVER;
  errorCode = '';
  readonly notices: string[] = [];

  constructor(other: Pattern) {
    this.checker = new StreamChecker(other);
  }
}

class Talker implements Application {
  readonly talks = new Map<Socket, Talk>();
  private readonly other: Pattern;
  private readonly accepted: Socket[];

  constructor(other: Pattern, accepted: Socket[]) {
    this.other = other;
    this.accepted = accepted;
  }

  talkOf(socket: Socket): Talk {
    let talk = this.talks.get(socket);
    if (talk === undefined) this.talks.set(socket, (talk = new Talk(this.other)));
    return talk;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept()) {
        this.accepted.push(socket);
        this.talkOf(socket).establishedAt = now;
      }
      return;
    }
    const talk = this.talkOf(event.socket);
    if (event.type === 'established') talk.establishedAt = now;
    else if (event.type === 'readable') this.read(now, event.socket, talk);
    else if (event.type === 'path') talk.notices.push(event.notice.type);
    else if (event.type === 'peer-closed') event.socket.shutdown(now);
    else if (event.type === 'closed') {
      talk.closedAt = now;
      talk.errorCode = event.error?.code ?? '';
    }
  }

  private read(now: number, socket: Socket, talk: Talk): void {
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      talk.checker.accept(bytes);
      talk.arrivals.push({ at: now, bytes: talk.checker.bytesDelivered });
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Talkers act on events only.
  }
}

export class PathWorld {
  readonly simulator: Simulator;
  readonly client: Host;
  readonly server: Host;
  readonly links: readonly Link[];
  /** Every TCP segment that either host sent. */
  readonly sent: SentSegment[] = [];
  /** Connections that the server's application got. */
  readonly accepted: Socket[] = [];
  /** Sees each packet that a host is about to send, and may swallow it by answering false. */
  filter: (segment: SentSegment) => boolean = () => true;
  private readonly talkers: Record<Side, Talker>;
  private readonly checkers: Record<Side, WireChecker>;
  private readonly patterns = { client: new Pattern(1), server: new Pattern(2) };
  private readonly written = new Map<Socket, number>();

  constructor(options: PathWorldOptions) {
    const seed = options.seed ?? 1;
    this.simulator = new Simulator(seed);
    const { patterns } = this;
    this.checkers = {
      client: new WireChecker({ host: 'client', pattern: patterns.client }),
      server: new WireChecker({ host: 'server', pattern: patterns.server }),
    };
    const stack = (side: Side, add: number): Stack =>
      new Stack({ random: new SeededRandom(seed * 2 + add), settings: options[side] ?? {} });
    const paths = options.paths.map((path, index) => ({
      ...path,
      wrap: (device: Device, side: Side) => this.tap(path.wrap?.(device, side) ?? device, side, index),
    }));
    const hosts = twoHosts(this.simulator, { client: stack('client', 0), server: stack('server', 1), paths });
    this.client = hosts.client;
    this.server = hosts.server;
    this.links = hosts.links;
    this.talkers = {
      client: new Talker(patterns.server, []),
      server: new Talker(patterns.client, this.accepted),
    };
    this.client.run(0, this.talkers.client);
    this.server.run(0, this.talkers.server);
    this.server.stack.listen(0, { local: { port: serverPort } });
  }

  /** From the host outwards: the checker and the log, then what may swallow a packet, then the device. */
  private tap(device: Device, side: Side, path: number): Device {
    let isPassed = true;
    const note = {
      observe: (at: number, packet: Packet, direction: Direction): void => {
        isPassed = true;
        const segment = direction === 'outward' ? dissectTcp(at, side, path, packet) : undefined;
        if (segment === undefined) return;
        this.sent.push(segment);
        isPassed = this.filter(segment);
      },
    };
    const filtered: Device = {
      capabilities: device.capabilities,
      get isUp() {
        return device.isUp;
      },
      send: (now, packet) => {
        if (isPassed) device.send(now, packet);
      },
      attach: (receiver) => device.attach(receiver),
    };
    return new TapDevice(filtered, [this.checkers[side], note]);
  }

  get now(): number {
    return this.simulator.now;
  }

  /** What the checkers found. */
  get violations(): readonly Violation[] {
    return [...this.checkers.client.violations, ...this.checkers.server.violations];
  }

  /** The client connects to the server's address on path 0, or as `options` say. */
  connect(options: Partial<StackConnectOptions> = {}): Socket {
    const remote = { address: pathAddress(0, 'server', 4), port: serverPort };
    const socket = this.client.stack.connect(this.now, { remote, ...options });
    this.client.wake(this.now);
    return socket;
  }

  /** Has `socket`, of either side, write the next `bytes` of its stream; `end` ends the stream after them. */
  write(socket: Socket, bytes: number, end = false): void {
    const side: Side = this.accepted.includes(socket) ? 'server' : 'client';
    const from = this.written.get(socket) ?? 0;
    if (bytes > 0) socket.write(this.now, this.patterns[side].fill(new Uint8Array(bytes), from));
    this.written.set(socket, from + bytes);
    if (end) socket.shutdown(this.now);
    this[side].wake(this.now);
  }

  /** Does something to a socket of `side`, and lets the host notice. */
  act(side: Side, action: (now: number) => void): void {
    action(this.now);
    this[side].wake(this.now);
  }

  run(untilNs: number): this {
    this.simulator.runUntil(untilNs);
    return this;
  }

  /** Lets `durationNs` pass. */
  pass(durationNs: number): this {
    return this.run(this.now + durationNs);
  }

  talk(socket: Socket): Talk {
    return this.talkers[this.accepted.includes(socket) ? 'server' : 'client'].talkOf(socket);
  }
}

function dissectTcp(at: number, from: Side, path: number, packet: Packet): SentSegment | undefined {
  const ip = new IpPacket();
  if (parseIp(packet.bytes, 0, packet.bytes.length, ip) !== undefined || ip.protocol !== IpProtocol.TCP)
    return undefined;
  const tcp = parseTcpPacket(packet.bytes.slice(), ip.payloadOffset, ip.payloadLength);
  if (!tcp.ok) return undefined;
  const { family, source, destination } = ip;
  return {
    at,
    from,
    path,
    family,
    source: source.toString(),
    destination: destination.toString(),
    tcp: tcp.value,
  };
}

/** The subtypes of the Multipath TCP options of a segment. */
export function subtypesOf({ tcp }: SentSegment): string[] {
  return tcp.options.flatMap((option) => (option.kind === 'mptcp' ? [option.option.subtype] : []));
}
