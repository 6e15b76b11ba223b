/** The shorter documents about TCP. */
import { rows, type RequirementDocument } from './requirement.js';

const rst = 'rfc5961/3-blind-rst/';
const syn = 'rfc5961/4-blind-syn/';
const blind = 'rfc5961/5-blind-data/';
const scaling = 'rfc7323/2-scaling/';
const stamps = 'rfc7323/3-timestamps/';
const echo = 'rfc7323/4-rtt/';
const paws = 'rfc7323/5-paws/';
const rtt = 'src/tcp/rtt.test.ts › ';
const acceptability = 'src/tcp/acceptability.test.ts › ';
const rack = 'src/tcp/rack.test.ts › ';
const probe = 'src/tcp/tail-loss-probe.test.ts › ';
const recovery = 'src/tcp/recovery.test.ts › ';

export const rfc5961: RequirementDocument = {
  name: 'RFC 5961',
  title: 'Improving TCP’s Robustness to Blind In-Window Attacks',
  requirements: rows([
    ['§3.2', 'MUST', 'a RST outside the window is dropped', [`${rst}rst-outside-window-is-dropped`]],
    ['§3.2', 'MUST', 'a RST at the next number resets', [`${rst}exact-rst-resets`]],
    [
      '§3.2',
      'MUST',
      'a RST elsewhere in the window is answered with a challenge',
      [`${rst}rst-in-window-is-challenged`, `${rst}challenge-then-rst`],
    ],
    [
      '§4.2',
      'MUST',
      'a SYN on a standing connection is answered with a challenge, wherever it lies',
      [`${syn}syn-is-challenged`, `${syn}syn-outside-window-is-challenged`],
    ],
    [
      '§4.2',
      'MUST',
      'and the connection stands until the peer’s RST',
      [`${rst}challenge-then-rst`, 'rfc9293/3.5-connection/half-open'],
    ],
    [
      '§5.2',
      'MUST',
      'data whose acknowledgment is neither of the last window nor of the future is dropped, and answered with an ACK',
      [`${blind}ack-too-old`, `${blind}ack-of-the-future`],
    ],
    [
      '§7',
      'SHOULD',
      'challenges are limited to some a second',
      [
        'rfc5961/7-throttling/challenges-are-limited',
        `${acceptability}sends so many challenges a second and no more (§7)`,
      ],
    ],
  ]),
};

export const rfc6298: RequirementDocument = {
  name: 'RFC 6298',
  title: 'Computing TCP’s Retransmission Timer',
  requirements: rows([
    [
      '§2',
      'SHOULD',
      '2.1: one second before the first measurement',
      [
        'rfc6298/2-timer/first-timeout-is-a-second',
        `${rtt}before the first sample the timeout is the initial one`,
      ],
    ],
    [
      '§2',
      'MUST',
      '2.2: the first measurement sets the estimate and half of it the variation',
      [`${rtt}RFC 6298 §2.2: the first sample`],
    ],
    [
      '§2',
      'MUST',
      '2.3: later ones move it by an eighth and a quarter',
      [`${rtt}RFC 6298 §2.3: later samples`],
    ],
    [
      '§2',
      'SHOULD',
      '2.4: the timeout is never below a second',
      [],
      'The floor is 200 ms added to the estimate (`minRtoNs`), as hosts have it today.',
    ],
    [
      '§2',
      'SHOULD',
      '2.5: a ceiling is at least 60 s',
      [`${rtt}the timeout stays within its limits whatever the samples`],
    ],
    [
      '§3',
      'MUST',
      'no sample is taken of what was sent twice, unless timestamps tell which was answered',
      [
        `${rack}earlier than any round trip is one of the original`,
        'src/tcp/recovery.test.ts › takes the silence of a path for no round trip when the original had arrived',
      ],
    ],
    [
      '§4',
      'MUST',
      'one measurement a round trip at least',
      [`${rtt}RFC 7323 appendix G: many samples a round trip move the estimate as one does`],
    ],
    [
      '§5',
      'SHOULD',
      '5.2: no timer when all is acknowledged',
      ['rfc6298/5-timer/no-timer-when-all-is-acknowledged'],
    ],
    [
      '§5',
      'SHOULD',
      '5.4: at the timeout the oldest segment is sent again',
      ['rfc6298/5-timer/oldest-segment-first'],
    ],
    ['§5', 'MUST', '5.5: the timeout doubles each time', ['rfc6298/5-timer/back-off']],
    [
      '§5',
      'MUST',
      '5.7: after a SYN had to be sent again data starts with three seconds',
      [`${rtt}§5.7: after a SYN had to be sent again data starts with three seconds`],
    ],
  ]),
};

