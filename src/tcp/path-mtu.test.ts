import { describe, expect, it } from 'vitest';
import { Pair } from '../../test/support/tcp-pair.js';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { MILLISECOND, MINUTE, SECOND, seqAt } from '../base/index.js';
import { PathMtu } from './path-mtu.js';

const initial = testParameters().initialSequence;

describe('what routers say (RFC 1191, RFC 8201, RFC 5927)', () => {
  /** A connection with three full segments on their way. */
  function flying(overrides: Parameters<typeof testParameters>[0] = {}): Script {
    const script = Script.open(testParameters(overrides));
    for (let i = 0; i < 3; i++) script.push(1448);
    script.sent();
    return script;
  }

  it('makes segments smaller and sends the large ones again at once, with no sign of congestion', () => {
    const script = flying();
    const { cwndBytes } = script.connection;
    script.connection.handlePathMtu(script.now, 1280, seqAt(initial, 1449));
    expect(script.connection.pathMtu).toBe(1280);
    expect(script.connection.mss).toBe(1228);
    const sent = script.sent();
    expect(sent.every(({ isRetransmission, length }) => isRetransmission && length <= 1228)).toBe(true);
    expect(sent.reduce((sum, { length }) => sum + length, 0)).toBe(3 * 1448);
    expect(script.connection.cwndBytes / 1228).toBe(cwndBytes / 1448);
    expect(script.connection.ssthreshBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it('believes only a quotation of what is in flight', () => {
    const script = flying();
    for (const offset of [0, 3 * 1448 + 1, 1_000_000, -5]) {
      script.connection.handlePathMtu(script.now, 1280, seqAt(initial, offset));
    }
    expect(script.connection.pathMtu).toBe(1500);
    expect(script.sent()).toEqual([]);
  });

  it('takes neither a larger MTU nor an absurdly small one, and guesses where none is given', () => {
    const script = flying();
    const quoted = seqAt(initial, 1);
    script.connection.handlePathMtu(script.now, 9000, quoted);
    expect(script.connection.pathMtu).toBe(1500);
    script.connection.handlePathMtu(script.now, 0, quoted);
    expect(script.connection.pathMtu).toBe(1492);
    script.connection.handlePathMtu(script.now, 68, quoted);
    expect(script.connection.pathMtu).toBe(552);
    const six = flying({ headerBytes: 60, maxSegmentSize: 1440, pathMaxSegmentSize: 1440 });
    six.connection.handlePathMtu(six.now, 600, quoted);
    expect(six.connection.pathMtu).toBe(1280);
  });

  it('listens to nothing of it when told not to', () => {
    const script = flying({ settings: { pathMtuDiscovery: false } });
    script.connection.handlePathMtu(script.now, 1280, seqAt(initial, 1));
    expect(script.connection.pathMtu).toBe(1500);
  });
});

describe('what silence says (RFC 4821 §7.7)', () => {
  it('goes down after so many timeouts in a row, and stays above the floor', () => {
    const path = new PathMtu(1460, 40);
    expect([1, 2, 3].map((count) => path.onTimeout(count, 1460, 3))).toEqual([false, false, true]);
    expect(path.mtu).toBe(1280);
    expect(path.onTimeout(4, 500, 1)).toBe(false);
    for (let i = 0; i < 10; i++) path.onTimeout(5 + i, path.segmentBytes, 1);
    expect(path.mtu).toBe(552);
  });

  it('starts to count again with every sign of life', () => {
    const path = new PathMtu(1460, 40);
    path.onTimeout(1, 1460, 2);
    path.onProgress(2);
    expect(path.onTimeout(3, 1460, 2)).toBe(false);
  });

  it('tries the old size later, and takes it back when that arrives', () => {
    const path = new PathMtu(1460, 40);
    path.onTimeout(0, 1460, 1);
    expect(path.sizeToTry(SECOND - 1)).toBe(0);
    expect(path.sizeToTry(SECOND)).toBe(1460);
    path.onTried(1000, 2460);
    expect(path.sizeToTry(SECOND)).toBe(0);
    expect(path.onProgress(2000)).toBe(false);
    expect(path.onProgress(2460)).toBe(true);
    expect(path.mtu).toBe(1500);
  });

  it('waits long when it does not', () => {
    const path = new PathMtu(1460, 40);
    path.onTimeout(0, 1460, 1);
    path.onTried(1000, 2460);
    path.onRetransmission(SECOND, 1000);
    expect(path.onProgress(2460)).toBe(false);
    expect(path.sizeToTry(9 * MINUTE)).toBe(0);
    expect(path.sizeToTry(11 * MINUTE)).toBe(1460);
  });

  it('does not try again what a router has ruled out', () => {
    const path = new PathMtu(1460, 40);
    path.onTimeout(0, 1460, 1);
    path.onTooBig(1400);
    expect(path.sizeToTry(MINUTE)).toBe(0);
  });

  const wire = { seed: 1, delayNs: 5 * MILLISECOND };

  it('gets a transfer through a path that swallows large packets', () => {
    const pair = Pair.open({ ...wire, maxSegmentBytes: 1300 }, testParameters(), testParameters());
    pair.a.toSend = 200_000;
    expect(pair.run(() => pair.b.receivedBytes === 200_000, MINUTE)).toBe(true);
    expect(pair.b.isCorrupt).toBe(false);
    expect(pair.a.connection.pathMtu).toBeLessThanOrEqual(1340);
  });

  it('makes the very segment smaller whose timeout it was, and no super-segment of it', () => {
    const script = Script.open(testParameters());
    for (let i = 0; i < 3; i++) script.push(1448);
    script.sent();
    const sizes = new Set<number>();
    for (let i = 0; i < 12; i++) {
      script.fireTimer();
      for (const { length } of script.sent()) {
        expect(length).toBeLessThanOrEqual(script.connection.mss);
        sizes.add(length);
      }
    }
    expect(sizes.size).toBeGreaterThan(1);
  });

  it('gets its size back on a path that was only down for a while', () => {
    const pair = Pair.open(wire, testParameters(), testParameters());
    pair.a.toSend = 20_000_000;
    pair.run(() => pair.b.receivedBytes > 100_000, MINUTE);
    const end = pair.now + 20 * SECOND;
    pair.filter = () => pair.now > end;
    pair.run(() => pair.now > end, MINUTE);
    expect(pair.a.connection.pathMtu).toBeLessThan(1500);
    const isBack = () => pair.a.connection.pathMtu === 1500;
    expect(pair.run(isBack, MINUTE)).toBe(true);
  });
});
