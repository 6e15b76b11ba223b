/** The documents, in the order of docs/conformance.md. */
import type { RequirementDocument } from './requirement.js';
import { rfc5961 } from './rfc5961.js';
import { rfc6298 } from './rfc6298.js';
import { rfc6824 } from './rfc6824.js';
import { rfc7323 } from './rfc7323.js';
import { rfc7413 } from './rfc7413.js';
import { rfc8684 } from './rfc8684/index.js';
import { rfc8803 } from './rfc8803.js';
import { rfc8985 } from './rfc8985.js';
import { rfc9293 } from './rfc9293/index.js';

export const documents: readonly RequirementDocument[] = [
  rfc8684,
  rfc6824,
  rfc9293,
  rfc5961,
  rfc6298,
  rfc7323,
  rfc7413,
  rfc8985,
  rfc8803,
];
