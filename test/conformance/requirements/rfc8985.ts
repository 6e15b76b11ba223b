/** RFC 8985. */
import { documentOf } from './requirement.js';

const reordering = 'rfc8985/6-rack/';
const tail = 'rfc8985/7-tlp/';
const rack = 'src/tcp/rack.test.ts › ';
const probe = 'src/tcp/tail-loss-probe.test.ts › ';
const recovery = 'src/tcp/recovery.test.ts › ';

export const rfc8985 = documentOf('8985', 'The RACK-TLP Loss Detection Algorithm', {
  scope:
    'With what it rests on: selective acknowledgment (RFC 2018, 2883, 6675) and recovery (RFC 5681, 6582, 6937).',
  rules: [
    [
      'rack-is-used',
      '1 1',
      'losses are found by time and not by counting duplicates',
      [`${reordering}hole-is-repaired-after-the-window`],
      'Without SACK duplicates are counted (RFC 5681).',
    ],
    [
      'window-is-zero-at-first',
      '3.3.2 1',
      'while no reordering was seen three segments beyond a hole prove a loss at once',
      [
        `${rack}without reordering three segments beyond a hole prove the loss at once (RFC 8985 §6.2 step 4)`,
        `${recovery}sends again what three later segments overtook, once`,
      ],
    ],
    [
      'window-is-a-fraction',
      '3.3.2 2',
      'else the reordering window begins with a quarter of the least round-trip time',
      [
        `${rack}fewer wait for a quarter of the minimum round-trip time`,
        `${reordering}reordering-is-not-loss-at-once`,
        `${recovery}waits a quarter of the round trip for one that is merely late`,
      ],
    ],
    [
      'window-grows',
      '3.3.2 3; 4 4',
      'it grows with reports of duplicates',
      [`${rack}grows by a quarter for each round trip with a duplicate report`],
    ],
    [
      'window-is-bounded',
      '3.3.2 4 5',
      'it never exceeds the smoothed round-trip time',
      [`${rack}never exceeds the smoothed round-trip time`],
    ],
    [
      'sack-scoreboard',
      '4 1 2',
      'selective acknowledgment is on, and what it says is kept (RFC 2018)',
      [
        'rfc6675/2-sack/blocks-are-sent',
        'rfc6675/2-sack/only-when-permitted',
        'rfc6675/2-sack/duplicate-is-reported',
        'src/tcp/scoreboard.test.ts › RFC 2018 §4: the second, fourth, sixth and last are lost',
      ],
    ],
    [
      'time-of-transmission',
      '4 3',
      'the time of the last transmission of each segment is kept',
      [`${rack}RFC 8985 §3.3.2: a lost retransmission is found by a later one that arrived`],
    ],
    [
      'least-round-trip',
      '6.2 1',
      'the least round-trip time is that of the last minutes',
      ['src/tcp/rtt.test.ts › counts for the last minutes only'],
    ],
    [
      'ambiguous-answers',
      '6.2',
      'answers that may be of the original say nothing of the retransmission',
      [`${rack}earlier than any round trip is one of the original`],
    ],
    [
      'reordering-timer',
      '6.2 2',
      'a timer ends the reordering window',
      [`${reordering}hole-is-repaired-after-the-window`],
    ],
    [
      'timeout-marks-lost',
      '6.3',
      'at a timeout the first segment and what was out for a round trip are lost',
      [`${rack}takes the first range for lost, and what has been out for a round trip`],
    ],
    [
      'probe-timer',
      '7.2 1',
      'the timer of a probe runs while data is outstanding and nothing points to a loss',
      [`${probe}the timer is armed only while nothing points to a loss`],
    ],
    [
      'probe-without-estimate',
      '7.2 2',
      'without a round-trip time the probe is due after a second',
      [`${probe}is a second while there is no round-trip time`],
    ],
    [
      'probe-timeout',
      '7.2 3',
      'else after two of them, with time for a delayed ACK of a single segment, and no later than the timeout',
      [`${probe}is two round trips, and leaves time for a delayed ACK of a single segment`],
    ],
    [
      'one-probe',
      '7.3 1-3',
      'there is one probe at a time, with a new measurement in between; otherwise the timeout counts',
      [`${probe}go out one at a time`, `${probe}need a new round-trip sample in between`],
    ],
    [
      'probe-with-new-data',
      '7.3 4',
      'the probe is new data where there is some and the window allows',
      [`${tail}new-data-first`, `${recovery}is probed with new data when there is some`],
    ],
    [
      'probe-with-last-segment',
      '7.3 5',
      'else the last segment',
      [
        `${tail}probe-of-the-tail`,
        `${recovery}is probed after two round trips, with the last segment, and then the timeout comes`,
      ],
    ],
    [
      'probe-is-a-transmission',
      '7.3 6 7',
      'a probe counts as a transmission like any other, and the timeout runs after it',
      [
        `${recovery}is probed after two round trips, with the last segment, and then the timeout comes`,
        `${rack}RFC 8985 §3.3.1: a lost tail is found through the answer to a probe`,
      ],
    ],
    [
      'probe-that-repaired',
      '7.4.2 1 2',
      'a probe that repaired a loss in silence reduces the window as a fast recovery would',
      [
        `${probe}later data acknowledged and no duplicate: the probe repaired a loss`,
        `${probe}a duplicate report: the original had arrived`,
      ],
    ],
    [
      'one-timer',
      '8 1',
      'one timer runs: for the probe, the reordering window or the timeout',
      [`${recovery}is probed after two round trips, with the last segment, and then the timeout comes`],
    ],
    [
      'no-rfc-6675-recovery',
      '9.2 1',
      'what is sent in recovery follows from the marks, not from RFC 6675’s count of holes',
      [
        `${rack}finds what the walk over the whole window finds that the RFC describes`,
        'rfc6675/5-recovery/only-the-hole-is-sent',
      ],
    ],
    [
      'congestion-control-decides',
      '9.3 1',
      'what is lost is sent again when congestion control allows',
      [
        'src/tcp/prr.test.ts › fifteen losses in twenty: one goes out for each that arrives, however low the flight',
      ],
    ],
    [
      'proportional-reduction',
      '9.3 2 3',
      'recovery reduces in proportion (RFC 6937)',
      [
        'src/tcp/prr.test.ts › one loss in twenty: half as many segments go out, evenly, and the flight ends at the threshold',
      ],
    ],
  ],
});
