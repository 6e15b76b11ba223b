/** What the page of the lessons and its worker say to each other. Both import it; nothing else passes between them. */
import type { LessonRun } from '../../src/lab/index.js';

/** From the page: run this form of this lesson. */
export interface LearnRequest {
  readonly lesson: string;
  readonly form: string;
}

/** From the worker: a lesson that was run, its packets taken apart. */
export interface LearnReply {
  /** What was asked for, as it was asked. */
  readonly request: LearnRequest;
  readonly run: LessonRun;
}
