/**
 * The packets of a probe in a file: pcapng, with the keys in the comments. Written as they come, so that neither a long
 * sweep nor a signal matters to it.
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { PcapngWriter } from '../../capture/index.js';
import { CaptureObserver, type Device, TapDevice } from '../../network/index.js';

/** Bytes kept before they are written. */
const MAX_KEPT_BYTES = 64 * 1024;

export class ProbeCapture {
  private readonly writer = new PcapngWriter();
  private readonly fd: number;
  private readonly originSeconds: number;
  /** By name of the interface: each stands in the file once, however many targets there are. */
  private readonly observers = new Map<string, CaptureObserver>();
  private isClosed = false;

  /** Truncates the file at once, so that a path that cannot be written to is told before anything is sent. */
  constructor(path: string) {
    this.fd = openSync(path, 'w');
    const clock = Number(process.hrtime.bigint());
    this.originSeconds = Math.max(0, Math.floor((Date.now() * 1e6 - clock) / 1e9));
  }

  /** Puts the capture before `device`. */
  wrap(device: Device, name: string): Device {
    return new TapDevice(device, [this.observerOf(name), { observe: () => this.write(MAX_KEPT_BYTES) }]);
  }

  /** Bytes that are not in the file yet. */
  get keptBytes(): number {
    return this.writer.pendingBytes;
  }

  /** Writes what is left and closes the file. May be called again. */
  close(): void {
    if (this.isClosed) return;
    this.write(0);
    this.isClosed = true;
    closeSync(this.fd);
  }

  private observerOf(name: string): CaptureObserver {
    const known = this.observers.get(name);
    if (known !== undefined) return known;
    const observer = new CaptureObserver(this.writer, { name, originSeconds: this.originSeconds });
    this.observers.set(name, observer);
    return observer;
  }

  /** Writes if more than `keep` bytes wait. */
  private write(keep: number): void {
    if (this.isClosed || this.writer.pendingBytes <= keep) return;
    const bytes = this.writer.take();
    for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
  }
}
