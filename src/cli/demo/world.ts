/**
 * The emulated part of the demo, the same in both runs: the client's stack on our engine and the two links. What stands
 * at the far end of the links is the caller's: the kernel or a second stack of ours.
 */

import { SeededRandom, type RandomSource } from '../../base/index.js';
import {
  CaptureObserver,
  Host,
  Link,
  pathAddress,
  randomLoss,
  Simulator,
  TapDevice,
  type Device,
} from '../../network/index.js';
import { Stack } from '../../stack/index.js';
import type { PcapngWriter } from '../../capture/index.js';
import type { Endpoint } from '../../wire/index.js';
import { Download } from './download.js';
import type { DemoParameters, PathParameters } from './parameters.js';
import type { DemoOutcome, DemoSample } from './result.js';

/** How much a link holds: 100 ms of its rate, as a home router might, and at least a few packets. */
const queueNs = 100e6;

/** What the two ways of running the demo have in common. */
export interface DemoRun {
  /** Called now and then while the transfer goes on. */
  readonly onSample: (sample: DemoSample) => void;
  /** Gets every packet that the client sends or receives; whoever made it takes the bytes out as samples come. */
  readonly capture: PcapngWriter | undefined;
  /** Seconds between 1970 and instant 0 of the clock; 0 in virtual time. */
  readonly originSeconds: number;
}

export class DemoWorld {
  readonly simulator: Simulator;
  readonly links: readonly Link[];
  readonly download: Download;
  /** When the client began to connect, ns. */
  readonly startedAt: number;
  private readonly client: Host;
  private readonly parameters: DemoParameters;
  private failedAt: number | undefined = undefined;

  /** Everything but the connection; `secrets` is where the client's keys come from. */
  constructor(
    startAt: number,
    parameters: DemoParameters,
    server: Endpoint,
    secrets: RandomSource,
    run: DemoRun,
  ) {
    this.parameters = parameters;
    this.simulator = new Simulator(parameters.seed, startAt);
    this.links = [parameters.wifi, parameters.lte].map((path) => makeLink(this.simulator, path));
    const stack = new Stack({ random: secrets });
    this.client = new Host(this.simulator, 'client', stack);
    this.links.forEach((link, index) => {
      const name = this.pathName(index);
      this.client.addDevice(startAt, tapped(link.left, name, run), {
        name,
        addresses: [{ address: pathAddress(index, 'client', 4), prefixLength: 24 }],
        metric: index,
      });
    });
    this.startedAt = startAt;
    this.download = new Download(
      startAt,
      stack,
      server,
      this.links.map((_link, index) => ({
        name: this.pathName(index),
        clientAddress: pathAddress(index, 'client', 4).toString(),
      })),
    );
    this.client.run(startAt, this.download);
  }

  private pathName(index: number): string {
    return index === 0 ? this.parameters.wifi.name : this.parameters.lte.name;
  }

  /** Cuts the Wi-Fi when its time has come: packets vanish, and nobody is told. */
  cutIfDue(now: number): void {
    const { failAt, sizeBytes } = this.parameters;
    if (this.failedAt !== undefined || this.download.isOver || failAt.kind === 'never') return;
    const isDue =
      failAt.kind === 'time'
        ? now - this.startedAt >= failAt.atNs
        : this.download.bytes >= failAt.share * sizeBytes;
    if (!isDue) return;
    this.failedAt = now;
    this.download.cutAt = now;
    this.links[0]!.setState(now, 'blackhole');
  }

  /** How things stand. */
  sample(now: number): DemoSample {
    const isDead = (name: string): boolean =>
      name === this.parameters.wifi.name && this.failedAt !== undefined;
    return {
      atNs: now - this.startedAt,
      bytes: this.download.bytes,
      paths: this.download.samplePaths(isDead),
    };
  }

  /** The result, once the download is over. Throws why it failed. */
  outcome(now: number, peer: Pick<DemoOutcome, 'peer' | 'kernel' | 'expectedSha256'>): DemoOutcome {
    const { download, parameters } = this;
    if (download.failure !== undefined) throw download.failure;
    const samples = this.sample(now).paths;
    return {
      ...peer,
      multipath: !download.isFallback,
      bytes: download.bytes,
      sha256: download.digest(),
      finishedAtNs: (download.finishedAt ?? now) - this.startedAt,
      failedAtNs: this.failedAt === undefined ? undefined : this.failedAt - this.startedAt,
      handoverGapNs: this.failedAt === undefined ? undefined : download.longestGapNs,
      paths: [parameters.wifi, parameters.lte].map((path, index) => ({
        ...path,
        ...samples[index]!,
        name: path.name,
      })),
    };
  }
}

/** The device with a capture before it, where one is wanted. */
function tapped(device: Device, name: string, run: DemoRun): Device {
  const { capture, originSeconds } = run;
  if (capture === undefined) return device;
  return new TapDevice(device, [new CaptureObserver(capture, { name, originSeconds })]);
}

function makeLink(simulator: Simulator, path: PathParameters): Link {
  return new Link(simulator, {
    both: {
      rateBps: path.rateBps,
      delayNs: path.delayNs,
      loss: randomLoss(path.loss),
      queue: { bytes: Math.max(64 * 1024, (path.rateBps * queueNs) / 8e9) },
    },
    checksumOffload: false,
    maxOffloadBytes: 0,
  });
}

/** The randomness of a simulated client, from the demo's seed. */
export function seededSecrets(parameters: DemoParameters, salt: number): RandomSource {
  return new SeededRandom(parameters.seed * 2 + salt);
}
