/**
 * What the traces of a path show: which boxes, and between which hops. Each finding says what was seen and where; what no
 * router's quotation shows is told from what the target answers, and then the place is only as good as the last hop that
 * showed nothing.
 * Read first: Detal et al., Revealing Middlebox Interference with Tracebox (IMC 2013); RFC 8684 §3.7.
 */
import { IpAddress, TcpFlag } from '../../wire/index.js';
import type { PathEvidence } from './path-script.js';
import type { ChangedField } from './quote.js';
import type { HopAnswer, Trace, TraceKind } from './trace.js';

/** What a box does. */
export type FindingType =
  | 'nat'
  | 'mptcp-removed'
  | 'option-changed'
  | 'mss-changed'
  | 'sequence-rewritten'
  | 'window-changed'
  | 'header-changed'
  | 'segments-cut'
  | 'segments-merged'
  | 'payload-changed'
  | 'syn-dropped'
  | 'dropped'
  | 'stateful-firewall'
  | 'holds-out-of-order'
  | 'flow-forgotten'
  | 'reset-injected'
  | 'acknowledged-early'
  | 'tcp-proxy'
  | 'ttl-filter'
  | 'prohibited'
  | 'option-echo'
  | 'no-answer-to-mptcp'
  | 'address-not-echoed'
  | 'join-fails'
  | 'data-fails';

/** An end of the stretch in which a box stands. */
export interface Place {
  /** Number of the hop; 0 is this host. */
  readonly ttl: number;
  /** The router's address; undefined for this host and for a hop that did not answer. */
  readonly address: IpAddress | undefined;
}

export interface Finding {
  readonly type: FindingType;
  /** The last hop where nothing shows. */
  readonly after: Place;
  /** The first hop where it shows; undefined for the target, or for wherever behind `after`. */
  readonly before: Place | undefined;
  /** One sentence. */
  readonly sentence: string;
  /** The kinds of packets that showed it. */
  readonly seenIn: readonly TraceKind[];
}

/** What a difference in a quotation means. */
const typeOf: Readonly<Record<ChangedField, FindingType>> = {
  source: 'nat',
  'source-port': 'nat',
  'destination-port': 'nat',
  checksum: 'nat',
  sequence: 'sequence-rewritten',
  acknowledgment: 'sequence-rewritten',
  flags: 'header-changed',
  window: 'window-changed',
  'traffic-class': 'header-changed',
  identification: 'header-changed',
  'dont-fragment': 'header-changed',
  shorter: 'segments-cut',
  longer: 'segments-merged',
  payload: 'payload-changed',
  mss: 'mss-changed',
  'mptcp-option': 'mptcp-removed',
  'tcp-option': 'option-changed',
};

/** What a kind of packet is called in sentences. */
const names: Readonly<Record<TraceKind, string>> = {
  syn: 'SYNs with MP_CAPABLE',
  'plain-syn': 'SYNs',
  echo: 'echo requests',
  'syn-ack': 'SYN+ACKs',
  data: 'the first data',
  large: 'large segments',
  later: 'later data',
  idle: 'data after a pause',
  hole: 'data behind a hole',
  pair: 'segments right behind each other',
  'add-address': 'ACKs with ADD_ADDR',
  join: 'SYNs with MP_JOIN',
};

/** Judges a path. The order is that of the hops. */
export function findingsOf(evidence: PathEvidence): Finding[] {
  const located = [
    ...evidence.traces.flatMap((trace) => changesOf(trace)),
    ...evidence.traces.flatMap((trace) => silenceOf(evidence, trace)),
    ...evidence.traces.flatMap((trace) => interruptionsOf(evidence, trace)),
    ...realmChange(evidence),
    ...proxyOf(evidence),
    ...filterOf(evidence),
    ...droppedSyn(evidence),
  ];
  const merged = withoutConsequences(merge(located));
  return merge([...merged, ...unlocated(evidence, merged)]).sort((a, b) => a.after.ttl - b.after.ttl);
}

/** What follows from another finding at the same place, and says nothing of its own. */
const consequences: Readonly<Partial<Record<FindingType, readonly FindingType[]>>> = {
  'syn-dropped': ['stateful-firewall'],
  'flow-forgotten': ['dropped', 'holds-out-of-order'],
};

function withoutConsequences(findings: readonly Finding[]): Finding[] {
  const proxy = findings.find(({ type }) => type === 'tcp-proxy');
  // What passes a proxy is its own: nothing can be said of what stands behind it.
  const isProxys = ({ after, type }: Finding): boolean =>
    proxy !== undefined && !['tcp-proxy', 'nat'].includes(type) && after.ttl >= proxy.after.ttl;
  return findings.filter(
    (finding) =>
      !isProxys(finding) &&
      !findings.some(
        ({ after, type }) =>
          after.ttl === finding.after.ttl && consequences[type]?.includes(finding.type) === true,
      ),
  );
}