export const rfc7323: RequirementDocument = {
  name: 'RFC 7323',
  title: 'TCP Extensions for High Performance',
  requirements: rows([
    [
      '§2.2',
      'MUST',
      'window scaling is on when both SYNs have the option; the answer has it only when asked',
      [`${scaling}offered-and-used`, `${scaling}not-offered-in-answer`],
    ],
    ['§2.2', 'MUST NOT', 'the window of a SYN is not scaled', [`${scaling}syn-window-is-not-scaled`]],
    ['§2.3', 'MUST', 'a shift above 14 is taken as 14', [`${scaling}shift-is-at-most-14`]],
    [
      '§2.4',
      'MUST',
      'a sender survives a window that rounding took back',
      [
        'src/tcp/window.test.ts › never moves the edge back by rounding',
        'src/tcp/acceptability.test.ts › believes the furthest edge it ever offered, though the window shrank since',
      ],
    ],
    [
      '§3.2',
      'MUST',
      'timestamps are on when both SYNs have them, and then on every segment',
      [`${stamps}offered-and-echoed`],
    ],
    ['§3.2', 'MUST NOT', 'otherwise on none', [`${stamps}not-offered-in-answer`]],
    [
      '§3.2',
      'SHOULD',
      'a segment without one, where they were agreed on, is dropped',
      [`${stamps}missing-is-dropped`],
    ],
    ['§3.2', 'MUST', 'a RST counts without a timestamp', [`${stamps}rst-without-is-taken`]],
    [
      '§4.3',
      'MUST',
      'what is echoed belongs to the oldest segment not yet acknowledged',
      [`${echo}echo-of-last-acknowledged`, `${echo}echo-with-a-hole`],
    ],
    ['§5.2', 'MUST', 'PAWS does not apply to a RST', [`${paws}rst-is-not-judged`]],
    [
      '§5.3',
      'MUST',
      'a segment with an older timestamp is dropped and answered with an ACK',
      [`${paws}old-timestamp-is-dropped`],
    ],
    [
      '§5.4',
      'MUST',
      'the clock ticks between once a millisecond and once a second',
      [],
      'One tick a millisecond (`tcp/timestamps.ts`).',
    ],
    [
      '§5.5',
      'SHOULD',
      'the last timestamp is forgotten after 24 days',
      [`${acceptability}compares modulo 2^32, and forgets after 24 days`],
    ],
  ]),
};

export const rfc7413: RequirementDocument = {
  name: 'RFC 7413',
  title: 'TCP Fast Open',
  requirements: rows([
    [
      '§4.1.1',
      'MUST',
      'a cookie has 4 to 16 bytes, an even number; other lengths are ignored',
      [
        'src/wire/tcp-segment.test.ts › reads Fast Open in both forms, and tells a request for a cookie from none',
      ],
    ],
    [
      '§4.1.2',
      'MUST',
      'a cookie is made with a secret, and bound to the address',
      [
        'rfc7413/4.2-open/cookie-of-another-address',
        'src/stack/fast-open.test.ts › are not believed from another address',
      ],
    ],
    [
      '§4.1.2',
      'SHOULD',
      'the secret changes now and then',
      [
        'src/stack/fast-open.test.ts › of the key before are taken and replaced, of the one before that refused and replaced',
      ],
    ],
    [
      '§4.1.2',
      'MUST',
      'a request for a cookie is answered with one',
      ['rfc7413/4.1-cookie/request-is-answered', 'rfc7413/4.1-cookie/no-request-no-cookie'],
    ],
    [
      '§4.1.3',
      'MUST',
      'an opener without a cookie asks for one and sends no data',
      ['rfc7413/4.1-cookie/client-asks'],
    ],
    [
      '§4.1.3',
      'SHOULD',
      'a SYN that is sent again has neither data nor the option',
      [
        'rfc7413/4.2-open/syn-again-without-data',
        'src/stack/fast-open.test.ts › leaves data and option out of a SYN that is sent again, and delivers the data once',
      ],
    ],
    ['§4.2', 'MUST', 'Fast Open is off unless asked for', ['rfc7413/4.1-cookie/off-by-default']],
    [
      '§4.2.1',
      'MUST',
      'data of the SYN that was not acknowledged is sent again after the handshake',
      ['rfc7413/4.2-open/unacknowledged-data-is-sent-again', 'rfc7413/4.2-open/client-sends-data'],
    ],
    [
      '§4.2.2',
      'MUST',
      'with a good cookie the data is acknowledged and delivered',
      ['rfc7413/4.2-open/data-with-good-cookie'],
    ],
    [
      '§4.2.2',
      'MUST',
      'with a bad one, or none, the handshake goes on as usual',
      ['rfc7413/4.2-open/data-with-bad-cookie', 'rfc7413/4.2-open/data-without-cookie'],
    ],
    [
      '§5.1',
      'MUST',
      'connections that a SYN alone made are limited',
      [
        'src/stack/fast-open.test.ts › are limited: beyond that SYNs are ordinary ones, and the data is sent again',
        'src/stack/fast-open.test.ts › stay counted for a while when they are reset before the ACK (RFC 7413 §5.1)',
      ],
    ],
  ]),
};

