/** RFC 5961. */
import { documentOf } from './requirement.js';

const rst = 'rfc5961/3-blind-rst/';
const syn = 'rfc5961/4-blind-syn/';
const blind = 'rfc5961/5-blind-data/';
const acceptability = 'src/tcp/acceptability.test.ts › ';

export const rfc5961 = documentOf('5961', 'Improving TCP’s Robustness to Blind In-Window Attacks', {
  rules: [
    ['exact-rst', '3.2 1 2', 'a RST at the next number expected resets', [`${rst}exact-rst-resets`]],
    [
      'rst-in-window',
      '3.2 3 4',
      'a RST elsewhere in the window is answered with a challenge and dropped',
      [`${rst}rst-in-window-is-challenged`, `${rst}challenge-then-rst`],
    ],
    [
      'rst-outside-window',
      '3.2 5',
      'a RST outside the window is dropped in silence',
      [`${rst}rst-outside-window-is-dropped`],
    ],
    [
      'rst-in-syn-sent',
      '3.2 6',
      'in answer to a SYN a RST counts when it acknowledges the SYN, and is dropped otherwise',
      [
        'rfc9293/3.5-connection/refused',
        'rfc9293/3.5-connection/rst-without-ack-is-ignored-in-syn-sent',
        `${rst}rst-with-wrong-ack-in-syn-sent`,
      ],
    ],
    [
      'syn-is-challenged',
      '4.2 1-3',
      'a SYN on a standing connection is answered with a challenge, wherever it lies, and dropped',
      [`${syn}syn-is-challenged`, `${syn}syn-outside-window-is-challenged`],
    ],
    [
      'challenged-peer-resets',
      '4.2 4',
      'the connection stands until the RST that the challenge brings about',
      ['rfc9293/3.5-connection/half-open'],
    ],
    [
      'ack-range',
      '5.2 1 2',
      'a segment whose acknowledgment is neither of the last window nor of what was sent is dropped, and answered with an ACK',
      [`${blind}ack-too-old`, `${blind}ack-of-the-future`],
    ],
    [
      'challenges-are-limited',
      '7 2',
      'challenges are limited to some a second',
      [
        'rfc5961/7-throttling/challenges-are-limited',
        `${acceptability}sends so many challenges a second and no more (§7)`,
      ],
    ],
    [
      'limit-can-be-set',
      '7 1 3',
      'the limit can be set',
      [`${acceptability}sends so many challenges a second and no more (§7)`],
      'Their number is (`challengeAcksPerSecond`); the time is one second.',
    ],
  ],
  exemptions: [
    ['1.1 1', 'Says of the whole document that it is to be implemented.'],
    ['6 1 2', 'Sums up how strong the rules of the sections before are.'],
  ],
});
