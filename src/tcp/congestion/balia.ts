import { CoupledControl, coupledFactory } from './coupled.js';

/**
 * BALIA, Balanced Linked Adaptation: between LIA's responsiveness and OLIA's friendliness to TCP.
 *
 * Read first: Peng et al., "Multipath TCP: Analysis, Design, and Implementation", ToN 2016, §V;
 * draft-walid-mptcp-congestion-control-04 §3.
 */

/** A loss takes at most so many halves of the window. */
const MAX_CUT = 1.5;

class BalancedLinkedAdaptation extends CoupledControl {
  get name(): string {
    return 'balia';
  }

  protected override get minThresholdSegments(): number {
    // The draft, §3: no unnecessary data over a congested path while there are others.
    return this.isCoupled ? 1 : super.minThresholdSegments;
  }

  protected growth(): number {
    const { coupling, flow } = this;
    const total = coupling.totalRate;
    const alpha = this.imbalance();
    return (flow.rateBytes / flow.rttSeconds / (total * total)) * ((1 + alpha) / 2) * ((4 + alpha) / 5);
  }

  protected override reduce(windowBytes: number): number {
    const alpha = this.isCoupled ? this.imbalance() : 1;
    return windowBytes - (windowBytes / 2) * Math.min(alpha, MAX_CUT);
  }

  /** Alpha of the paper: how many times the rate of the fastest subflow is this one's; at least 1. */
  private imbalance(): number {
    const { flows } = this.coupling;
    const own = this.flow.rateBytes;
    let fastest = own;
    for (let i = 0; i < flows.length; i++) fastest = Math.max(fastest, flows[i]!.rateBytes);
    return own > 0 ? fastest / own : 1;
  }
}

/** BALIA, with HyStart++ in slow start. */
export const balia = coupledFactory((init, coupling) => new BalancedLinkedAdaptation(init, coupling));
