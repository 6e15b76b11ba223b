import { describe, expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND } from '../base/index.js';
import type { LinkFacts } from './link-facts.js';
import { LinkQualityMonitor } from './link-quality.js';
import type { PathSample } from './path-sample.js';
import { defaultThresholds, thresholdsWith } from './thresholds.js';

const WIFI = 1;
const wifi: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true, signalDbm: -55 };
const idle: PathSample = {
  srttNs: 20 * MILLISECOND,
  rtoNs: 220 * MILLISECOND,
  timeouts: 0,
  bytesSent: 0,
  bytesRetransmitted: 0,
  isSilent: false,
};

/** A monitor that looks at one path of the Wi-Fi, each time further on in its transfer. */
class Watch {
  readonly monitor = new LinkQualityMonitor<string>();
  now = 0;
  private sent = 0;

  constructor(facts: LinkFacts = wifi) {
    this.monitor.noteFacts(0, WIFI, facts);
  }

  /** Looks at the path after `ns` more. */
  look(ns: number, sample: Partial<PathSample> = {}): this {
    this.now += ns;
    this.sent += 10_000;
    this.monitor.noteSample(this.now, WIFI, 'path', { ...idle, bytesSent: this.sent, ...sample });
    return this;
  }

  get quality(): string {
    return this.monitor.qualityOf(WIFI);
  }
}