function placeOf(answer: HopAnswer): Place {
  return { ttl: answer.ttl, address: answer.from };
}

const here: Place = { ttl: 0, address: undefined };

/** Differences in quotations, each where it shows first. */
function changesOf({ kind, answers }: Trace): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  let after = here;
  for (const answer of answers) {
    if (answer.answer !== 'quoted' && answer.changes.length === 0) continue;
    for (const change of answer.changes) {
      const type = typeOf[change.field];
      if (seen.has(type)) continue;
      seen.add(type);
      const sentence = `${names[kind]}: ${change.field.replaceAll('-', ' ')}: ${change.sent} became ${change.seen}.`;
      findings.push({ type, after, before: placeOf(answer), sentence, seenIn: [kind] });
    }
    after = placeOf(answer);
  }
  return findings;
}

/** What silence from some hop on means, by what was sent; those hops answered to something else. */
const silenceTypes: Readonly<Partial<Record<TraceKind, FindingType>>> = {
  'syn-ack': 'stateful-firewall',
  hole: 'holds-out-of-order',
  data: 'dropped',
  large: 'dropped',
  later: 'flow-forgotten',
  idle: 'flow-forgotten',
  'add-address': 'dropped',
  join: 'dropped',
};

/** Hops that answered before and are silent to this kind of packet, up to the last. */
function silenceOf(evidence: PathEvidence, { kind, answers }: Trace): Finding[] {
  const type = silenceTypes[kind];
  const last = answers.at(-1);
  if (type === undefined || last?.answer !== 'nothing') return [];
  const firstSilent = answers.findLastIndex(({ answer }) => answer !== 'nothing') + 1;
  const before = answers[firstSilent]!;
  const earlier = answers[firstSilent - 1];
  // What the target takes was not dropped on the way: the routers behind were silent for reasons of their own.
  const outcome = evidence.data[kind];
  if (outcome !== undefined && outcome.kind !== 'silent') return [];
  if (kind === 'add-address' && evidence.isEchoed === true) return [];
  if (kind === 'join' && evidence.join !== undefined && evidence.join.kind !== 'silent') return [];
  const after = earlier === undefined ? here : placeOf(earlier);
  const sentence = `${names[kind]} do not get past here; other packets do.`;
  const place = { ttl: before.ttl, address: addressOf(evidence, before.ttl) };
  return [{ type, after, before: place, sentence, seenIn: [kind] }];
}

/** The router at a distance, from whatever it answered to. */
function addressOf({ traces }: PathEvidence, ttl: number): IpAddress | undefined {
  for (const { answers } of traces) {
    for (const answer of answers) if (answer.ttl === ttl && answer.answer === 'quoted') return answer.from;
  }
  return undefined;
}

/** Segments in answer to packets that cannot have reached the target. */
function interruptionsOf(evidence: PathEvidence, { kind, answers }: Trace): Finding[] {
  if (kind === 'syn' || kind === 'plain-syn' || kind === 'echo') return [];
  const answer = answers.find(({ answer }) => answer === 'segment' || answer === 'prohibited');
  if (answer === undefined) return [];
  const earlier = answers.findLast((one) => one.ttl < answer.ttl && one.answer === 'quoted');
  const place = { ttl: answer.ttl, address: addressOf(evidence, answer.ttl) };
  const common = { after: earlier === undefined ? here : placeOf(earlier), before: place, seenIn: [kind] };
  if (answer.answer === 'prohibited')
    return [{ type: 'prohibited', ...common, sentence: `${names[kind]} are refused with an ICMP error.` }];
  if ((answer.flags & TcpFlag.RST) !== 0)
    return [
      { type: 'reset-injected', ...common, sentence: `${names[kind]} are answered by a RST on the way.` },
    ];
  if ((answer.flags & TcpFlag.SYN) !== 0)
    return [{ type: 'tcp-proxy', ...common, sentence: `${names[kind]} are answered on the way.` }];
  const sentence = `${names[kind]} are acknowledged on the way, before they arrive.`;
  return [{ type: 'acknowledged-early', ...common, sentence }];
}

