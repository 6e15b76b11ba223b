/** The two paths that all lessons have, so that one learns them once. */
import { MILLISECOND } from '../../base/index.js';
import type { LessonPath } from './model.js';

export const wifi: LessonPath = { name: 'Wi-Fi', delayNs: 10 * MILLISECOND };
export const cellular: LessonPath = { name: 'LTE', delayNs: 30 * MILLISECOND };
