/** What data in the SYN saves: the time to an answer, with TCP and both versions of Multipath TCP. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import { renderFigure } from '../../plot/index.js';
import type { FastOpenListenOptions, FastOpenMode } from '../../stack/index.js';
import {
  atLeast,
  atMost,
  type Check,
  defineExperiment,
  equals,
  inMs,
  type Row,
  runEach,
} from '../experiment.js';
import { published } from './published.js';
import { type Visit, VisitWorld } from './world.js';

const source =
  'Radhakrishnan, Cheng, Chu, Jain, Raghavan: TCP Fast Open, CoNEXT 2011; RFC 7413 (2014); RFC 8684 (2020) appendix B';

interface Protocol {
  readonly name: string;
  readonly mptcp: Partial<MptcpSettings>;
  readonly listen: FastOpenListenOptions;
}

const protocols: readonly Protocol[] = [
  { name: 'TCP', mptcp: { enabled: false }, listen: {} },
  { name: 'MPTCP v0', mptcp: { versions: [0] }, listen: {} },
  { name: 'MPTCP v1', mptcp: {}, listen: {} },
  { name: 'MPTCP v1, early answer', mptcp: {}, listen: { earlyAnswer: true } },
];

/** Visits of one client, in this order: the second knows the cookie that the first was given. */
const visits: readonly { readonly name: string; readonly mode: FastOpenMode }[] = [
  { name: 'first, asks for a cookie', mode: true },
  { name: 'second, with the cookie', mode: true },
  { name: 'without Fast Open', mode: false },
];

interface Run {
  readonly protocol: Protocol;
  readonly name: string;
  readonly visit: Visit;
}