/** A private address here and a public one there: a translator stands where private routers end. */
function realmChange(evidence: PathEvidence): Finding[] {
  const { local, target, traces } = evidence;
  if (!isPrivate(local) || isPrivate(target)) return [];
  const hops = new Map<number, IpAddress>();
  for (const answer of traces.flatMap(({ answers }) => answers))
    if (answer.answer === 'quoted' && answer.from !== undefined) hops.set(answer.ttl, answer.from);
  const ordered = [...hops].sort(([a], [b]) => a - b);
  const publicIndex = ordered.findIndex(([, address]) => !isPrivate(address));
  const before = publicIndex < 0 ? undefined : ordered[publicIndex]!;
  const earlier = publicIndex < 0 ? ordered.at(-1) : ordered[publicIndex - 1];
  return [
    {
      type: 'nat',
      after: earlier === undefined ? here : { ttl: earlier[0], address: earlier[1] },
      before: before === undefined ? undefined : { ttl: before[0], address: before[1] },
      sentence: 'Addresses are private up to here and public behind: they are translated.',
      seenIn: ['syn'],
    },
  ];
}

/** Addresses that are not routed everywhere (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6). */
const privatePrefixes = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const;

function isPrivate(address: IpAddress): boolean {
  return privatePrefixes.some(([text, bits]) => IpAddress.parse(text)!.sharesPrefix(address, bits));
}

/** TCP is answered at a hop behind which echo requests go on: somebody answers in the target's name. */
function proxyOf({ reach, traces }: PathEvidence): Finding[] {
  const echo = traces.find(({ kind }) => kind === 'echo')?.answers ?? [];
  if (reach === undefined) return [];
  const beyond = echo.find(({ answer, ttl }) => answer === 'quoted' && ttl >= reach);
  if (beyond === undefined) return [];
  const quoted = traces.flatMap(({ answers }) => answers).filter(({ answer }) => answer === 'quoted');
  const earlier = quoted.find(({ ttl }) => ttl === reach - 1);
  const sentence = `A SYN is answered ${reach} hops away, and the path goes on behind: TCP is ended there.`;
  return [
    {
      type: 'tcp-proxy',
      after: earlier === undefined ? { ttl: reach - 1, address: undefined } : placeOf(earlier),
      before: beyond.ttl === reach ? placeOf(beyond) : { ttl: reach, address: undefined },
      sentence,
      seenIn: ['syn', 'echo'],
    },
  ];
}

/** Packets need a longer life than the path is long: what has little left is dropped somewhere. */
function filterOf({ distance, needed, traces }: PathEvidence): Finding[] {
  // A path back that is a little longer is nothing unusual.
  if (distance === undefined || needed === undefined || needed <= distance + 2) return [];
  const syn = traces.find(({ kind }) => kind === 'syn')?.answers ?? [];
  const earlier = syn.findLast(({ answer }) => answer === 'quoted');
  const after = earlier === undefined ? here : placeOf(earlier);
  const sentence = `The target is about ${distance} hops away, and packets need a time to live of ${needed}.`;
  const before = { ttl: after.ttl + 1, address: undefined };
  return [{ type: 'ttl-filter', after, before, sentence, seenIn: ['syn', 'plain-syn'] }];
}

/** SYNs with MPTCP die where SYNs without go on. */
function droppedSyn({ control, opening, traces }: PathEvidence): Finding[] {
  if (opening.kind !== 'silent' && opening.kind !== 'unreachable') return [];
  const isAnswered = control?.kind === 'plain' || control?.kind === 'refused';
  const plain = traces.find(({ kind }) => kind === 'plain-syn')?.answers ?? [];
  const syn = traces.find(({ kind }) => kind === 'syn')?.answers ?? [];
  const earlier = syn.findLast(({ answer }) => answer === 'quoted');
  const after = earlier === undefined ? here : placeOf(earlier);
  const next = plain.find(({ answer, ttl }) => answer === 'quoted' && ttl > after.ttl);
  if (!isAnswered && next === undefined) return [];
  const sentence = 'SYNs with MP_CAPABLE are swallowed; SYNs without pass.';
  const before = next === undefined ? undefined : placeOf(next);
  return [{ type: 'syn-dropped', after, before, sentence, seenIn: ['syn', 'plain-syn'] }];
}

