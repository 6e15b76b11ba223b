/** Frames taken apart field by field. */
export { dissect } from './dissect.js';
export type * from './model.js';
