/**
 * A lesson as data: what is simulated for it, what is said of its packets, and what to try. And what comes of running one: the
 * packets themselves, taken apart, with the words that belong to them. Plain data, so that a worker can hand it to a page.
 */
import type { Dissection } from '../../trace/index.js';
import type { MptcpVersion } from '../../wire/index.js';
import type { LessonFacts } from './facts.js';
import type { ReadPacket } from './read-packet.js';

export type LessonSide = 'client' | 'server';

/** One path of the little world. */
export interface LessonPath {
  readonly name: string;
  /** Propagation delay of one direction, in ns. */
  readonly delayNs: number;
  /** A box before the client, by its name among the registered behaviours. */
  readonly box?: string;
  /** Where a box touches the stream that does so at some byte. */
  readonly boxAtByte?: number;
  /** Whether the client asks for its subflow to be a backup. */
  readonly isBackup?: boolean;
}

/** Something that happens to a path. */
export interface LessonIncident {
  readonly atNs: number;
  readonly path: number;
  /** `leave`: the client loses the link and its address there; `silence`: packets vanish and nobody is told. */
  readonly what: 'leave' | 'silence';
  /** What the diagram says. */
  readonly text: string;
}

/** A piece of the answer. */
export interface LessonAnswer {
  /** How long after the request it is ready, in ns. */
  readonly afterNs: number;
  readonly bytes: number;
}

/** What is simulated: two hosts, a request and an answer. */
export interface LessonScript {
  readonly seed: number;
  readonly paths: readonly LessonPath[];
  /** Version that the client asks for. Default 1. */
  readonly version?: MptcpVersion;
  /** Whether the client requires DSS checksums. Default false. */
  readonly checksum?: boolean;
  /** A scheduler by its name. Default: `lowest-rtt`. */
  readonly scheduler?: string;
  /** What the server answers, piece by piece. */
  readonly answer: readonly LessonAnswer[];
  /** Longest run of data that one mapping covers, in bytes. Default: that of a full segment. */
  readonly mappingBytes?: number;
  /** Whether the connection is closed in the end. Default false. */
  readonly closes?: boolean;
  readonly incidents?: readonly LessonIncident[];
  /** Packets sent before are not shown, in ns. Default 0. */
  readonly fromNs?: number;
  /** Packets sent from here on are not shown, in ns. */
  readonly untilNs: number;
}

/** What is said of one packet, the first that fits and has no words yet. */
export interface Caption {
  /** Stable; tests name it. */
  readonly id: string;
  readonly fits: (packet: ReadPacket, facts: LessonFacts) => boolean;
  readonly title: string;
  /** Numbers in it come from the packet and the facts alone. */
  readonly text: (packet: ReadPacket, facts: LessonFacts) => string;
  readonly source: string;
  /** The field that is looked at first; `DSS/checksum`: the one within that option. */
  readonly field: string;
}

/** A form of a lesson: the one it begins with, or what changes. */
export interface LessonForm {
  /** In the address. */
  readonly id: string;
  /** What is chosen: `with a middlebox that …`. */
  readonly name: string;
  /** What is to be seen, in a few sentences. */
  readonly intro: string;
  readonly script: LessonScript;
  readonly captions: readonly Caption[];
}

export interface Lesson {
  /** In the address. */
  readonly id: string;
  readonly title: string;
  /** The form that is shown first, then others. */
  readonly forms: readonly [LessonForm, ...LessonForm[]];
  readonly question: string;
  readonly answer: string;
  /** What the playground shows of it, and the scenario. */
  readonly tryText: string;
  readonly scenario: string;
}

/** What becomes of a packet: it arrives as it was sent, or changed by a box, or not at all. */
export type LessonFate = 'arrives' | 'changed' | 'lost' | 'dropped';

/** A packet on the ladder. */
export interface LessonPacket {
  /** From 1, in the order of sending; at one instant in that of the data. */
  readonly number: number;
  readonly path: number;
  readonly from: LessonSide;
  readonly sentNs: number;
  /** When it came to the other host; where it did not, when it would have. */
  readonly arrivesNs: number;
  readonly fate: LessonFate;
  /** What it is, in a few words. */
  readonly label: string;
  /** The same as it arrived, where a box changed it; else empty. */
  readonly arrivedLabel: string;
  readonly sent: Uint8Array;
  readonly sentDissection: Dissection;
  /** As the other host saw it; null where that is the same, or nothing. */
  readonly arrived: Uint8Array | null;
  readonly arrivedDissection: Dissection | null;
  readonly caption: PacketCaption | null;
}

/** The words on a packet. */
export interface PacketCaption {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly source: string;
  readonly field: string;
}

/** Something that happened between packets. */
export interface LessonMark {
  readonly atNs: number;
  readonly path: number;
  readonly text: string;
}

/** A lesson that was run. */
export interface LessonRun {
  readonly lesson: string;
  readonly title: string;
  readonly form: string;
  readonly forms: readonly { readonly id: string; readonly name: string }[];
  readonly intro: string;
  readonly paths: readonly { readonly name: string; readonly box: string }[];
  readonly packets: readonly LessonPacket[];
  readonly marks: readonly LessonMark[];
  readonly question: string;
  readonly answer: string;
  readonly tryText: string;
  readonly scenario: string;
}