export const rfc8985: RequirementDocument = {
  name: 'RFC 8985',
  title: 'The RACK-TLP Loss Detection Algorithm',
  scope:
    'With what it rests on: selective acknowledgment (RFC 2018, 2883, 6675) and recovery (RFC 5681, 6582, 6937).',
  requirements: rows([
    [
      '§4',
      'MUST',
      'the time of the last transmission of each segment is kept',
      [`${rack}RFC 8985 §3.3.2: a lost retransmission is found by a later one that arrived`],
    ],
    [
      '§5',
      'MUST',
      'selective acknowledgment is on (RFC 2018)',
      [
        'rfc6675/2-sack/blocks-are-sent',
        'rfc6675/2-sack/only-when-permitted',
        'rfc6675/2-sack/duplicate-is-reported',
      ],
    ],
    [
      '§6.2',
      'MUST',
      'a segment is lost when one sent later was delivered, and the reordering window has passed',
      ['rfc8985/6-rack/reordering-is-not-loss-at-once', 'rfc8985/6-rack/hole-is-repaired-after-the-window'],
    ],
    [
      '§6.2',
      'MUST',
      'answers that may be of the original say nothing of the retransmission',
      [`${rack}earlier than any round trip is one of the original`],
    ],
    [
      '§6.2',
      'SHOULD',
      'without reordering three segments prove a loss at once',
      [
        `${rack}without reordering three segments beyond a hole prove the loss at once (RFC 8985 §6.2 step 4)`,
      ],
    ],
    [
      '§6.2',
      'SHOULD',
      'the window grows with reports of duplicates, up to a round trip',
      [
        `${rack}grows by a quarter for each round trip with a duplicate report`,
        `${rack}never exceeds the smoothed round-trip time`,
      ],
    ],
    [
      '§6.3',
      'MUST',
      'at a timeout the first segment and what was out for a round trip are lost',
      [`${rack}takes the first range for lost, and what has been out for a round trip`],
    ],
    [
      '§7.2',
      'SHOULD',
      'a probe is due two round trips after the last data, with time for a delayed ACK',
      [`${probe}is two round trips, and leaves time for a delayed ACK of a single segment`],
    ],
    [
      '§7.3',
      'MUST',
      'the probe is new data where there is some, else the last segment',
      ['rfc8985/7-tlp/probe-of-the-tail', `${recovery}is probed with new data when there is some`],
      'On a whole host the data level holds new data back (see `rfc8985/7-tlp/new-data-first`).',
    ],
    ['§7.3', 'MUST NOT', 'no more than one probe is outstanding', [`${probe}go out one at a time`]],
    [
      '§7.4',
      'MUST',
      'a probe that repaired a loss reduces the window',
      [`${probe}later data acknowledged and no duplicate: the probe repaired a loss`],
    ],
    [
      '§8',
      'SHOULD',
      'only what was not reported is sent again (RFC 6675)',
      ['rfc6675/5-recovery/only-the-hole-is-sent'],
    ],
    [
      '§9.3',
      'SHOULD',
      'recovery reduces in proportion (RFC 6937)',
      [
        'src/tcp/prr.test.ts › one loss in twenty: half as many segments go out, evenly, and the flight ends at the threshold',
      ],
    ],
  ]),
};
