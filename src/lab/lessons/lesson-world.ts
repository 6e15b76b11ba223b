/**
 * The little world of a lesson: two hosts, a request, an answer, and what happens to the paths meanwhile. Virtual time, one
 * seed: the same packets whenever and wherever it runs.
 */
import { assert, MILLISECOND, NEVER, SeededRandom } from '../../base/index.js';
import { defaultMptcpSettings, fullMesh, schedulerNamed } from '../../mptcp/index.js';
import {
  type Application,
  type Device,
  middleboxBehaviour,
  MiddleboxDevice,
  pathAddress,
  type Side,
  Simulator,
  TapDevice,
  twoHosts,
  type TwoHosts,
} from '../../network/index.js';
import { type Socket, Stack, type StackEvent } from '../../stack/index.js';
import type { LessonIncident, LessonPath, LessonScript } from './model.js';
import { LessonRecorder } from './recorder.js';

const PORT = 80;
/** Rate of every path, in bit/s: slow enough that packets stand apart. */
const RATE_BPS = 10e6;
/** Payload of a segment that has a DSS with all its fields. */
export const FULL_SEGMENT_BYTES = 1420;
/** How long a packet may still be on its way after the last that is shown was sent, in ns. */
const AFTERWARDS_NS = 500 * MILLISECOND;
const REQUEST = 'GET /film HTTP/1.1\r\nHost: server.example\r\nConnection: close\r\n\r\n';
const LINE = 'All the data of the answer is this line of text. ';

/** Runs the script; gives what its packets did. */
export function runScript(script: LessonScript): LessonRecorder {
  const recorder = new LessonRecorder();
  const simulator = new Simulator(script.seed);
  const hosts = twoHosts(simulator, {
    client: makeStack(script, simulator, 'client'),
    server: makeStack(script, simulator, 'server'),
    paths: script.paths.map((path, index) => ({
      both: { rateBps: RATE_BPS, delayNs: path.delayNs },
      backup: path.isBackup ?? false,
      wrap: (device, side) => wrap(device, side, path, { index, simulator, recorder }),
    })),
  });
  hosts.server.stack.listen(0, { local: { port: PORT } });
  hosts.server.run(0, new LessonServer(script));
  const client = new LessonClient(script);
  hosts.client.run(0, client);
  for (const incident of script.incidents ?? []) schedule(simulator, hosts, incident);
  simulator.at(0, (now) => {
    const remote = { address: pathAddress(0, 'server', 4), port: PORT };
    client.socket = hosts.client.stack.connect(now, { remote });
    hosts.client.wake(now);
  });
  simulator.runUntil(script.untilNs + AFTERWARDS_NS);
  return recorder;
}

function makeStack(
  { version = 1, checksum = false, scheduler, mappingBytes = FULL_SEGMENT_BYTES }: LessonScript,
  simulator: Simulator,
  side: Side,
): Stack {
  const isServer = side === 'server';
  const mptcp = {
    ...defaultMptcpSettings,
    ...(isServer ? {} : { pathManager: fullMesh, checksum }),
    scheduler: schedulerNamed(scheduler ?? 'lowest-rtt'),
    maxMappingBytes: mappingBytes,
    versions: isServer ? ([1, 0] as const) : [version],
  };
  return new Stack({ random: simulator.random.fork(), settings: { mptcp } });
}

interface Place {
  readonly index: number;
  readonly simulator: Simulator;
  readonly recorder: LessonRecorder;
}

/** From the link to the host: an observer, at the client's side a box and another observer. */
function wrap(device: Device, side: Side, path: LessonPath, { index, simulator, recorder }: Place): Device {
  if (side === 'server') return new TapDevice(device, [recorder.observer(index, 'server')]);
  const outer = new TapDevice(device, [recorder.observer(index, 'link')]);
  return new TapDevice(boxed(outer, path, index, simulator), [recorder.observer(index, 'client')]);
}

function boxed(device: Device, { box, boxAtByte }: LessonPath, index: number, simulator: Simulator): Device {
  if (box === undefined) return device;
  const random = new SeededRandom(simulator.random.nextUint32());
  const publicAddresses = [pathAddress(index, 'client', 4)];
  const atByte = boxAtByte === undefined ? {} : { atByte: boxAtByte };
  return new MiddleboxDevice(
    simulator,
    middleboxBehaviour(box).make({ random, publicAddresses, ...atByte }),
    device,
  );
}

function schedule(simulator: Simulator, { links }: TwoHosts, { atNs, path, what }: LessonIncident): void {
  simulator.at(atNs, (now) => {
    const { forward, backward } = links[path]!;
    forward.setState(now, 'blackhole');
    // Without carrier what was on the way to the client is lost, and it knows.
    backward.setState(now, what === 'leave' ? 'down' : 'blackhole');
  });
}

/** Asks once, reads the answer, and closes if it is to. */
class LessonClient implements Application {
  socket: Socket | undefined = undefined;
  private readonly closes: boolean;
  private missing: number;

  constructor({ closes = false, answer }: LessonScript) {
    this.closes = closes;
    this.missing = answer.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable' || event.socket !== this.socket) return;
    const { socket } = event;
    if (event.type === 'established') socket.write(now, asBytes(REQUEST));
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      this.missing -= bytes.length;
      if (this.closes && this.missing === 0) socket.shutdown(now);
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    assert(false, 'the client asked for no timer');
  }
}

/** Answers the request that comes, piece by piece. */
class LessonServer implements Application {
  private readonly script: LessonScript;
  private socket: Socket | undefined = undefined;
  private requested = 0;
  private requestedAt = NEVER;
  /** Pieces that were written. */
  private written = 0;

  constructor(script: LessonScript) {
    this.script = script;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') this.socket ??= event.listener.accept();
    const { socket } = this;
    if (socket === undefined || socket.state === 'closed') return;
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      this.requested += bytes.length;
      if (this.requested === REQUEST.length) this.requestedAt = now;
    }
    if (event.type === 'peer-closed') socket.shutdown(now);
  }

  pollTimeout(): number {
    const next = this.script.answer[this.written];
    return next === undefined ? NEVER : this.requestedAt + next.afterNs;
  }

  handleTimeout(now: number): void {
    const { answer, closes = false } = this.script;
    const { bytes } = answer[this.written++]!;
    this.socket?.write(now, asBytes(LINE.repeat(Math.ceil(bytes / LINE.length)).slice(0, bytes)));
    if (closes && this.written === answer.length) this.socket?.shutdown(now);
  }
}

function asBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
