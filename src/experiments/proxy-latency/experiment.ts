/** How many round trips each kind of proxy costs before the first byte of an answer, on the wire. */

import { assert } from '../../base/index.js';
import { type Check, defineExperiment, equals, type Row } from '../experiment.js';
import type { ProxyVisit, ProxyVisitRequest, ProxyWay } from '../linux-lab.js';
import { published } from './published.js';
import { bytesInSyn, countRoundTrips } from './round-trips.js';

const source =
  'RFC 8803 (2020) §3 and §4.2: a converter takes its orders in the initial round trip, SOCKS 5 needs two or more of its own; ' +
  'draft-olteanu-intarea-socks-6-11';

/**
 * Round trips that each way adds to a connection without a proxy. SOCKS 5: the choice of a method, and the request
 * (RFC 1928 §3, §4). HTTP: the answer to CONNECT, before which a client must not send (RFC 9110 §9.3.6). SOCKS 6 and a
 * converter: none, since data may follow the request at once.
 */
const expectedAdded: Readonly<Record<ProxyWay, number>> = {
  direct: 0,
  'socks 5': 2,
  'http connect': 1,
  'socks 6': 0,
  converter: 0,
};
const ways = Object.keys(expectedAdded) as ProxyWay[];

/** SYN and request; or both in one (RFC 7413 §2). */
const directRoundTrips = (hasCookie: boolean): number => (hasCookie ? 1 : 2);

/** One visit, counted. */
interface Counted extends ProxyVisitRequest {
  readonly roundTrips: number | null;
  readonly added: number | null;
  readonly synBytes: number;
  /** Between the proxy and the server; null where there is no proxy. */
  readonly beyond: number | null;
}

export const proxyLatency = defineExperiment({
  name: 'proxy-latency',
  title: 'Round trips that each kind of proxy costs',
  source,
  summary:
    'A client asks a server and gets an answer: directly, through SOCKS 5, HTTP CONNECT and SOCKS 6 proxies, and through a ' +
    'converter (RFC 8803), each without Fast Open and with a cookie from the visit before. Client, proxy and server run on ' +
    "the kernel, in namespaces of their own. Counted are the packets on the client's wire: a round trip is each time that " +
    'it could send on only after it had heard something. A converter and SOCKS 6 add none, HTTP CONNECT one, SOCKS 5 two.',
  parameters: {},
  needsLinux: true,
  published,
  columns: [
    { name: 'way', title: 'way', kind: 'text' },
    { name: 'cookie', title: 'cookie', kind: 'boolean' },
    { name: 'roundTrips', title: 'round trips', kind: 'number' },
    { name: 'added', title: 'added', kind: 'number' },
    { name: 'bytesInSyn', title: 'bytes in SYN', kind: 'number' },
    { name: 'beyond', title: 'proxy to server', kind: 'number' },
  ],

  async run({ linux, step }) {
    assert(linux !== undefined, 'nothing that needs the kernel is run without it');
    const requests = [false, true].flatMap((hasCookie) => ways.map((way) => ({ way, hasCookie })));
    const visits = await linux.proxyVisits(requests, (done, what) => step(done, requests.length, what));
    const counted = countAll(requests, visits);
    return {
      rows: counted.map(rowOf),
      figures: {},
      checks: checksOf(counted),
      notes: [`All three on Linux ${linux.kernel}.`],
    };
  },
});

function countAll(requests: readonly ProxyVisitRequest[], visits: readonly ProxyVisit[]): Counted[] {
  const counts = visits.map(({ near }) => countRoundTrips(near));
  return requests.map((request, index): Counted => {
    const direct = requests.findIndex(
      ({ way, hasCookie }) => way === 'direct' && hasCookie === request.hasCookie,
    );
    const { near, beyond } = visits[index]!;
    const [own, without] = [counts[index]!, counts[direct]!];
    return {
      ...{ ...request, roundTrips: own, synBytes: bytesInSyn(near) },
      added: own === null || without === null ? null : own - without,
      beyond: beyond === undefined ? null : countRoundTrips(beyond),
    };
  });
}

function rowOf({ way, hasCookie, roundTrips, added, synBytes, beyond }: Counted): Row {
  return { way, cookie: hasCookie, roundTrips, added, bytesInSyn: synBytes, beyond };
}

function checksOf(counted: readonly Counted[]): Check[] {
  const told = (value: number | null): number | string => value ?? 'no answer';
  return counted.flatMap(({ way, hasCookie, roundTrips, added, synBytes, beyond }) => {
    const how = hasCookie ? 'with a cookie' : 'without a cookie';
    const own =
      way === 'direct'
        ? equals(`direct, ${how}: round trips`, told(roundTrips), directRoundTrips(hasCookie))
        : equals(`${way}, ${how}: round trips added`, told(added), expectedAdded[way]);
    const syn = equals(`${way}, ${how}: data in the SYN`, synBytes > 0, hasCookie);
    if (way === 'direct') return [own, syn];
    return [
      own,
      syn,
      equals(`${way}, ${how}: round trips from proxy to server`, told(beyond), beyondOf(way, hasCookie)),
    ];
  });
}

/** Only SOCKS 6 has a word for it that early data may go with the proxy's own SYN (§8.1 of the draft). */
function beyondOf(way: ProxyWay, hasCookie: boolean): number {
  return directRoundTrips(way === 'socks 6' && hasCookie);
}
