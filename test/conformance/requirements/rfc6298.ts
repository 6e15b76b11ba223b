/** RFC 6298. */
import { documentOf } from './requirement.js';

const timer = 'rfc6298/5-timer/';
const rtt = 'src/tcp/rtt.test.ts › ';
const board = 'src/tcp/scoreboard.test.ts › ';
const recovery = 'src/tcp/recovery.test.ts › ';

export const rfc6298 = documentOf('6298', 'Computing TCP’s Retransmission Timer', {
  rules: [
    [
      'no-more-aggressive',
      '1 3; 5 1',
      'nothing is sent again by the timer before the timeout since its last transmission has passed',
      [`${timer}not-before-the-timeout`, `${recovery}is not restarted by acknowledgments of nothing`],
    ],
    [
      'first-timeout',
      '2 1',
      'before the first measurement the timeout is one second',
      [
        'rfc6298/2-timer/first-timeout-is-a-second',
        `${rtt}before the first sample the timeout is the initial one`,
      ],
    ],
    [
      'first-measurement',
      '2 2',
      'the first measurement sets the estimate, and half of it the variation',
      [`${rtt}RFC 6298 §2.2: the first sample`],
    ],
    [
      'later-measurements',
      '2 3-6',
      'later ones move the variation by a quarter, then the estimate by an eighth, and the timeout with them',
      [
        `${rtt}RFC 6298 §2.3: later samples`,
        `${rtt}RFC 7323 appendix G: many samples a round trip move the estimate as one does`,
      ],
    ],
    [
      'least-timeout',
      '2 7',
      'the timeout is never below a second',
      [],
      'It is 200 ms above the estimate at least (`minRtoNs`), as hosts have it today.',
    ],
    [
      'greatest-timeout',
      '2',
      'a ceiling of the timeout is at least 60 s',
      [`${rtt}the timeout stays within its limits whatever the samples`],
    ],
    [
      'karn',
      '3 1 2',
      'no measurement is taken of what was sent twice, unless timestamps tell which was answered',
      [
        `${board}what was sent twice gives none, nor what waited for it at the peer`,
        `${board}unless a timestamp tells, if only to its tick`,
      ],
    ],
    [
      'one-measurement-a-round-trip',
      '3 3',
      'one measurement a round trip is taken at least',
      [`${board}the oldest range counts for the timeout, the newest for the path`],
    ],
    [
      'variation-is-not-zero',
      '4 1',
      'the variation counts as one tick of the clock at least',
      [`${rtt}the timeout stays within its limits whatever the samples`],
      'The clock ticks each nanosecond, and the 200 ms are added whatever the variation.',
    ],
    [
      'timer-management',
      '5 2',
      'the timer runs while something is outstanding; at the timeout the oldest segment is sent again',
      [`${timer}no-timer-when-all-is-acknowledged`, `${timer}oldest-segment-first`],
    ],
    ['back-off', '5 3', 'the timeout doubles each time', [`${timer}back-off`]],
    [
      'after-syn-timeout',
      '5 4',
      'after a SYN had to be sent again data starts with a timeout of three seconds',
      [
        `${rtt}§5.7: after a SYN had to be sent again data starts with three seconds`,
        `${timer}three-seconds-after-lost-syn`,
      ],
    ],
  ],
  exemptions: [['1 1 2', 'Says how the document changes RFC 1122.']],
});
