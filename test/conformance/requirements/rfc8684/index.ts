/** RFC 8684, section by section. */
import { documentOf } from '../requirement.js';
import { announcing, opening, openingExemptions, removing } from './addresses.js';
import { acknowledging, mapping } from './data.js';
import { endingExemptions, errors, fallingBack, fastClosing, resetting } from './ending.js';
import { initiation, initiationExemptions, operation } from './initiation.js';
import { joining } from './join.js';
import { closingRules, priority, resending, windows } from './transfer.js';

export const rfc8684 = documentOf(
  '8684',
  'TCP Extensions for Multipath Operation with Multiple Addresses (version 1)',
  {
    rules: [
      ...operation,
      ...initiation,
      ...joining,
      ...mapping,
      ...acknowledging,
      ...closingRules,
      ...windows,
      ...resending,
      ...priority,
      ...announcing,
      ...removing,
      ...fastClosing,
      ...resetting,
      ...fallingBack,
      ...errors,
      ...opening,
    ],
    exemptions: [...initiationExemptions, ...openingExemptions, ...endingExemptions],
  },
);
