/** RFC 7323. */
import { documentOf } from './requirement.js';

const scaling = 'rfc7323/2-scaling/';
const stamps = 'rfc7323/3-timestamps/';
const echo = 'rfc7323/4-rtt/';
const paws = 'rfc7323/5-paws/';
const acceptability = 'src/tcp/acceptability.test.ts › ';
const windows = 'src/tcp/window.test.ts › ';
const opening = 'src/tcp/connection.test.ts › ';

export const rfc7323 = documentOf('7323', 'TCP Extensions for High Performance', {
  rules: [
    [
      'scale-is-offered',
      '2.2 1; 2.3 1',
      'window scaling is offered, and answered',
      [`${scaling}offered`, `${scaling}offered-and-used`],
    ],
    [
      'scale-needs-both',
      '2.2 2; 2.3 3-5',
      'windows are scaled when both SYNs have the option, each with its sender’s shift, and else not at all',
      [`${scaling}offered-and-used`, `${scaling}not-offered-in-answer`, `${scaling}unanswered-offer`],
    ],
    [
      'scale-outside-syn',
      '2.2 3',
      'the option means nothing on a segment without SYN',
      [`${scaling}only-on-syn`],
    ],
    [
      'syn-window',
      '2.2 4',
      'the window of a SYN is not scaled, neither in nor out',
      [
        `${scaling}syn-window-is-not-scaled`,
        `${opening}scales the windows of segments and not those of SYNs (RFC 7323 §2.2)`,
      ],
    ],
    [
      'windows-are-shifted',
      '2.3 2 6 7',
      'the windows of all other segments are shifted: those that come by the peer’s shift, those that go by the one that was offered',
      [
        `${scaling}offered-and-used`,
        `${opening}scales the windows of segments and not those of SYNs (RFC 7323 §2.2)`,
      ],
    ],
    [
      'shift-limit',
      '2.3 8-10',
      'no shift is above 14; a larger one is taken as 14',
      [`${scaling}shift-is-at-most-14`, `${opening}takes a shift above 14 for 14 (RFC 7323 §2.3)`],
      'There is no log to tell of it.',
    ],
    [
      'shrinking-window',
      '2.4 1',
      'a window that shrinks is dealt with, as a sender and as a receiver',
      [
        `${windows}is probed with what is outstanding when it shrank, for as long as the peer answers`,
        `${acceptability}believes the furthest edge it ever offered, though the window shrank since`,
      ],
    ],
    [
      'furthest-edge-counts',
      '2.4 2 3',
      'a receiver takes what fits the furthest edge that it ever told',
      [`${acceptability}believes the furthest edge it ever offered, though the window shrank since`],
    ],
    [
      'newest-window-counts',
      '2.4 4',
      'new data keeps to the window of the most recent acknowledgment',
      [`${scaling}newest-window-counts`],
    ],
    [
      'echo-needs-ack',
      '3.2 1 4',
      'the echo is 0 on a segment without ACK, and not looked at coming in',
      [`${stamps}echo-of-syn-is-zero`],
    ],
    [
      'timestamps-on-every-segment',
      '3.2 2 5-7',
      'timestamps are on when both SYNs have them; then every segment carries them and echoes the peer’s, a RST too',
      [`${stamps}offered-and-echoed`, `${stamps}rst-carries-them`],
      'An ACK whose option of Multipath TCP needs the room goes without (ADD_ADDR of IPv6), as Linux has it.',
    ],
    [
      'no-timestamps-unasked',
      '3.2 10',
      'where they were not agreed on none is sent, and those that come are ignored',
      [`${stamps}not-offered-in-answer`, `${stamps}unagreed-are-ignored`],
    ],
    [
      'missing-timestamp',
      '3.2 8',
      'a segment without timestamps, where they were agreed on, is dropped',
      [`${stamps}missing-is-dropped`],
    ],
    [
      'missing-timestamp-does-not-abort',
      '3.2 9',
      'a segment without timestamps does not end the connection',
      [`${stamps}missing-does-not-abort`, `${acceptability}accepts a segment without the option`],
    ],
    [
      'clock',
      '4.1 1; 5.4 1-3',
      'the clock follows real time, ticks once for each window at least, and does not come round while a segment lives',
      [
        'src/tcp/timestamps.test.ts › follows real time, a tick each millisecond, from where its offset says',
        'src/tcp/timestamps.test.ts › goes on through zero, and does not come round for weeks, far longer than a segment lives',
      ],
      'Beyond a window of data in each millisecond it would be too slow.',
    ],
    [
      'many-samples',
      '4.2 1',
      'many samples a round trip move the estimate as one does',
      ['src/tcp/rtt.test.ts › RFC 7323 appendix G: many samples a round trip move the estimate as one does'],
    ],
    [
      'oldest-is-echoed',
      '3.2 3; 4.3 1',
      'of segments acknowledged together the timestamp of the first one is echoed',
      [`${echo}echo-of-last-acknowledged`],
    ],
    [
      'gap-echo',
      '4.3 2',
      'a segment behind a hole does not change what is echoed',
      [`${echo}echo-with-a-hole`],
    ],
    [
      'filled-gap-echo',
      '4.3 3',
      'the segment that fills the hole does',
      [`${echo}echo-of-what-fills-a-hole`],
    ],
    [
      'recent-never-goes-back',
      '5.2 1',
      'the timestamp that others are compared with never goes back',
      [`${paws}recent-never-goes-back`],
    ],
    [
      'timestamps-on-rst',
      '5.2 2-5',
      'a RST carries timestamps: those of the connection when it is aborted, the echo of what brought it about otherwise',
      [`${stamps}rst-carries-them`],
      'A RST to a segment of no connection carries no option.',
    ],
    [
      'rst-is-not-judged',
      '5.2 6 7',
      'a RST is taken whatever its timestamps are, with or without, and does not change what is known of them',
      [`${paws}rst-is-not-judged`, `${stamps}rst-without-is-taken`, `${paws}rst-changes-nothing`],
    ],
    [
      'paws',
      '5.3 1 2',
      'a segment with an older timestamp is dropped and answered with an ACK, before its numbers are looked at',
      [`${paws}old-timestamp-is-dropped`],
    ],
    [
      'paws-at-arrival',
      '5.3 3',
      'timestamps are judged when a segment arrives, in order or not',
      [`${paws}old-timestamp-behind-a-hole`],
    ],
    [
      'paws-forgets',
      '5.5',
      'the last timestamp is forgotten after 24 days',
      [`${acceptability}compares modulo 2^32, and forgets after 24 days`],
    ],
    [
      'path-mtu',
      '5.7 1',
      'who has PAWS does path MTU discovery',
      ['rfc1191/3-path-mtu/too-big-makes-smaller-segments', 'rfc1191/3-path-mtu/ipv6-too-big'],
    ],
    [
      'random-offset',
      '7 1; 7.1 1',
      'the clock has a random offset for each connection',
      [
        'src/stack/port-allocator.test.ts › moves on by a tick each 4 us for a four-tuple, with a timestamp offset that stays',
        'src/stack/port-allocator.test.ts › tells nothing about another four-tuple',
      ],
    ],
  ],
});
