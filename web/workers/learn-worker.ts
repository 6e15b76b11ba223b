/** Runs lessons: their little worlds are simulated in this thread. */
import { lessonNamed, runLesson } from '../../src/lab/index.js';
import type { LearnReply, LearnRequest } from '../protocol/learn.js';
import { workerScope } from './scope.js';

const scope = workerScope<LearnRequest, LearnReply>();
scope.onmessage = ({ data: request }) => {
  scope.postMessage({ request, run: runLesson(lessonNamed(request.lesson), request.form) });
};
