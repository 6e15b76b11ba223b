import { describe, expect, it } from 'vitest';
import { Segment } from '../segment.js';
import { Stream } from '../stream.js';
import { PacketMatcher, type MatcherLimits } from './matcher.js';

const ACK = 16;

/** Acknowledgments of one stream with the same numbers, as two places see them: by IP identification and time. */
class Places {
  readonly matcher: PacketMatcher;
  private readonly streams = [new Stream(0, 0), new Stream(0, 1)] as const;
  private readonly segment = new Segment();

  constructor(limits: Partial<MatcherLimits> = {}) {
    this.matcher = new PacketMatcher({ maxDelayWindow: 100, maxDelayStreams: 10, ...limits });
  }

  see(place: 0 | 1, atNs: number, id: number, seq = 7): void {
    const { segment } = this;
    Object.assign(segment, {
      seq,
      ack: 9,
      flags: ACK,
      window: 500,
      ipId: id,
      atNs,
      offset: 0,
      payloadOffset: 20,
    });
    this.matcher.note(this.streams[place], segment, true);
  }

  get matched(): number {
    return this.matcher.pairs[0]?.differences[0].count ?? 0;
  }

  /** Least and greatest difference, and what waits. */
  get outcome(): readonly number[] {
    const { lower, upper } = this.matcher.pairs[0]!.differences[0];
    const least = Math.min(...lower.vertices().map(({ ns }) => ns));
    const most = Math.max(...upper.vertices().map(({ ns }) => ns));
    return [least, most, this.matcher.waiting().length];
  }
}

describe('packets with the same numbers', () => {
  it.each([false, true])(
    'are told apart by IP identification, the receiver read first: %s',
    (isReceiverFirst) => {
      const places = new Places();
      const send = (): void => [1, 2, 3, 4].forEach((id) => places.see(0, 100 * id, id));
      const receive = (): void => [1, 3, 4].forEach((id) => places.see(1, 100 * id + 5000, id));
      for (const step of isReceiverFirst ? [receive, send] : [send, receive]) step();
      expect(places.matched).toBe(3);
      expect(places.outcome).toEqual([5000, 5000, 1]);
    },
  );

  it('are not matched at all where nothing tells them apart', () => {
    const places = new Places();
    for (const at of [100, 200]) places.see(0, at, 0);
    places.see(1, 5000, 0);
    expect(places.matched).toBe(0);
    expect(places.matcher.waiting()).toEqual([]);
  });

  it('are one when it is seen twice, at either place', () => {
    const places = new Places();
    for (const place of [0, 0, 1, 1] as const) places.see(place, place * 5000, 77);
    expect(places.matched).toBe(1);
    expect(places.outcome).toEqual([5000, 5000, 0]);
  });
});

describe('the matching of packets', () => {
  it('bears a translator that draws its own IP identifications', () => {
    const places = new Places();
    for (let seq = 0; seq < 10; seq++) {
      places.see(0, seq, seq + 1, seq);
      places.see(1, seq + 5000, 60_000 - seq, seq);
    }
    expect(places.matched).toBe(10);
  });

  it('keeps no more packets than its window holds, and counts those that leave it', () => {
    const places = new Places();
    for (let seq = 0; seq < 1000; seq++) places.see(0, seq, 0, seq);
    expect(places.matcher.waiting()).toHaveLength(100);
    expect(places.matcher.forgottenPackets).toBe(900);
    for (let seq = 0; seq < 1000; seq++) places.see(1, seq, 0, seq);
    expect(places.matched).toBeLessThanOrEqual(100);
  });

  it('looks at no more streams than its limit, and counts the others once', () => {
    const places = new Places({ maxDelayStreams: 1 });
    for (const at of [1, 2, 3]) {
      places.see(0, at, 0, at);
      places.see(1, at, 0, at);
    }
    expect(places.matched).toBe(0);
    expect(places.matcher.forgottenStreams).toBe(1);
  });
});