describe('the quality of a link', () => {
  it('is good when nothing is known of it, and while its path does its work', () => {
    expect(new LinkQualityMonitor().qualityOf(7)).toBe('good');
    const watch = new Watch().look(SECOND).look(SECOND);
    expect(watch.quality).toBe('good');
    expect(watch.monitor.nextAt(watch.now)).toBe(NEVER);
  });

  it('is poor from a round-trip time of 600 ms or a timeout of 1500 ms on', () => {
    expect(new Watch().look(0, { srttNs: 599 * MILLISECOND }).quality).toBe('good');
    expect(new Watch().look(0, { srttNs: 600 * MILLISECOND }).quality).toBe('poor');
    expect(new Watch().look(0, { rtoNs: 1499 * MILLISECOND }).quality).toBe('good');
    expect(new Watch().look(0, { rtoNs: 1500 * MILLISECOND }).quality).toBe('poor');
  });

  it('is asked for again while a path is slow or dead: nothing tells when that is over', () => {
    for (const sample of [{ srttNs: SECOND }, { isSilent: true }, { timeouts: 2 }]) {
      const watch = new Watch().look(0, sample).look(10 * SECOND, sample);
      expect(watch.quality).not.toBe('good');
      expect(watch.monitor.nextAt(watch.now)).toBe(watch.now + defaultThresholds.recoverNs);
    }
    const unplugged = new LinkQualityMonitor();
    unplugged.noteFacts(0, WIFI, { ...wifi, hasCarrier: false });
    expect(unplugged.nextAt(10 * SECOND)).toBe(NEVER);
  });

  it('is poor while the signal is weak, at -75 dBm, until it is strong again, at -70 dBm; both thresholds halve', () => {
    const watch = new Watch();
    const at = (signalDbm: number) => watch.monitor.noteFacts(watch.now, WIFI, { ...wifi, signalDbm });
    at(-74);
    expect(watch.quality).toBe('good');
    at(-75);
    expect(watch.monitor.assess(watch.now, WIFI)).toMatchObject({ quality: 'poor', isSlow: false });
    at(-71);
    expect(watch.quality).toBe('poor');
    watch.look(0, { srttNs: 300 * MILLISECOND });
    expect(watch.monitor.assess(watch.now, WIFI)).toMatchObject({ quality: 'poor', isSlow: true });
    at(-70);
    watch.look(SECOND).look(3 * SECOND);
    expect(watch.quality).toBe('good');
  });

  it('is poor after one timeout, and dead after two timeouts, silence, or without carrier', () => {
    expect(new Watch().look(0, { timeouts: 1 }).quality).toBe('poor');
    expect(new Watch().look(0, { timeouts: 2 }).quality).toBe('dead');
    expect(new Watch().look(0, { isSilent: true }).quality).toBe('dead');
    expect(new Watch({ ...wifi, hasCarrier: false }).quality).toBe('dead');
  });

  it('is poor after two seconds in a row of which a tenth was lost', () => {
    const watch = new Watch().look(0);
    let sent = 0;
    let again = 0;
    const second = (bytes: number, repeated: number): string => {
      sent += bytes;
      again += repeated;
      return watch.look(SECOND, { bytesSent: sent, bytesRetransmitted: again }).quality;
    };
    expect(second(100_000, 50_000)).toBe('good');
    expect(second(100_000, 9_999)).toBe('good');
    expect(second(100_000, 10_000)).toBe('good');
    // Too little to say anything: the second goes on.
    expect(second(20_000, 2_000)).toBe('good');
    expect(second(80_000, 8_000)).toBe('poor');
  });

  it('is that of its best path: one that works shows that the link does', () => {
    const watch = new Watch().look(0, { isSilent: true });
    watch.monitor.noteSample(0, WIFI, 'other', idle);
    watch.look(3 * SECOND, { isSilent: true });
    expect(watch.quality).toBe('good');
    watch.monitor.keepPaths(watch.now, (path) => path === 'path');
    expect(watch.quality).toBe('dead');
  });

  it('becomes worse at once, and good only after it was good for two seconds', () => {
    const watch = new Watch().look(0, { isSilent: true }).look(100 * MILLISECOND);
    expect(watch.quality).toBe('dead');
    const at = watch.now + defaultThresholds.recoverNs;
    watch.look(1900 * MILLISECOND);
    expect(watch.quality).toBe('dead');
    expect(watch.monitor.nextAt(watch.now)).toBe(at);
    watch.monitor.review(at);
    expect(watch.quality).toBe('good');
  });

  it('counts the time without carrier as bad to its end', () => {
    const watch = new Watch().look(0);
    watch.monitor.noteCarrierLoss(0, WIFI);
    watch.monitor.noteFacts(10 * SECOND, WIFI, wifi);
    watch.monitor.review(11 * SECOND);
    expect(watch.quality).toBe('dead');
    watch.monitor.review(12 * SECOND);
    expect(watch.quality).toBe('good');
  });

  it('takes twice as long to be good again with each relapse, up to 16 seconds, and forgets them in time', () => {
    const watch = new Watch();
    const relapse = (): number => {
      watch.look(100 * MILLISECOND, { timeouts: 1 }).look(100 * MILLISECOND);
      const holdNs = watch.monitor.nextAt(watch.now) - watch.now;
      expect(watch.look(holdNs - 1).quality).toBe('poor');
      expect(watch.look(1).quality).toBe('good');
      return holdNs / SECOND;
    };
    expect([relapse(), relapse(), relapse(), relapse(), relapse()]).toEqual([2, 4, 8, 16, 16]);
    watch.look(200 * SECOND);
    expect(relapse()).toBe(2);
  });

  it('is not judged by estimates of a path that carries nothing, or that are getting better', () => {
    const slow = { srttNs: 700 * MILLISECOND, bytesSent: 50_000 };
    const watch = new Watch().look(0, slow);
    expect(watch.quality).toBe('poor');
    watch.look(100 * MILLISECOND, slow).look(3 * SECOND, slow);
    expect(watch.quality).toBe('good');
    watch.look(100 * MILLISECOND, { srttNs: 650 * MILLISECOND, bytesSent: 60_000 });
    expect(watch.quality).toBe('good');
    watch.look(100 * MILLISECOND, { srttNs: 640 * MILLISECOND, bytesSent: 70_000 });
    expect(watch.quality).toBe('poor');
  });

  it('is kept of 64 links: one that is good and unused is forgotten before one that is bad', () => {
    const { monitor } = new Watch({ ...wifi, hasCarrier: false });
    // Whoever has more of them tells of all of them again and again.
    for (let round = 0; round < 3; round++) for (let id = 100; id < 200; id++) monitor.noteFacts(0, id, wifi);
    expect(monitor.qualityOf(WIFI)).toBe('dead');
  });

  it('is kept of 64 links: of those that are bad the oldest is forgotten', () => {
    const { monitor } = new Watch({ ...wifi, hasCarrier: false });
    for (let id = 100; id < 163; id++) monitor.noteCarrierLoss(0, id);
    expect(monitor.qualityOf(WIFI)).toBe('dead');
    monitor.noteFacts(0, 200, wifi);
    expect([WIFI, 100, 162, 200].map((id) => monitor.qualityOf(id))).toEqual([
      ...['good', 'dead', 'dead', 'good'],
    ]);
  });
});

describe('thresholds', () => {
  it('are refused when they contradict each other', () => {
    for (const wrong of [
      { slowSrttNs: 0 },
      { weakFactor: 2 },
      { deadTimeouts: 0 },
      { slowLossRatio: 1.5 },
      { strongSignalDbm: -80 },
      { maxRecoverNs: SECOND },
    ]) {
      expect(() => thresholdsWith(wrong)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }),
      );
    }
    expect(thresholdsWith({ recoverNs: SECOND }).recoverNs).toBe(SECOND);
  });
});
