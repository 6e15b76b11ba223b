/**
 * Where the arrows of a ladder begin and end. Time goes down: as long as it takes, but never so close that words cover each
 * other, and long pauses are cut short.
 */
import type { LessonMark, LessonPacket, LessonSide } from '../../src/lab/index.js';

/** Width of the diagram and places in it, in pixels. */
export const ladder = { width: 584, client: 192, server: 392, box: 238, top: 40, bottom: 18 } as const;

const pixelsPerMs = 1.5;
/** A pause is drawn no longer than this, in pixels. */
const longestGap = 46;
/** Between the words of two packets of one host, and between two arrowheads. */
const wordGap = 18;
const headGap = 8;
/** Around the words on something that happened. */
const markGap = 16;
/** How far a packet gets that is lost on the way. */
const lostShare = 0.6;
const lostDrop = 22;

export interface LadderArrow {
  readonly packet: LessonPacket;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

/** Words in the middle: something that happened, or how long nothing did. */
export interface LadderNote {
  readonly y: number;
  readonly text: string;
  readonly isPause: boolean;
}

export interface LadderLayout {
  readonly arrows: readonly LadderArrow[];
  readonly notes: readonly LadderNote[];
  readonly height: number;
}

interface LadderEvent {
  readonly atNs: number;
  readonly packet: LessonPacket | undefined;
  readonly isArrival: boolean;
  readonly text: string;
}

export function layLadder(packets: readonly LessonPacket[], marks: readonly LessonMark[]): LadderLayout {
  return new LadderPen().lay(eventsOf(packets, marks), packets);
}

/** What happens, in order; of what happens at one instant, arrivals first: they are the cause. */
function eventsOf(packets: readonly LessonPacket[], marks: readonly LessonMark[]): LadderEvent[] {
  const events = [
    ...packets
      .filter(arrives)
      .map((packet) => ({ atNs: packet.arrivesNs, packet, isArrival: true, text: '' })),
    ...marks.map(({ atNs, text }) => ({ atNs, packet: undefined, isArrival: false, text })),
    ...packets.map((packet) => ({ atNs: packet.sentNs, packet, isArrival: false, text: '' })),
  ];
  return events.sort((a, b) => a.atNs - b.atNs);
}

export function arrives({ fate }: LessonPacket): boolean {
  return fate === 'arrives' || fate === 'changed';
}

class LadderPen {
  private y: number = ladder.top;
  private readonly lastWord: Record<LessonSide, number> = { client: 0, server: 0 };
  private readonly lastHead: Record<LessonSide, number> = { client: 0, server: 0 };
  private readonly sentY = new Map<number, number>();
  private readonly arrivedY = new Map<number, number>();
  /** Packets that will arrive and have not: arrows go by here. */
  private readonly onTheWay = new Set<number>();
  private readonly notes: LadderNote[] = [];

  lay(events: readonly LadderEvent[], packets: readonly LessonPacket[]): LadderLayout {
    let atNs = events[0]?.atNs ?? 0;
    for (const event of events) {
      this.pass((event.atNs - atNs) / 1e6);
      atNs = event.atNs;
      this.place(event);
    }
    const arrows = packets.map((packet) => this.arrow(packet));
    const lowest = Math.max(this.y, ...arrows.map(({ toY }) => toY));
    return { arrows, notes: this.notes, height: lowest + ladder.bottom };
  }

  private pass(ms: number): void {
    const gap = ms * pixelsPerMs;
    if (gap > longestGap && this.onTheWay.size === 0) {
      this.notes.push({ y: this.y + longestGap * 0.6, text: `${Math.round(ms)} ms`, isPause: true });
    }
    this.y += Math.min(gap, longestGap);
  }

  private place({ packet, isArrival, text }: LadderEvent): void {
    if (packet === undefined) {
      this.y += markGap;
      this.notes.push({ y: this.y, text, isPause: false });
      this.y += markGap;
      return;
    }
    const { from, number, arrivedLabel } = packet;
    const to = from === 'client' ? 'server' : 'client';
    if (!isArrival) {
      this.y = Math.max(this.y, this.lastWord[from] + wordGap, this.lastHead[from] + headGap);
      this.lastWord[from] = this.y;
      this.sentY.set(number, this.y);
      if (arrives(packet)) this.onTheWay.add(number);
      return;
    }
    this.y = Math.max(this.y, this.lastHead[to] + headGap, this.sentY.get(number)! + 12);
    if (arrivedLabel !== '') {
      this.y = Math.max(this.y, this.lastWord[to] + wordGap);
      this.lastWord[to] = this.y;
    }
    this.onTheWay.delete(number);
    this.lastHead[to] = this.y;
    this.arrivedY.set(number, this.y);
  }

  private arrow(packet: LessonPacket): LadderArrow {
    const { number, from } = packet;
    const fromX = ladder[from];
    const farX = from === 'client' ? ladder.server : ladder.client;
    const fromY = this.sentY.get(number)!;
    const toY = this.arrivedY.get(number);
    if (toY !== undefined) return { packet, fromX, fromY, toX: farX, toY };
    return {
      packet,
      fromX,
      fromY,
      toX: fromX + (farX - fromX) * lostShare,
      toY: fromY + lostDrop * lostShare,
    };
  }
}
