/** For tests of the probe: a server on our stack behind one simulated link, that answers requests as a web server does. */
import { MILLISECOND, SeededRandom } from '../../src/base/index.js';
import { ProbeHost } from '../../src/experiments/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../src/mptcp/index.js';
import { type Application, Host, Link, pathAddress, Simulator } from '../../src/network/index.js';
import {
  type ConversationSetup,
  defaultProbeSettings,
  drawSecrets,
  findScenario,
  ProbeRun,
  type ScenarioResult,
} from '../../src/probe/index.js';
import { type Socket, Stack, type StackEvent } from '../../src/stack/index.js';
import { IpAddress, type MptcpVersion } from '../../src/wire/index.js';
import { answerTo, request } from './probe-request.js';

const port = 80;

/** Reads requests and answers each with a page. */
export class WebServer implements Application {
  /** Bytes read so far. */
  received = '';
  private readonly answered = new Set<Socket>();

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      const socket = event.listener.accept();
      if (socket !== undefined) this.read(now, socket);
      return;
    }
    this.read(now, event.socket);
  }

  pollTimeout(): number {
    return Number.POSITIVE_INFINITY;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }

  private read(now: number, socket: Socket): void {
    if (socket.state === 'closed') return;
    for (let chunk = socket.read(now); chunk !== undefined; chunk = socket.read(now))
      this.received += new TextDecoder().decode(chunk);
    const answer = answerTo(this.received);
    if (answer === undefined || this.answered.has(socket)) return;
    this.answered.add(socket);
    socket.write(now, new TextEncoder().encode(answer));
  }
}

/** A server with these settings and a probe in front of it. */
export class ProbeWorld {
  readonly simulator = new Simulator(11);
  readonly server = new WebServer();
  readonly host: Host;
  readonly probe: ProbeHost;
  readonly family: 4 | 6;

  constructor(mptcp: Partial<MptcpSettings> = {}, family: 4 | 6 = 4) {
    this.family = family;
    const { simulator } = this;
    const link = new Link(simulator, { both: { delayNs: 10 * MILLISECOND } });
    const stack = new Stack({
      random: simulator.random.fork(),
      settings: { mptcp: { ...defaultMptcpSettings, ...mptcp } },
    });
    this.host = new Host(simulator, 'server', stack);
    const address = pathAddress(0, 'server', family);
    const prefixLength = family === 4 ? 24 : 64;
    this.host.addDevice(0, link.right, { name: 'net', addresses: [{ address, prefixLength }] });
    stack.listen(0, { local: { port } });
    this.host.run(0, this.server);
    this.probe = new ProbeHost(simulator, link.left);
  }

  /** What the runs of this world are made with. */
  setup(version: MptcpVersion, more: Partial<ConversationSetup> = {}): ConversationSetup {
    return {
      target: { address: pathAddress(0, 'server', this.family), port },
      local: pathAddress(0, 'client', this.family),
      version,
      secrets: drawSecrets(new SeededRandom(5)),
      settings: { ...defaultProbeSettings, attempts: 2 },
      request,
      ...more,
    };
  }

  /** Runs a scenario to its end. */
  run(name: string, version: MptcpVersion, more: Partial<ConversationSetup> = {}): ScenarioResult {
    const run = new ProbeRun(findScenario(name), this.setup(version, more));
    this.probe.complete(run);
    return run.report();
  }
}

/** A second address of the probe on the same link. */
export const secondAddress = IpAddress.parse('10.0.0.3')!;
