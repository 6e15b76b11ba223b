/** The trace of a path to one target: what an owner of sockets, or of a simulated network, drives. */
import { closedAtEnd } from '../closing.js';
import { Conversation, type ConversationSetup, type RecordedPacket } from '../conversation.js';
import { ScriptRun } from '../script.js';
import { SECOND } from '../../base/index.js';
import type { IpAddress, MptcpVersion } from '../../wire/index.js';
import { extensionTexts } from './extensions.js';
import { type Finding, findingsOf } from './findings.js';
import { defaultPathOptions, type PathEvidence, type PathOptions, pathScript } from './path-script.js';
import type { TraceKind } from './trace.js';

/** One hop of a path. */
export interface Hop {
  readonly ttl: number;
  /** The router; undefined where none answered. */
  readonly address: IpAddress | undefined;
  /** Time until its first answer, ns. */
  readonly delayNs: number | undefined;
  /** Kinds of packets that it quoted. */
  readonly quoted: readonly TraceKind[];
  /** What it says of itself behind its quotations (RFC 4884), each thing once; sentences without a full stop. */
  readonly extensions: readonly string[];
}

/** What is known of a path. */
export interface PathReport {
  readonly version: MptcpVersion;
  readonly hops: readonly Hop[];
  /** Hops to whoever answers a SYN; undefined where it is not known. */
  readonly reach: number | undefined;
  readonly findings: readonly Finding[];
  /** Undefined when the bounds of the run ended it. */
  readonly evidence: PathEvidence | undefined;
  readonly packets: readonly RecordedPacket[];
}

/** A path has more packets than a scenario; a pause is added to its time. */
export const pathBounds = { maxPacketsSent: 800, maxPacketsHeard: 4000, deadlineNs: 180 * SECOND } as const;

/** A run that traces a path; see {@link ScriptRun} for how it is driven. */
export class PathRun extends ScriptRun<PathEvidence> {
  constructor(setup: ConversationSetup, options: PathOptions = defaultPathOptions) {
    const deadlineNs = pathBounds.deadlineNs + options.idleNs;
    const talk = new Conversation({
      ...setup,
      settings: { ...setup.settings, ...pathBounds, deadlineNs },
    });
    super(talk, closedAtEnd(talk, pathScript(talk, options)));
  }

  /** What came of it, once {@link isOver}. */
  report(): PathReport {
    const { conversation, result } = this;
    return {
      version: conversation.version,
      hops: result === undefined ? [] : hopsOf(result),
      reach: result?.reach,
      findings: result === undefined ? [] : findingsOf(result),
      evidence: result,
      packets: conversation.record,
    };
  }
}

/** The hops in order, with what each answered to. */
function hopsOf({ traces, reach }: PathEvidence): Hop[] {
  const last = Math.max(
    0,
    ...traces.flatMap(({ answers }) =>
      answers.filter(({ answer }) => answer === 'quoted').map(({ ttl }) => ttl),
    ),
    ...(reach === undefined ? [] : [reach - 1]),
  );
  return Array.from({ length: last }, (_, index) => {
    const ttl = index + 1;
    const quotes = traces.flatMap(({ kind, answers }) =>
      answers.filter((one) => one.ttl === ttl && one.answer === 'quoted').map((one) => ({ kind, ...one })),
    );
    const first = quotes[0];
    const extensions = [...new Set(quotes.flatMap(extensionTexts))];
    const quoted = quotes.map(({ kind }) => kind);
    return { ttl, address: first?.from, delayNs: first?.delayNs, quoted, extensions };
  });
}
