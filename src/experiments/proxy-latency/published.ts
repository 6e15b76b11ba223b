/** Round trips that the specifications of proxies and converters make expect. */

import { cellOf, type Published, type PublishedValue } from '../published.js';

const added = (way: string, label: string, value: number): PublishedValue => ({
  ...{ label, value },
  ours: (rows) => cellOf(rows, 'added', { way, cookie: false }),
});

export const published: readonly Published[] = [
  {
    title: 'Round trips added to a connection without a proxy',
    source: 'RFC 1928 §3 and §4; RFC 9110 §9.3.6; draft-olteanu-intarea-socks-6-11; RFC 8803 §3',
    basis: 'What a client has to wait for by the specification of each, without Fast Open.',
    digits: 0,
    values: [
      added('socks 5', 'SOCKS 5', 2),
      added('http connect', 'HTTP CONNECT', 1),
      added('socks 6', 'SOCKS 6', 0),
      added('converter', 'converter', 0),
    ],
  },
];
