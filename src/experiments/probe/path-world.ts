/**
 * A path of several hops in the simulated network: a probe, routers that answer with ICMP errors, a server on our stack,
 * and a box on one of the links.
 */

import { MILLISECOND, SeededRandom } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import {
  type Application,
  type Device,
  Host,
  Link,
  MiddleboxDevice,
  type MiddleboxBehaviour,
  Router,
  type RouterOptions,
  Simulator,
} from '../../network/index.js';
import { type Socket, Stack, type StackEvent } from '../../stack/index.js';
import { type Endpoint, IpAddress } from '../../wire/index.js';
import { ProbeHost } from './probe-host.js';

/** Port of the server. */
const PORT = 80;

export interface PathWorldSetup {
  /** Links between the probe and the server: one more than there are routers. */
  readonly links: number;
  /** Undefined: a clean path. */
  readonly behaviour: MiddleboxBehaviour | undefined;
  /** The link that the box stands on, from 1 up. */
  readonly at: number;
  readonly family: 4 | 6;
  readonly seed: number;
  /** What the server's settings differ in from the defaults. */
  readonly server?: Partial<MptcpSettings>;
  /** How routers complain. */
  readonly router?: RouterOptions;
  /** Bytes of a stream after which boxes begin that let its beginning pass. */
  readonly atByte: number;
}

/** A server that reads whatever comes and says nothing. */
class Listener implements Application {
  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') event.listener.accept();
    else drain(now, event.socket);
  }

  pollTimeout(): number {
    return Number.POSITIVE_INFINITY;
  }

  handleTimeout(): void {
    // Nothing is ever due.
  }
}

function drain(now: number, socket: Socket): void {
  if (socket.state === 'closed') return;
  while (socket.read(now) !== undefined) continue;
}

/** See the module. */
export class PathWorld {
  readonly simulator: Simulator;
  readonly probe: ProbeHost;
  readonly target: Endpoint;
  /** The probe's address: private where a translator stands on the path. */
  readonly local: IpAddress;
  private readonly setup: PathWorldSetup;

  constructor(setup: PathWorldSetup) {
    this.setup = setup;
    const simulator = new Simulator(setup.seed);
    this.simulator = simulator;
    this.target = { address: serverAddress(setup.family), port: PORT };
    this.local = this.probeAddress();
    const links = Array.from(
      { length: setup.links },
      () => new Link(simulator, { both: { delayNs: 5 * MILLISECOND } }),
    );
    const near = links.map((link, index) => this.boxed(link.left, index + 1));
    this.probe = new ProbeHost(simulator, near[0]!);
    for (let i = 0; i + 1 < links.length; i++) this.addRouter(links[i]!.right, near[i + 1]!, i + 1);
    this.addServer(links.at(-1)!.right);
  }

  /** The address of the router at a distance. */
  routerAddress(hop: number, family = this.setup.family): IpAddress {
    const isInside = this.isTranslated && hop < this.setup.at;
    if (family === 4) return new IpAddress(4, 0, 0, 0, (isInside ? 0xc0a8_0100 : 0xc633_6400) + hop);
    return new IpAddress(6, isInside ? 0xfd00_0001 : 0x2001_0db8, isInside ? 0 : 0x100, 0, hop);
  }

  private get isTranslated(): boolean {
    return this.setup.behaviour?.translates === true;
  }

  private probeAddress(): IpAddress {
    const { family } = this.setup;
    if (family === 4) return new IpAddress(4, 0, 0, 0, this.isTranslated ? 0xc0a8_0002 : 0xc000_0202);
    return new IpAddress(6, this.isTranslated ? 0xfd00_0000 : 0x2001_0db8, 0x10, 0, 2);
  }

  /** The near end of a link, with the box before it if that is its place. */
  private boxed(device: Device, link: number): Device {
    const { behaviour, at, atByte, family, seed } = this.setup;
    if (behaviour === undefined || link !== at) return device;
    const publicAddresses = [
      family === 4 ? new IpAddress(4, 0, 0, 0, 0xc633_64c8) : new IpAddress(6, 0x2001_0db8, 0x200, 0, 1),
    ];
    const box = behaviour.make({ random: new SeededRandom(seed + 1), publicAddresses, atByte });
    return new MiddleboxDevice(this.simulator, box, device);
  }

  private addRouter(left: Device, right: Device, hop: number): void {
    const router = new Router(this.setup.router);
    const addresses = ([4, 6] as const).map((family) => this.routerAddress(hop, family));
    const back = router.addDevice(left, addresses);
    const on = router.addDevice(right, addresses);
    for (const family of [4, 6] as const) {
      router.addRoute(IpAddress.unspecified(family), 0, back);
      router.addRoute(serverAddress(family), family === 4 ? 32 : 128, on);
    }
  }

  private addServer(device: Device): void {
    const { simulator, setup } = this;
    const stack = new Stack({
      random: simulator.random.fork(),
      settings: { mptcp: { ...defaultMptcpSettings, ...setup.server } },
    });
    const host = new Host(simulator, 'server', stack);
    const addresses = [{ address: serverAddress(setup.family), prefixLength: 0 }];
    host.addDevice(0, device, { name: 'net', addresses });
    stack.listen(0, { local: { port: PORT } });
    host.run(0, new Listener());
  }
}

function serverAddress(family: 4 | 6): IpAddress {
  return family === 4 ? new IpAddress(4, 0, 0, 0, 0xcb00_7101) : new IpAddress(6, 0x2001_0db8, 0x999, 0, 1);
}
