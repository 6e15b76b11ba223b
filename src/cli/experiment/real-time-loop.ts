/** The emulated network under Node's event loop: a simulator whose clock is the real one, woken by timers and devices. */

import { NEVER } from '../../base/index.js';
import type { DeviceOwner } from '../../linux/index.js';
import { RealTimeDriver, Simulator } from '../../network/index.js';

export class RealTimeLoop implements DeviceOwner {
  readonly simulator: Simulator;
  private readonly driver: RealTimeDriver;
  private readonly settled: () => void;
  private readonly origin = process.hrtime.bigint();
  private timer: NodeJS.Timeout | undefined = undefined;
  private isClosed = false;

  /** `settled` is called each time that everything due has been done. */
  constructor(seed: number, settled: () => void) {
    this.simulator = new Simulator(seed, 0);
    this.driver = new RealTimeDriver(this.simulator);
    this.settled = settled;
  }

  /** Nanoseconds since the loop was made. */
  now(): number {
    return Number(process.hrtime.bigint() - this.origin);
  }

  beginInput(): number {
    let now = this.now();
    while (!this.driver.advance(now)) now = this.now();
    return now;
  }

  endInput(): void {
    clearTimeout(this.timer);
    if (this.isClosed) return;
    this.settled();
    const at = this.driver.nextEventAt();
    if (at === NEVER) return;
    const waitMs = Math.max(0, Math.ceil((at - this.now()) / 1e6));
    this.timer = setTimeout(() => this.act(() => undefined), waitMs);
  }

  /** Does something to the world at the present, between two events. */
  act<T>(action: (now: number) => T): T {
    const result = action(this.beginInput());
    this.endInput();
    return result;
  }

  /** Stops the clock. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }
}
