/** RFC 9293, section by section; statements have the labels of its appendix B. */
import { documentOf } from '../requirement.js';
import { application, interfaceExemptions, network, processing } from './interfaces.js';
import { closingRules, header, opening, sizes } from './segments.js';
import { keepingAlive, resending, windowRules } from './transfer.js';

export const rfc9293 = documentOf('9293', 'Transmission Control Protocol', {
  scope: 'Statements have the names of its appendix B, where they are all listed.',
  rules: [
    ...header,
    ...opening,
    ...closingRules,
    ...sizes,
    ...resending,
    ...keepingAlive,
    ...windowRules,
    ...application,
    ...network,
    ...processing,
  ],
  exemptions: interfaceExemptions,
});
