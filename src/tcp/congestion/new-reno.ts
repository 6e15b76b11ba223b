import type { AckInfo } from '../ack-info.js';
import type { CongestionFactory } from './congestion-control.js';
import { LossBasedControl } from './loss-based.js';

/** NewReno: one segment more a round trip, half the window less a loss (RFC 5681 §3.1, RFC 3465 §2.1, RFC 6582). */
class NewReno extends LossBasedControl {
  get name(): string {
    return 'reno';
  }

  protected avoidCongestion(_now: number, _ack: AckInfo, deliveredBytes: number): void {
    // RFC 5681 equation 3 by bytes, so that neither delayed nor split ACKs change the growth (RFC 3465).
    this.windowBytes += (this.mssBytes * deliveredBytes) / this.windowBytes;
  }

  protected reduce(windowBytes: number): number {
    return windowBytes / 2;
  }

  protected restore(): void {
    // The window and the threshold are all there is.
  }

  protected onUnused(): void {
    // Growth depends on bytes only, not on time.
  }
}

/** NewReno with HyStart++. */
export const newReno: CongestionFactory = (init) => new NewReno(init);
