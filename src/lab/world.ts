/**
 * A scenario at work: two hosts, the links between them, boxes, applications, and everything that is noted for plots and
 * numbers. In virtual time, and deterministic: how often and how far {@link LabWorld.advance} is called changes nothing, and
 * what is done to a path while it runs is an incident of the scenario from then on, which replays it.
 */
import { MILLISECOND, MINUTE, NEVER, SeededRandom } from '../base/index.js';
import type { PcapngWriter } from '../capture/index.js';
import {
  defaultMptcpSettings,
  fullMesh,
  schedulerNamed,
  settingsForServiceType,
  type Subflow,
} from '../mptcp/index.js';
import {
  CaptureObserver,
  type Device,
  type EventItem,
  type Link,
  type LinkSetup,
  middleboxBehaviour,
  MiddleboxDevice,
  PacketGlance,
  type PacketObserver,
  pathAddress,
  type PathSetup,
  randomLoss,
  type Side,
  Simulator,
  TapDevice,
  twoHosts,
  type TwoHosts,
} from '../network/index.js';
import { serviceTypeNamed } from '../policy/index.js';
import { Stack, type StackSettings } from '../stack/index.js';
import { congestionNamed } from '../tcp/index.js';
import { IpAddress } from '../wire/index.js';
import { Content } from './content.js';
import { recordingScheduler } from './decisions.js';
import { DecisionLog } from './decision-log.js';
import { FlightLog } from './flight-log.js';
import { FlightTap } from './flights.js';
import { HeaderDigest } from './header-digest.js';
import { LiveSeries } from './live-series.js';
import { FULL_MESH } from './names.js';
import { PathCondition } from './path-condition.js';
import {
  type Incident,
  type IncidentKind,
  linkKindOf,
  type PathScenario,
  type Scenario,
  scenarioLimits,
} from './scenario.js';
import { AnsweringServer, AskingClient } from './traffic.js';

/** Virtual time after which a run ends, whatever the state of things. */
export const LONGEST_RUN_NS = 20 * MINUTE;
/** Virtual time between two looks at whether it is over. */
const CHECK_NS = 100 * MILLISECOND;

const PORT = 80;
/** Time between two looks at the server's subflows, in ns. */
const SAMPLE_NS = 20 * MILLISECOND;
/**
 * Incidents happen between two nanoseconds, where nothing else does: so their order among events at one instant cannot
 * depend on when they were asked for.
 */
const BETWEEN_NS = 0.5;

/** How a subflow was. */
export interface SubflowSample {
  /** 0 before it was measured. */
  readonly srttNs: number;
  readonly cwndBytes: number;
  readonly isBackup: boolean;
}

export interface LabWorldOptions {
  /** Receives the packets at the client: frame by frame what its series and its digest are made of. */
  readonly capture?: PcapngWriter;
}

