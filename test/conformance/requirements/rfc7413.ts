/** RFC 7413. */
import { documentOf } from './requirement.js';

const cookie = 'rfc7413/4.1-cookie/';
const open = 'rfc7413/4.2-open/';
const cache = 'src/stack/fast-open-cache.test.ts › ';
const stack = 'src/stack/fast-open.test.ts › ';

export const rfc7413 = documentOf('7413', 'TCP Fast Open', {
  rules: [
    [
      'off-by-default',
      '2 1; 4.2 1 2; 6.1 1 2',
      'Fast Open is off unless the application asks for it: cookies are neither given nor taken',
      [`${cookie}off-by-default`, `${cookie}off-ignores-data`],
    ],
    [
      'cookie-length',
      '4.1.1 1 2',
      'a cookie has 4 to 16 bytes, an even number, and stands on a SYN; anything else is ignored',
      [
        'src/wire/tcp-segment.test.ts › reads Fast Open in both forms, and tells a request for a cookie from none',
        `${cookie}odd-length-is-ignored`,
      ],
    ],
    [
      'cookie-is-a-mac',
      '4.1.2 1 2',
      'a cookie is made with a secret that changes now and then, bound to the address, and is good for a time',
      [
        `${open}cookie-of-another-address`,
        `${stack}are not believed from another address`,
        `${stack}of the key before are taken and replaced, of the one before that refused and replaced`,
      ],
    ],
    [
      'request-is-answered',
      '4.1.2',
      'a request for a cookie is answered with one, and nothing else is',
      [`${cookie}request-is-answered`, `${cookie}no-request-no-cookie`],
    ],
    [
      'client-keeps-cookies',
      '4.1.3 1',
      'an opener keeps the cookies that it was given, and uses them for the next connections',
      [
        'src/stack/fast-open.test.ts › fetches a cookie from %s, and with it delivers data in the SYN',
        `${cache}is the cookie and the MSS of each server, until the cookie is too old (RFC 7413 §4.1.3)`,
      ],
    ],
    [
      'client-remembers-refusals',
      '4.1.3.1 1 2',
      'an opener remembers paths where SYNs with data were lost or not taken, and asks for ordinary ones there for a while',
      [
        `${cache}rests a server whose SYN was lost, longer each time up to an hour, and no other (RFC 7413 §4.1.3.1)`,
        `${cache}forgives losses once it worked`,
      ],
    ],
    [
      'client-asks-first',
      '4.2.1 1; 4.2.2 1',
      'an opener without a cookie asks for one and sends no data with the SYN',
      [`${cookie}client-asks`],
      'Unless its owner says that the server needs none.',
    ],
    [
      'syn-again-without-data',
      '4.2.2 2',
      'a SYN that is sent again has neither data nor the option',
      [
        `${open}syn-again-without-data`,
        `${stack}leaves data and option out of a SYN that is sent again, and delivers the data once`,
      ],
    ],
    [
      'good-cookie',
      '4.2.2',
      'with a good cookie the data is acknowledged and delivered before the handshake is done',
      [`${open}data-with-good-cookie`],
    ],
    [
      'bad-cookie',
      '4.2.2',
      'with a bad one, or none, the handshake goes on as usual',
      [`${open}data-with-bad-cookie`, `${open}data-without-cookie`],
    ],
    [
      'initial-window',
      '4.2.2 3',
      'what the listener sends before the ACK keeps to the initial congestion window',
      [`${open}answer-keeps-initial-window`],
    ],
    [
      'syn-ack-again',
      '4.2.2 4',
      'a SYN+ACK that is sent again has neither data nor a cookie',
      [`${open}syn-ack-again-without-cookie`],
    ],
    [
      'client-takes-syn-ack',
      '4.2.2 5 6',
      'what the SYN+ACK does not acknowledge of the SYN’s data is sent again with the ACK',
      [`${open}unacknowledged-data-is-sent-again`, `${open}client-sends-data`],
    ],
    [
      'pending-limit',
      '4.2 3',
      'connections that a SYN alone made are limited; beyond that SYNs are ordinary ones',
      [
        `${stack}are limited: beyond that SYNs are ordinary ones, and the data is sent again`,
        `${stack}stay counted for a while when they are reset before the ACK (RFC 7413 §5.1)`,
      ],
    ],
    [
      'option-34',
      '9 1 2',
      'option 34 is used, the experimental one understood',
      [
        `${cookie}client-asks`,
        'src/tcp/fast-open.test.ts › is offered in the older form of the option to who used it',
      ],
    ],
  ],
  exemptions: [['6.2 1', 'Of applications.']],
});
