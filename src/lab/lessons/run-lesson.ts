/** Runs a lesson: its packets taken apart, in the order they were sent, with the words that belong to them. */
import { LinkType } from '../../capture/index.js';
import { dissect } from '../../trace/index.js';
import { type LessonFacts, factsOf } from './facts.js';
import { labelOf } from './label.js';
import { runScript } from './lesson-world.js';
import type {
  Caption,
  Lesson,
  LessonFate,
  LessonForm,
  LessonPacket,
  LessonRun,
  PacketCaption,
} from './model.js';
import { type ReadPacket, readPacket } from './read-packet.js';
import { isSame, type PacketRecord } from './recorder.js';

/** Runs a form of a lesson: the first, where there is none of that name. */
export function runLesson(lesson: Lesson, form = ''): LessonRun {
  const chosen = lesson.forms.find(({ id }) => id === form) ?? lesson.forms[0];
  const { script } = chosen;
  const { id, title, forms, question, answer, tryText, scenario } = lesson;
  return {
    ...{ lesson: id, title, question, answer, tryText, scenario },
    ...{ form: chosen.id, intro: chosen.intro, packets: packetsOf(chosen) },
    forms: forms.map((each) => ({ id: each.id, name: each.name })),
    paths: script.paths.map(({ name, box }) => ({ name, box: box ?? '' })),
    marks: (script.incidents ?? []).map(({ atNs, path, text }) => ({ atNs, path, text })),
  };
}

/** A packet with what became of it. */
interface SentPacket {
  readonly record: PacketRecord;
  readonly packet: ReadPacket;
}

function packetsOf({ script, captions }: LessonForm): LessonPacket[] {
  const { fromNs = 0, untilNs, paths } = script;
  const sent = runScript(script).records.flatMap((record): SentPacket[] => {
    const packet = readPacket(record.sent, record.from, record.path);
    return packet === undefined ? [] : [{ record, packet }];
  });
  const facts = factsOf(sent.map(({ packet }) => packet));
  const writer = new CaptionWriter(captions, facts);
  return sent
    .filter(({ record: { sentNs } }) => sentNs >= fromNs && sentNs < untilNs)
    .sort(bySending)
    .map(({ record, packet }, index) => {
      const { delayNs } = paths[record.path]!;
      return describe(record, packet, { facts, number: index + 1, delayNs, writer });
    });
}

/** What is sent at one instant on several links goes by the data; on each link its order is that of sending. */
function bySending(a: SentPacket, b: SentPacket): number {
  return a.record.sentNs - b.record.sentNs || firstMapped(a.packet) - firstMapped(b.packet);
}

/** Where its data stands in the data of its sender, near enough to compare; -1 without data. */
function firstMapped(packet: ReadPacket): number {
  const value = packet.option('DSS')?.mapping?.dataSeq.value;
  return value === undefined ? -1 : Number(value & 0xffff_ffffn);
}

interface Context {
  readonly facts: LessonFacts;
  readonly number: number;
  readonly delayNs: number;
  readonly writer: CaptionWriter;
}

function describe(record: PacketRecord, packet: ReadPacket, context: Context): LessonPacket {
  const { facts, number, delayNs, writer } = context;
  const { path, from, sentNs, sent, arrived, arrivedNs } = record;
  const fate = fateOf(record);
  const seen = fate === 'changed' ? arrived! : null;
  const seenPacket = seen === null ? undefined : readPacket(seen, from, path);
  return {
    ...{ number, path, from, sentNs, fate, sent },
    arrivesNs: arrivedNs < 0 ? sentNs + delayNs : arrivedNs,
    label: labelOf(packet, facts),
    arrivedLabel: seenPacket === undefined ? '' : labelOf(seenPacket, facts),
    sentDissection: dissect(sent, LinkType.RAW),
    arrived: seen,
    arrivedDissection: seen === null ? null : dissect(seen, LinkType.RAW),
    caption: writer.write(packet),
  };
}

function fateOf({ sent, onLink, arrived }: PacketRecord): LessonFate {
  if (arrived !== undefined) return isSame(sent, arrived) ? 'arrives' : 'changed';
  return onLink === undefined ? 'dropped' : 'lost';
}

/** Gives each caption to the first packet that it fits and that has none. */
class CaptionWriter {
  private readonly left: Caption[];
  private readonly facts: LessonFacts;

  constructor(captions: readonly Caption[], facts: LessonFacts) {
    this.left = [...captions];
    this.facts = facts;
  }

  write(packet: ReadPacket): PacketCaption | null {
    const index = this.left.findIndex((caption) => caption.fits(packet, this.facts));
    const [caption] = index < 0 ? [] : this.left.splice(index, 1);
    if (caption === undefined) return null;
    const { id, title, source, field } = caption;
    return { id, title, text: caption.text(packet, this.facts), source, field };
  }
}