export class LabWorld implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  readonly client: AskingClient;
  readonly server: AnsweringServer;
  readonly series: LiveSeries;
  readonly flights = new FlightLog();
  readonly decisions: DecisionLog;
  /** A number that stands for every packet at the client. */
  readonly digest = new HeaderDigest();
  readonly hosts: TwoHosts;
  /** How each path stands after all that happened to it. */
  readonly conditions: readonly PathCondition[];
  private readonly glance = new PacketGlance();
  private readonly simulator: Simulator;
  private readonly initial: Scenario;
  private readonly incidents: Incident[];
  private readonly taps: FlightTap[] = [];
  private readonly seen: (SubflowSample | undefined)[] = [];
  private isOver = false;
  /** When it is asked next whether it is over; see {@link CHECK_NS}. */
  private nextCheckNs = CHECK_NS;

  constructor(scenario: Scenario, { capture }: LabWorldOptions = {}) {
    const { seed, paths, traffic } = scenario;
    this.initial = scenario;
    this.incidents = [...scenario.incidents];
    this.simulator = new Simulator(seed);
    this.series = new LiveSeries(paths.length);
    this.decisions = new DecisionLog(paths.length);
    const stack = (side: Side): Stack =>
      new Stack({ random: this.simulator.random.fork(), settings: this.settingsOf(side) });
    this.hosts = twoHosts(this.simulator, {
      client: stack('client'),
      server: stack('server'),
      paths: paths.map((path, index) => this.pathSetup(path, index, capture)),
    });
    for (const [index, { forward, backward }] of this.links.entries()) {
      this.taps[2 * index]!.direction = forward;
      this.taps[2 * index + 1]!.direction = backward;
    }
    this.conditions = this.links.map(
      (link, index) =>
        new PathCondition(
          { simulator: this.simulator, client: this.hosts.client, index, link },
          paths[index]!,
        ),
    );
    const content = new Content(seed);
    this.server = new AnsweringServer(traffic, content);
    this.client = new AskingClient(traffic, content);
    this.start();
  }

  /** The virtual instant, in ns. */
  get now(): number {
    return this.simulator.now;
  }

  get eventCount(): number {
    return this.simulator.eventCount;
  }

  get links(): readonly Link[] {
    return this.hosts.links;
  }

  /** The scenario with all that has been done to it. */
  get scenario(): Scenario {
    return { ...this.initial, incidents: [...this.incidents] };
  }

  /** Whether it is over: see {@link CHECK_NS}. */
  get isDone(): boolean {
    return this.isOver;
  }

  /**
   * Lets everything happen up to `untilNs`, or until it is over, but no more than `maxEvents`. What is over stands at the end
   * of an interval of {@link CHECK_NS}, in however many calls it got there.
   */
  advance(untilNs: number, maxEvents = Number.POSITIVE_INFINITY): void {
    const { simulator } = this;
    const last = simulator.eventCount + maxEvents;
    while (!this.isOver) {
      const until = Math.min(untilNs, this.nextCheckNs);
      if (simulator.run({ until, maxEvents: last - simulator.eventCount }) === 'event-limit') return;
      simulator.runUntil(until);
      if (until < this.nextCheckNs) return;
      this.nextCheckNs += CHECK_NS;
      this.isOver = this.hasEnded || until >= LONGEST_RUN_NS;
    }
  }

  /** Lets the next event happen. */
  step(): void {
    if (this.simulator.nextEventAt() > this.nextCheckNs) this.advance(this.nextCheckNs);
    else if (!this.isOver) this.simulator.run({ maxEvents: 1 });
  }

  /** Whether all was answered and both ends know, or the connection is lost. */
  private get hasEnded(): boolean {
    const { socket, completedAt } = this.client;
    const isServerDone = this.server.socket === undefined || this.server.socket.state === 'closed';
    return socket?.state === 'closed' && (isServerDone || completedAt < 0);
  }

  /** Does something to a path a moment from now, and gives the incident; undefined when there were too many already. */
  act(path: number, what: IncidentKind): Incident | undefined {
    const incident = { atUs: Math.floor(this.now / 1000) + 1, path, what };
    return this.add(incident) ? incident : undefined;
  }

  /**
   * Has an incident happen that the scenario did not know of; not when its time has passed, when there is no such path, or
   * when there were too many already. After the end it is noted and changes nothing.
   */
  add(incident: Incident): boolean {
    const isPast = incident.atUs * 1000 + BETWEEN_NS < this.now;
    const isTooMany = this.incidents.length >= scenarioLimits.incidents;
    if (isPast || isTooMany || this.links[incident.path] === undefined) return false;
    this.incidents.push(incident);
    this.scheduleIncident(incident);
    return true;
  }

  /** The path of a subflow of the server's: the client's addresses tell it, also those of a translator; -1 for none. */
  pathOf({ remote }: Subflow): number {
    return this.initial.paths.findIndex((_, index) => pathAddress(index, 'client', 4).equals(remote.address));
  }

  /** How the server's subflow on a path was when it was looked at last; undefined when there was none yet. */
  lastSample(path: number): SubflowSample | undefined {
    return this.seen[path];
  }

  /** Looks at the server's subflows. */
  handleDue(now: number): void {
    const x = now / 1e9;
    this.series.holdWindow(x);
    for (const subflow of this.server.socket?.connection.subflows ?? []) {
      const path = this.pathOf(subflow);
      if (path < 0 || subflow.state !== 'active') continue;
      const { rtt, cwndBytes, bytesInFlight } = subflow.tcp;
      this.seen[path] = { srttNs: rtt.srttNs, cwndBytes, isBackup: subflow.isBackup };
      if (rtt.srttNs > 0) this.series.srtt[path]!.add(x, rtt.srttNs / 1e9, rtt.srttNs / 1e9, 0);
      this.series.cwnd[path]!.add(x, cwndBytes, cwndBytes, 0);
      this.series.flight[path]!.add(x, bytesInFlight, bytesInFlight, 0);
    }
    if (!this.isOver) this.simulator.schedule(this, now + SAMPLE_NS);
  }

  private settingsOf(side: Side): Partial<StackSettings> {
    const { scheduler, congestion, service, version, checksum, windowBytes } = this.initial;
    const named = schedulerNamed(scheduler);
    // A service type brings a scheduler where it needs one of its own; what the scenario names is for all others.
    const served = service === FULL_MESH ? {} : settingsForServiceType(serviceTypeNamed(service));
    const isTarget = service === 'targetBased';
    const chosen = isTarget && served.scheduler !== undefined ? served.scheduler : named;
    const isServer = side === 'server';
    const mptcp = {
      ...defaultMptcpSettings,
      ...(isServer ? {} : { pathManager: fullMesh, ...served }),
      ...{ checksum, scheduler: isServer ? this.recording(chosen) : chosen, maxSubflows: 8 },
      ...{ versions: isServer ? ([1, 0] as const) : [version] },
      ...(isServer ? {} : { receiveBufferBytes: windowBytes }),
    };
    return { mptcp, congestion: congestionNamed(congestion) };
  }

  private recording(factory: ReturnType<typeof schedulerNamed>): ReturnType<typeof schedulerNamed> {
    return recordingScheduler(factory, (now, subflow, reason) =>
      this.decisions.note(now, subflow === undefined ? -1 : this.pathOf(subflow), reason),
    );
  }

  private pathSetup(path: PathScenario, index: number, capture: PcapngWriter | undefined): PathSetup {
    const { box, isBackup } = path;
    const isTranslated = box !== '' && middleboxBehaviour(box).translates === true;
    return {
      both: linkOptionsOf(path),
      backup: isBackup,
      ...(isTranslated ? { clientAddress: privateAddress(index) } : {}),
      wrap: (device, side) => this.wrap(device, side, index, path, capture),
    };
  }

  /** From the link to the host: what draws packets, the box, what observes them. */
  private wrap(
    device: Device,
    side: Side,
    index: number,
    { name, box }: PathScenario,
    capture: PcapngWriter | undefined,
  ): Device {
    const isForward = side === 'client';
    const tap = new FlightTap(device, { path: index, isForward }, this.flights);
    this.taps[2 * index + (isForward ? 0 : 1)] = tap;
    if (!isForward) return tap;
    const observers = capture === undefined ? [] : [new CaptureObserver(capture, { name })];
    const boxed = box === '' ? tap : this.boxed(tap, box, index);
    return new TapDevice(boxed, [...observers, this.watcher(index)]);
  }

  /** Notes the packets of a path at the client, and leaves them unwritten. */
  private watcher(path: number): PacketObserver {
    const { glance, digest, series } = this;
    return {
      observe: (now, packet, direction) => {
        glance.look(packet);
        digest.add(now, glance, direction);
        series.add(now, glance, direction, path);
      },
    };
  }

  private boxed(device: Device, box: string, index: number): Device {
    const random = new SeededRandom(this.simulator.random.nextUint32());
    const publicAddresses = [pathAddress(index, 'client', 4)];
    const made = middleboxBehaviour(box).make({ random, publicAddresses });
    return new MiddleboxDevice(this.simulator, made, device);
  }

  private start(): void {
    const { client, server } = this.hosts;
    this.initial.paths.forEach(({ name }, index) => {
      const kind = linkKindOf(name);
      client.stack.setLinkFacts(0, index, { kind, isMetered: kind === 'cellular', hasCarrier: true });
    });
    server.stack.listen(0, { local: { port: PORT } });
    server.run(0, this.server);
    client.run(0, this.client);
    for (const incident of this.incidents) this.scheduleIncident(incident);
    this.simulator.at(0, (now) => {
      const remote = { address: pathAddress(0, 'server', 4), port: PORT };
      this.client.socket = client.stack.connect(now, { remote });
      client.wake(now);
    });
    this.simulator.schedule(this, SAMPLE_NS);
  }

  private scheduleIncident(incident: Incident): void {
    const at = incident.atUs * 1000 + BETWEEN_NS;
    this.simulator.at(at, (now) => this.conditions[incident.path]!.happen(now, incident));
  }
}

function linkOptionsOf({ rateBps, delayNs, loss, bufferBytes }: PathScenario) {
  return {
    rateBps,
    delayNs,
    loss: randomLoss(loss),
    queue: { bytes: bufferBytes },
  } satisfies LinkSetup['both'];
}

/** The client's address behind a translator: 192.168.PATH.2. */
function privateAddress(index: number): IpAddress {
  return new IpAddress(4, 0, 0, 0, 0xc0a8_0002 + index * 256);
}
