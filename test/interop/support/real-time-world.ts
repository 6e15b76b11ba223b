/**
 * The emulated network in real time under Node's event loop: a simulator whose clock is the real one, woken by timers
 * and by the devices through which the kernel takes part.
 */
import { randomFillSync } from 'node:crypto';
import { NEVER, type RandomSource } from '../../../src/base/index.js';
import type { DeviceOwner } from '../../../src/linux/index.js';
import { RealTimeDriver, Simulator } from '../../../src/network/index.js';

/** Node's cryptographic generator, in blocks. */
export class SystemRandom implements RandomSource {
  private readonly words = new Uint32Array(256);
  private at = 256;

  nextUint32(): number {
    if (this.at === this.words.length) {
      randomFillSync(this.words);
      this.at = 0;
    }
    return this.words[this.at++]!;
  }
}

export class RealTimeWorld implements DeviceOwner {
  readonly simulator: Simulator;
  private readonly driver: RealTimeDriver;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(seed = 1) {
    this.simulator = new Simulator(seed, this.now());
    this.driver = new RealTimeDriver(this.simulator);
  }

  /** The real clock, in ns. */
  now(): number {
    return Math.round(performance.now() * 1e6);
  }

  beginInput(): number {
    let now = this.now();
    while (!this.driver.advance(now)) now = this.now();
    return now;
  }

  endInput(): void {
    this.arm();
  }

  /** Does something to the world at the present, between two events. */
  act<T>(action: (now: number) => T): T {
    const result = action(this.beginInput());
    this.endInput();
    return result;
  }

  /** Stops the clock. */
  close(): void {
    this.closed = true;
    this.disarm();
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private arm(): void {
    this.disarm();
    const at = this.driver.nextEventAt();
    if (this.closed || at === NEVER) return;
    // Timers count in whole ms. An emulated link keeps its rate all the same, in small bursts: events carry the instant
    // at which they were due. Spinning until then would be finer, and take the processor from the kernel's side.
    const waitMs = Math.ceil((at - this.now()) / 1e6);
    this.timer = setTimeout(() => this.act(() => undefined), Math.max(waitMs, 0));
  }
}
