/** The packets of a probe in a file: pcapng, with the keys in the comments. */

import { writeFileSync } from 'node:fs';
import { PcapngWriter } from '../../capture/index.js';
import { CaptureObserver, type Device, TapDevice } from '../../network/index.js';

export class ProbeCapture {
  private readonly path: string;
  private readonly writer = new PcapngWriter();
  private readonly originSeconds: number;

  /** Truncates the file at once, so that a path that cannot be written to is told before anything is sent. */
  constructor(path: string) {
    this.path = path;
    writeFileSync(path, '');
    const clock = Number(process.hrtime.bigint());
    this.originSeconds = Math.max(0, Math.floor((Date.now() * 1e6 - clock) / 1e9));
  }

  /** Puts the capture before `device`. */
  wrap(device: Device, name: string): Device {
    return new TapDevice(device, [
      new CaptureObserver(this.writer, { name, originSeconds: this.originSeconds }),
    ]);
  }

  /** Writes the file. */
  save(): void {
    writeFileSync(this.path, this.writer.take());
  }
}
