/** The world of `fast-open`: a client that visits a server again and again, each time with a request and an answer. */

import { NEVER, SECOND } from '../../base/index.js';
import type { MptcpSettings } from '../../mptcp/index.js';
import { type Application, pathAddress, Simulator, twoHosts, type TwoHosts } from '../../network/index.js';
import {
  type FastOpenListenOptions,
  type FastOpenMode,
  type Socket,
  Stack,
  type StackEvent,
} from '../../stack/index.js';

/** The port that the server listens on. */
const port = 80;
/** Longest that a visit may take, and the time between visits, in ns. */
const visitNs = 20 * SECOND;

/** How client and server are set up. */
export interface VisitSetup {
  readonly seed: number;
  readonly mptcp: MptcpSettings;
  readonly rateBps: number;
  readonly delayNs: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly listen: false | FastOpenListenOptions;
}

/** One visit, measured; times in ns since the client connected, undefined where it did not come to that. */
export interface Visit {
  /** Bytes of the request that the server took from the SYN. */
  readonly bytesInSyn: number;
  /** When the server had read the whole request. */
  readonly requestNs: number | undefined;
  /** When the first byte of the answer was there for the client to read. */
  readonly firstByteNs: number | undefined;
  /** When the client had read the whole answer. */
  readonly answerNs: number | undefined;
  /** Whether the connection was Multipath TCP at the end. */
  readonly isMultipath: boolean;
}

/** Reads so many bytes of each socket; does something at the first of them, and something else at the last. */
class Reader implements Application {
  private readonly wanted: number;
  private readonly begun: (now: number) => void;
  private readonly done: (now: number, socket: Socket) => void;
  private readonly read = new Map<Socket, number>();

  constructor(wanted: number, begun: (now: number) => void, done: (now: number, socket: Socket) => void) {
    this.wanted = wanted;
    this.begun = begun;
    this.done = done;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept()) {
        this.take(now, socket);
      }
      return;
    }
    if (event.type === 'readable') this.take(now, event.socket);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {}

  private take(now: number, socket: Socket): void {
    let total = this.read.get(socket) ?? 0;
    const before = total;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) total += bytes.length;
    this.read.set(socket, total);
    if (before === 0 && total > 0) this.begun(now);
    if (before < this.wanted && total >= this.wanted) this.done(now, socket);
  }
}

/** A client and a server between visits. */
export class VisitWorld {
  private readonly setup: VisitSetup;
  private readonly simulator: Simulator;
  private readonly hosts: TwoHosts;
  private requestAt: number | undefined = undefined;
  private firstByteAt: number | undefined = undefined;
  private answerAt: number | undefined = undefined;

  constructor(setup: VisitSetup) {
    this.setup = setup;
    this.simulator = new Simulator(setup.seed);
    const stack = (): Stack =>
      new Stack({ random: this.simulator.random.fork(), settings: { mptcp: setup.mptcp } });
    const { rateBps, delayNs } = setup;
    const paths = [{ both: { rateBps, delayNs } }];
    this.hosts = twoHosts(this.simulator, { client: stack(), server: stack(), paths });
    const { client, server } = this.hosts;
    server.stack.listen(0, { local: { port }, fastOpen: setup.listen });
    server.run(
      0,
      new Reader(
        setup.requestBytes,
        () => undefined,
        (now, socket) => this.answer(now, socket),
      ),
    );
    client.run(
      0,
      new Reader(
        setup.answerBytes,
        (now) => (this.firstByteAt = now),
        (now) => (this.answerAt = now),
      ),
    );
  }

  /** One visit, and time for everything about it to be over. */
  visit(fastOpen: FastOpenMode): Visit {
    const { simulator, hosts, setup } = this;
    const startAt = simulator.now;
    this.requestAt = undefined;
    this.firstByteAt = undefined;
    this.answerAt = undefined;
    const remote = { address: pathAddress(0, 'server', 4), port };
    const socket = hosts.client.stack.connect(startAt, { remote, fastOpen });
    socket.write(startAt, new Uint8Array(setup.requestBytes));
    hosts.client.wake(startAt);
    simulator.runUntil(startAt + visitNs);
    const { connection } = socket;
    const since = (at: number | undefined): number | undefined =>
      at === undefined ? undefined : at - startAt;
    const visit = {
      bytesInSyn: connection.fastOpen?.acceptedBytes ?? 0,
      requestNs: since(this.requestAt),
      firstByteNs: since(this.firstByteAt),
      answerNs: since(this.answerAt),
      isMultipath: !connection.isFallback,
    };
    socket.abort(simulator.now);
    hosts.client.wake(simulator.now);
    simulator.runUntil(simulator.now + visitNs);
    return visit;
  }

  private answer(now: number, socket: Socket): void {
    this.requestAt = now;
    socket.write(now, new Uint8Array(this.setup.answerBytes));
  }
}
