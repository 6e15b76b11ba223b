import { CoupledControl, coupledFactory } from './coupled.js';

/**
 * LIA, the Linked Increases Algorithm: the windows of a connection grow together as fast as one TCP connection's on its
 * best path, each in proportion to its size, and none faster than it would alone.
 *
 * Read first: RFC 6356 §3.
 */
class LinkedIncreases extends CoupledControl {
  get name(): string {
    return 'lia';
  }

  protected growth(): number {
    const { flows } = this.coupling;
    let best = 0;
    for (let i = 0; i < flows.length; i++) {
      const { rateBytes, rttSeconds } = flows[i]!;
      best = Math.max(best, rateBytes / rttSeconds);
    }
    const total = this.coupling.totalRate;
    // RFC 6356 §3 equation 1, with alpha of equation 2 in it: the total of the windows cancels out.
    return Math.min(best / (total * total), 1 / this.windowBytes);
  }
}

/** LIA (RFC 6356), with HyStart++ in slow start. */
export const lia = coupledFactory((init, coupling) => new LinkedIncreases(init, coupling));
