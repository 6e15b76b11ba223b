/** The demo in virtual time: both ends are our engine. */

import { NEVER } from '../../base/index.js';
import { Host, pathAddress, type Application } from '../../network/index.js';
import { defaultMptcpSettings, schedulerNamed } from '../../mptcp/index.js';
import { Stack, type Socket, type StackEvent, type StackSettings } from '../../stack/index.js';
import { congestionNamed } from '../../tcp/index.js';
import { FailureError } from '../errors.js';
import { Content } from './content.js';
import type { DemoParameters } from './parameters.js';
import type { DemoOutcome } from './result.js';
import { DemoWorld, seededSecrets, type DemoRun } from './world.js';

/** No well-known service: analysers show the content as what it is, bytes. */
const port = 45_000;
const sampleEveryNs = 50e6;
/** A transfer that takes longer than this in virtual time does not go on. */
const patienceNs = 3600e9;

/** Serves the content to the first client that connects. */
class ContentServer implements Application {
  private readonly content: Content;
  private socket: Socket | undefined;
  private isDone = false;

  constructor(stack: Stack, content: Content) {
    this.content = content;
    stack.listen(0, { local: { port } });
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') this.socket ??= event.listener.accept();
    if (event.type === 'acceptable' || event.type === 'writable') this.send(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {}

  private send(now: number): void {
    if (this.socket === undefined || this.isDone) return;
    for (let chunk = this.content.next(); chunk !== undefined; chunk = this.content.next()) {
      if (!this.socket.write(now, chunk)) return;
    }
    this.isDone = true;
    this.socket.shutdown(now);
  }
}

/** How the server, which is the sender, does things. */
function settingsOf({ scheduler, congestion }: DemoParameters): Partial<StackSettings> {
  return {
    ...(scheduler !== undefined && {
      mptcp: { ...defaultMptcpSettings, scheduler: schedulerNamed(scheduler) },
    }),
    ...(congestion !== undefined && { congestion: congestionNamed(congestion) }),
  };
}

/** Runs the demo as fast as the processor goes. The same parameters give the same outcome to the byte. */
export function runSimulated(parameters: DemoParameters, run: DemoRun): DemoOutcome {
  const content = new Content(parameters.seed, parameters.sizeBytes);
  const remote = { address: pathAddress(0, 'server', 4), port };
  const world = new DemoWorld(0, parameters, remote, seededSecrets(parameters, 0), run);
  const { simulator } = world;
  const stack = new Stack({ random: seededSecrets(parameters, 1), settings: settingsOf(parameters) });
  const server = new Host(simulator, 'server', stack);
  world.links.forEach((link, index) => {
    server.addDevice(0, link.right, {
      name: `path${index}`,
      addresses: [{ address: pathAddress(index, 'server', 4), prefixLength: 24 }],
    });
  });
  server.run(0, new ContentServer(stack, content));
  const tick = (now: number): void => {
    if (world.download.isOver || now > patienceNs) {
      simulator.stop();
      return;
    }
    world.cutIfDue(now);
    run.onSample(world.sample(now));
    simulator.after(sampleEveryNs / 10, tick);
  };
  simulator.at(0, tick);
  simulator.run();
  if (!world.download.isOver) throw new FailureError('the transfer does not come to an end');
  return world.outcome(simulator.now, { peer: 'simulated', kernel: null, expectedSha256: content.digest() });
}
