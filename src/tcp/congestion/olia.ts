import type { AckInfo } from '../ack-info.js';
import { CoupledControl, coupledFactory } from './coupled.js';
import type { CoupledFlow } from './coupling.js';

/**
 * OLIA, the Opportunistic Linked Increases Algorithm: the first term of the increase moves data to the better paths, the
 * second lets the windows of good paths that are small grow at the expense of the largest ones.
 *
 * Read first: Khalili et al., "MPTCP is not Pareto-optimal", CoNEXT 2012, §4; draft-khalili-mptcp-congestion-control-05 §3.
 * The quality of a path is the distance between its losses over the square of its round-trip time, as in the paper.
 */
class OpportunisticLinkedIncreases extends CoupledControl {
  /** Bytes delivered between the last two losses (l1). */
  private betweenLossesBytes = 0;
  /** Bytes delivered since the last loss (l2). */
  private sinceLossBytes = 0;
  /** The two before the last reduction. */
  private undoBetweenBytes = 0;
  private undoSinceBytes = 0;

  get name(): string {
    return 'olia';
  }

  protected override get minThresholdSegments(): number {
    // The draft, §3: no unnecessary data over a congested path while there are others.
    return this.isCoupled ? 1 : super.minThresholdSegments;
  }

  override onAck(now: number, ack: AckInfo): void {
    this.sinceLossBytes += ack.deliveredBytes;
    this.noteInterval();
    super.onAck(now, ack);
  }

  protected growth(): number {
    const { coupling, flow } = this;
    const total = coupling.totalRate;
    return flow.rateBytes / flow.rttSeconds / (total * total) + this.shift() / flow.windowBytes;
  }

  /** Alpha of the paper: above 0 on a best path with a small window, below 0 on the largest ones in return. */
  private shift(): number {
    const { flows } = this.coupling;
    let bestQuality = 0;
    let largest = 0;
    for (let i = 0; i < flows.length; i++) {
      bestQuality = Math.max(bestQuality, qualityOf(flows[i]!));
      largest = Math.max(largest, segmentsOf(flows[i]!));
    }
    let largestCount = 0;
    let collectedCount = 0;
    for (let i = 0; i < flows.length; i++) {
      if (segmentsOf(flows[i]!) === largest) largestCount++;
      else if (qualityOf(flows[i]!) === bestQuality) collectedCount++;
    }
    if (collectedCount === 0) return 0;
    if (segmentsOf(this.flow) === largest) return -1 / flows.length / largestCount;
    return qualityOf(this.flow) === bestQuality ? 1 / flows.length / collectedCount : 0;
  }

  protected override reduce(windowBytes: number): number {
    this.undoBetweenBytes = this.betweenLossesBytes;
    this.undoSinceBytes = this.sinceLossBytes;
    // Losses with nothing delivered between them are one.
    if (this.sinceLossBytes > 0) this.betweenLossesBytes = this.sinceLossBytes;
    this.sinceLossBytes = 0;
    this.noteInterval();
    return windowBytes / 2;
  }

  protected override restore(): void {
    this.betweenLossesBytes = this.undoBetweenBytes;
    this.sinceLossBytes += this.undoSinceBytes;
    this.noteInterval();
  }

  private noteInterval(): void {
    this.flow.lossIntervalBytes = Math.max(this.betweenLossesBytes, this.sinceLossBytes);
  }
}

function qualityOf(flow: CoupledFlow): number {
  return flow.lossIntervalBytes / (flow.rttSeconds * flow.rttSeconds);
}

/** Windows that differ by less than a segment are the same. */
function segmentsOf(flow: CoupledFlow): number {
  return Math.floor(flow.windowBytes / flow.mssBytes);
}

/** OLIA, with HyStart++ in slow start. */
export const olia = coupledFactory((init, coupling) => new OpportunisticLinkedIncreases(init, coupling));