/** What only the answers of the target show; the place is behind the last hop that showed nothing. */
function unlocated(evidence: PathEvidence, located: readonly Finding[]): Finding[] {
  const { opening, isEchoed, join, data } = evidence;
  const has = (...types: FindingType[]): boolean => located.some(({ type }) => types.includes(type));
  const isStripped = has('mptcp-removed', 'tcp-proxy');
  const findings: Finding[] = [];
  const add = (type: FindingType, kind: TraceKind, sentence: string): void => {
    findings.push({ type, after: lastQuoted(evidence, kind), before: undefined, sentence, seenIn: [kind] });
  };
  if (opening.kind === 'plain' && opening.echoed)
    add('option-echo', 'syn', "The SYN+ACK brings the SYN's own option back.");
  else if (opening.kind === 'plain' && !isStripped)
    add(
      'no-answer-to-mptcp',
      'syn',
      'MP_CAPABLE gets as far as this and is not answered: the target does not speak it, or it is removed behind, or on the way back.',
    );
  if (opening.kind === 'mptcp') {
    if (evidence.reply === 'nothing' && !has('stateful-firewall', 'syn-dropped'))
      add(
        'stateful-firewall',
        'syn-ack',
        'A SYN+ACK that nobody asked for is not answered: a firewall drops it.',
      );
    addByAcknowledgments(evidence, has, add);
    if (evidence.hole === 'silent' && !has('holds-out-of-order'))
      add('holds-out-of-order', 'hole', 'Data behind a hole is not acknowledged until the hole is filled.');
    if (evidence.hole === 'strange-sack' && !has('sequence-rewritten'))
      add('sequence-rewritten', 'hole', 'SACK blocks name sequence numbers that were not sent.');
    const failed = (['data', 'large', 'later', 'idle'] as const).find((kind) => isBad(data[kind]?.kind));
    if (failed !== undefined && !has(...explainsFailure))
      add('data-fails', failed, `${names[failed]}: ${data[failed]!.kind.replaceAll('-', ' ')}.`);
    if (isEchoed === false && !isStripped && failed === undefined)
      add('address-not-echoed', 'add-address', 'ADD_ADDR gets as far as this and is not sent back.');
    if (
      join !== undefined &&
      join.kind !== 'accepted' &&
      join.kind !== 'answered' &&
      failed === undefined &&
      !isStripped
    )
      add('join-fails', 'join', `A join gets as far as this and fails: ${join.kind.replaceAll('-', ' ')}.`);
  }
  return findings;
}

/** What the target's acknowledgments tell of segments that they do not fit. */
function addByAcknowledgments(
  { data, early, hole }: PathEvidence,
  has: (...types: FindingType[]) => boolean,
  add: (type: FindingType, kind: TraceKind, sentence: string) => void,
): void {
  if (hole === 'partial-sack' && !has('segments-cut'))
    add('segments-cut', 'hole', 'Data behind a hole is acknowledged in parts: a segment arrives in pieces.');
  const [kind] = early;
  if (kind !== undefined && !has('acknowledged-early', 'tcp-proxy')) {
    const sentence = `${names[kind]}: TCP acknowledges them before the DATA_ACK of the target comes.`;
    add('acknowledged-early', kind, sentence);
  }
  // A segment that is lost is silence, and says nothing.
  const isMerged = data.pair !== undefined && !['data-acked', 'silent'].includes(data.pair.kind);
  if (isMerged && !has('segments-merged', 'mptcp-removed', 'tcp-proxy'))
    add(
      'segments-merged',
      'pair',
      'Of segments right behind each other one mapping arrives: they are made one.',
    );
}

/** Findings that say by themselves why data fails. */
const explainsFailure: readonly FindingType[] = [
  'mptcp-removed',
  'payload-changed',
  'segments-cut',
  'segments-merged',
  'dropped',
  'flow-forgotten',
  'reset-injected',
  'acknowledged-early',
  'tcp-proxy',
];

function isBad(kind: string | undefined): boolean {
  return kind !== undefined && kind !== 'data-acked';
}

/**
 * The last hop that a kind of packet is known to have come to unchanged. A router that quotes the ports alone shows
 * nothing of options and data.
 */
function lastQuoted({ traces }: PathEvidence, kind: TraceKind): Place {
  const answers = traces.find((trace) => trace.kind === kind)?.answers ?? [];
  const last = answers.findLast(({ answer, isDeep }) => answer === 'quoted' && isDeep);
  return last === undefined ? here : placeOf(last);
}

/** Where a finding is, in words. */
export function placeText({ after, before }: Pick<Finding, 'after' | 'before'>): string {
  if (before === undefined) return `between ${hopText(after)} and the target`;
  return `between ${hopText(after)} and ${hopText(before)}`;
}

function hopText({ ttl, address }: Place): string {
  if (ttl === 0) return 'this host';
  return address === undefined ? `hop ${ttl}` : `hop ${ttl} (${address.toString()})`;
}

/** One finding for each type and place. */
function merge(findings: readonly Finding[]): Finding[] {
  const merged: Finding[] = [];
  for (const finding of findings) {
    const index = merged.findIndex(
      ({ after, before, type }) =>
        type === finding.type && after.ttl === finding.after.ttl && before?.ttl === finding.before?.ttl,
    );
    const same = merged[index];
    if (same === undefined) merged.push(finding);
    else merged[index] = { ...same, seenIn: [...new Set([...same.seenIn, ...finding.seenIn])] };
  }
  return merged;
}
