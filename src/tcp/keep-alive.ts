import { NEVER } from '../base/index.js';
import type { TcpSettings } from './settings.js';

/**
 * Probes a peer that has been silent (RFC 9293 §3.8.4). Made only where keep-alive is asked for. The timer is not moved
 * with each segment: when it fires it looks how long the silence has really been.
 */
export class KeepAlive {
  /** When to look again. */
  at: number;
  /** Probes sent since the peer was last heard. */
  private probes = 0;
  /** When the peer had last been heard as the last probe left. */
  private heardAt = 0;
  private readonly settings: TcpSettings;

  constructor(now: number, settings: TcpSettings) {
    this.settings = settings;
    this.at = now + settings.keepAliveIdleNs;
  }

  /**
   * The timer fired. `lastHeardAt` is when the peer was last heard; `isBusy` says that data is outstanding, whose own
   * timer watches the peer. Returns what to do.
   */
  onTimer(now: number, lastHeardAt: number, isBusy: boolean): 'wait' | 'probe' | 'give-up' {
    if (lastHeardAt > this.heardAt) {
      this.probes = 0;
      this.heardAt = lastHeardAt;
    }
    const dueAt = lastHeardAt + this.settings.keepAliveIdleNs;
    if (this.probes === 0 && (isBusy || now < dueAt)) {
      this.at = isBusy ? now + this.settings.keepAliveIdleNs : dueAt;
      return 'wait';
    }
    if (this.probes >= this.settings.keepAliveCount) {
      this.at = NEVER;
      return 'give-up';
    }
    this.probes++;
    this.at = now + this.settings.keepAliveIntervalNs;
    return 'probe';
  }
}