export const fastOpen = defineExperiment({
  name: 'fast-open',
  title: 'What data in the SYN saves',
  source,
  summary:
    'A client visits a server three times, with a request and an answer each: the first visit asks for a cookie, the second ' +
    'sends the request in the SYN, the third does without. The request reaches the server half a round trip after the ' +
    'client connects, instead of one and a half. In version 1 the answer by default waits for the key of the client, which ' +
    'comes with the third packet (RFC 8684 appendix B.3); TCP and version 0 answer at once.',
  parameters: {
    rateBps: { kind: 'rate', default: 100e6, min: 1e6, max: 10e9, doc: 'capacity of the path' },
    delayNs: {
      kind: 'duration',
      default: 25 * MILLISECOND,
      min: MILLISECOND,
      max: 1e9,
      doc: 'one-way delay',
    },
    requestBytes: { kind: 'size', default: 400, min: 1, max: 1000, doc: 'bytes of the request' },
    answerBytes: { kind: 'size', default: 4000, min: 1, max: 10e3, doc: 'bytes of the answer' },
  },
  published,
  columns: [
    { name: 'protocol', title: 'protocol', kind: 'text' },
    { name: 'visit', title: 'visit', kind: 'text' },
    { name: 'bytesInSyn', title: 'bytes in SYN', kind: 'number' },
    { name: 'requestRtt', title: 'request read (RTT)', kind: 'number', digits: 2 },
    { name: 'firstByteRtt', title: 'answer begins (RTT)', kind: 'number', digits: 2 },
    { name: 'answerRtt', title: 'answer read (RTT)', kind: 'number', digits: 2 },
    { name: 'answerMs', title: 'answer read (ms)', kind: 'number', digits: 1 },
    { name: 'multipath', title: 'multipath', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const nameOf = ({ name }: Protocol): string => name;
    const byProtocol = await runEach(step, protocols, nameOf, (protocol): Run[] => {
      const { listen } = protocol;
      const mptcp = { ...defaultMptcpSettings, ...protocol.mptcp };
      const world = new VisitWorld({ seed, mptcp, listen, ...parameters });
      return visits.map(({ name, mode }) => ({ protocol, name, visit: world.visit(mode) }));
    });
    const runs = byProtocol.flat();
    const { delayNs, rateBps, requestBytes } = parameters;
    const scale = scaleOf(delayNs, rateBps, requestBytes);
    return {
      rows: runs.map((run) => rowOf(run, scale.rttNs)),
      figures: { answers: figureOf(runs) },
      checks: checksOf(runs, scale, requestBytes),
    };
  },
});

function rowOf({ protocol, name, visit }: Run, rttNs: number): Row {
  const { answerNs, bytesInSyn, firstByteNs, isMultipath, requestNs } = visit;
  return {
    ...{ protocol: protocol.name, visit: name, bytesInSyn, multipath: isMultipath },
    requestRtt: requestNs === undefined ? null : requestNs / rttNs,
    firstByteRtt: firstByteNs === undefined ? null : firstByteNs / rttNs,
    answerRtt: answerNs === undefined ? null : answerNs / rttNs,
    answerMs: inMs(answerNs),
  };
}

/** What the visits are measured by. */
interface Scale {
  readonly rttNs: number;
  /** What bytes take on the link until the first of the answer is there, and a little more; in round trips. */
  readonly slackRtt: number;
}

/** Bytes of the packets before the first byte of the answer, and of the one that brings it, beside the request. */
const otherBytes = 3 * 100 + 1500;

function scaleOf(delayNs: number, rateBps: number, requestBytes: number): Scale {
  const rttNs = 2 * delayNs;
  return { rttNs, slackRtt: 0.05 + ((requestBytes + otherBytes) * 8e9) / rateBps / rttNs };
}

/** Checks that in all of `runs` something comes `rtt` round trips after the client connected: not before, hardly later. */
function after(
  { rttNs, slackRtt }: Scale,
  what: string,
  runs: readonly Run[],
  when: (visit: Visit) => number | undefined,
  rtt: number,
): Check[] {
  const measured = runs.map(({ visit }) => (when(visit) ?? Infinity) / rttNs);
  return [
    atLeast(`${what} not before ${rtt} RTT`, Math.min(...measured), rtt),
    atMost(`${what} hardly after ${rtt} RTT`, Math.max(...measured), rtt + slackRtt),
  ];
}

function checksOf(runs: readonly Run[], scale: Scale, requestBytes: number): Check[] {
  const second = runs.filter(({ name }) => name === visits[1]!.name);
  const others = runs.filter(({ name }) => name !== visits[1]!.name);
  return [
    equals(
      'every answer arrives',
      runs.filter(({ visit }) => visit.answerNs !== undefined).length,
      runs.length,
    ),
    equals(
      'every request with a cookie goes in the SYN (bytes)',
      Math.min(...second.map(({ visit }) => visit.bytesInSyn)),
      requestBytes,
    ),
    equals(
      'no request without a cookie goes in the SYN (bytes)',
      Math.max(...others.map(({ visit }) => visit.bytesInSyn)),
      0,
    ),
    ...timeChecks(scale, second, others),
    equals(
      'Multipath TCP stays Multipath TCP',
      runs.every(({ protocol, visit }) => visit.isMultipath === (protocol.name !== 'TCP')),
      true,
    ),
  ];
}

/**
 * With a cookie the request saves a round trip, and so does the answer, but in version 1 by default: there it waits for
 * the key of the client in the third packet, so that its first byte gains nothing (RFC 8684 appendix B.3). Without a
 * cookie nothing is gained at all.
 */
function timeChecks(scale: Scale, second: readonly Run[], others: readonly Run[]): Check[] {
  const request = ({ requestNs }: Visit): number | undefined => requestNs;
  const answer = ({ firstByteNs }: Visit): number | undefined => firstByteNs;
  const isWaiting = ({ protocol }: Run): boolean => protocol.name === 'MPTCP v1';
  const prompt = second.filter((run) => !isWaiting(run));
  const waiting = second.filter(isWaiting);
  return [
    ...after(scale, 'with a cookie, the request is read', second, request, 0.5),
    ...after(scale, 'with a cookie, the answer begins', prompt, answer, 1),
    ...after(
      scale,
      'with a cookie, an answer of version 1 that waits for the key begins',
      waiting,
      answer,
      2,
    ),
    ...after(scale, 'without a cookie, the request is read', others, request, 1.5),
    ...after(scale, 'without a cookie, the answer begins', others, answer, 2),
  ];
}

function figureOf(runs: readonly Run[]): string {
  return renderFigure({
    kind: 'bars',
    title: 'Time from connecting to the whole answer',
    caption: `One request and one answer per connection. After ${source}.`,
    x: { label: 'protocol' },
    y: { label: 'answer read after', unit: 's' },
    categories: protocols.map(({ name }) => name),
    groups: visits.map(({ name }) => ({
      name,
      values: runs.filter((run) => run.name === name).map(({ visit }) => (visit.answerNs ?? 0) / SECOND),
    })),
  });
}
