/** The five lessons on how Multipath TCP works, each shown by packets of the engine. */
import { dataSequence } from './data-sequence.js';
import { fallBack } from './fall-back.js';
import { handover } from './handover.js';
import { handshake } from './handshake.js';
import { join } from './join.js';
import type { Lesson } from './model.js';

export type * from './model.js';
export { factsOf, type HostFacts, type LessonFacts } from './facts.js';
export { ReadPacket, readPacket } from './read-packet.js';
export { runLesson } from './run-lesson.js';

/** In the order in which they are taken. */
export const lessons: readonly Lesson[] = [handshake, join, dataSequence, handover, fallBack];

/** The lesson of this name: the first, where there is none. */
export function lessonNamed(name: string): Lesson {
  return lessons.find(({ id }) => id === name) ?? handshake;
}
