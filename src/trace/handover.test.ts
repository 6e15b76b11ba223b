import { MILLISECOND, SECOND } from '../base/index.js';
import { describe, expect, it } from 'vitest';
import { type Handover, HandoverWatch } from './handover.js';
import { Segment } from './segment.js';

/** What happened at an instant, in milliseconds. */
type Step = readonly [number, 'carry' | 'end', number] | readonly [number, 'settle'];

/** The handovers that these steps make; frames are numbered by step, from 1. */
function handovers(steps: readonly Step[], limit = 10): HandoverWatch {
  const watch = new HandoverWatch(limit);
  const segment = new Segment();
  for (const [index, [ms, what, subflow]] of steps.entries()) {
    segment.atNs = ms * MILLISECOND;
    segment.packet = index + 1;
    if (what === 'carry') watch.carry(subflow, segment);
    else if (what === 'end') watch.end(subflow);
    else watch.settle(segment);
  }
  watch.finish();
  return watch;
}

/** Data on `subflow` every 10 ms from one instant to another, in milliseconds. */
function flow(subflow: number, fromMs: number, toMs: number): Step[] {
  const steps: Step[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 10) steps.push([ms, 'carry', subflow]);
  return steps;
}

const essence = ({ from, to, atNs, gapNs }: Handover): number[] => [
  from,
  to,
  atNs / MILLISECOND,
  gapNs / MILLISECOND,
];

describe('handovers', () => {
  it('are there when the old subflow is silent for half a second while data flows on the new one', () => {
    const { found } = handovers([...flow(0, 0, 100), ...flow(1, 160, 700)]);
    expect(found.map(essence)).toEqual([[0, 1, 160, 60]]);
    expect(found[0]!.packet).toBe(12);
  });

  it('are none while data alternates between subflows', () => {
    const steps = Array.from({ length: 200 }, (_, i): Step => [i * 10, 'carry', i % 2]);
    expect(handovers(steps).found).toEqual([]);
  });

  it('are none when the old subflow carries again before the half second is over', () => {
    const { found } = handovers([...flow(0, 0, 100), ...flow(1, 110, 400), ...flow(0, 410, 1200)]);
    // The data moved back for good, from the other.
    expect(found.map(essence)).toEqual([[1, 0, 410, 10]]);
  });

  it('are certain sooner when the old subflow has ended and enough data went over the new one', () => {
    const moved = flow(1, 110, 260);
    const back = flow(0, 270, 300);
    const ended: Step = [105, 'end', 0];
    const before = flow(0, 0, 100);
    // The end is known after the first segment of the new one, as a reset that comes late is.
    const steps = [...before, moved[0]!, ended, ...moved.slice(1), ...flow(1, 270, 300), ...back];
    expect(handovers(steps).found.map(essence)[0]).toEqual([0, 1, 110, 10]);
  });

  it('at the end of the capture need only 50 ms', () => {
    expect(handovers([...flow(0, 0, 100), ...flow(1, 110, 150)]).found).toEqual([]);
    expect(handovers([...flow(0, 0, 100), ...flow(1, 110, 170)]).found.map(essence)).toEqual([
      [0, 1, 110, 10],
    ]);
  });

  it('follow each other from one subflow to the next', () => {
    const { found } = handovers([...flow(0, 0, 100), ...flow(1, 200, 1000), ...flow(2, 1300, 2000)]);
    expect(found.map(essence)).toEqual([
      [0, 1, 200, 100],
      [1, 2, 1300, 300],
    ]);
  });

  it('tell how much of the gap all data had been acknowledged', () => {
    const idle = handovers([...flow(0, 0, 100), [120, 'settle'], ...flow(1, 2120, 3000)]).found[0]!;
    expect(idle).toMatchObject({ gapNs: 2020 * MILLISECOND, idleNs: 2 * SECOND });
    // What was acknowledged before the last data says nothing of what followed.
    const busy = handovers([...flow(0, 0, 90), [95, 'settle'], [100, 'carry', 0], ...flow(1, 2100, 3000)])
      .found[0]!;
    expect(busy).toMatchObject({ gapNs: 2 * SECOND, idleNs: 0 });
  });

  it('beyond the limit are counted', () => {
    const steps = Array.from({ length: 5 }, (_, i) => flow(i, i * 1000, i * 1000 + 900)).flat();
    const watch = handovers(steps, 2);
    expect(watch.found).toHaveLength(2);
    expect(watch.forgotten).toBe(2);
  });
});
