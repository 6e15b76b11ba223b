/** The documents, in the order of docs/conformance.md. */
import type { RequirementDocument } from './requirement.js';
import { rfc5961, rfc6298, rfc7323, rfc7413, rfc8985 } from './others.js';
import { rfc6824 } from './rfc6824.js';
import { rfc8684 } from './rfc8684.js';
import { rfc9293 } from './rfc9293.js';

export const documents: readonly RequirementDocument[] = [
  rfc8684,
  rfc6824,
  rfc9293,
  rfc5961,
  rfc6298,
  rfc7323,
  rfc7413,
  rfc8985,
];
