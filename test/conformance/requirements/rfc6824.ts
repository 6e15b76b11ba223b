/** RFC 6824, where it differs from RFC 8684. */
import { rows, type RequirementDocument } from './requirement.js';

const start = 'rfc6824/3.1-initiation/';

export const rfc6824: RequirementDocument = {
  name: 'RFC 6824',
  title: 'Multipath TCP, version 0',
  scope: 'What version 0 does otherwise than version 1; what they share is shown under RFC 8684.',
  requirements: rows([
    [
      '§3.1',
      'MUST',
      'the opener’s key goes with its SYN, the listener’s with the SYN+ACK, both with the third ACK',
      [`${start}client-key-in-syn`, `${start}server-answers`],
    ],
    [
      '§3.1',
      'MUST',
      'a listener answers in the version it was asked in, where it has it',
      [`${start}version-1-answers-version-0`],
    ],
    ['§3.1', 'MUST NOT', 'no answer in a version that the host does not have', [`${start}version-0-refused`]],
    ['§3.1', 'MUST', 'tokens and initial data sequence numbers come from SHA-1', [`${start}sha-1-token`]],
    [
      '§3.2',
      'MUST',
      'proofs of joins are HMAC-SHA1',
      [
        `${start}sha-1-token`,
        'src/wire/keys.test.ts › agrees with another implementation of HMAC in both versions',
      ],
    ],
    ['§3.2', 'MUST', 'a join with an unknown token is reset', ['rfc6824/3.2-join/bad-token']],
    ['§3.3', 'MUST', 'the first data is mapped by a DSS', [`${start}data-has-dss-at-once`]],
    [
      '§3.3',
      'MUST',
      'a wrong checksum on the only subflow gives MP_FAIL, and the connection falls back',
      ['rfc6824/3.3-data/checksum'],
    ],
    ['§3.3', 'MUST', 'a missing checksum resets the subflow', ['rfc6824/3.3-data/missing-checksum']],
    ['§3.3.3', 'MUST', 'the stream ends with a DATA_FIN', ['rfc6824/3.3.3-close/data-fin']],
    [
      '§3.4.1',
      'MUST',
      'ADD_ADDR has neither proof nor echo',
      ['rfc6824/3.4-addresses/add-addr-has-no-hmac', 'rfc6824/3.4-addresses/announcement-is-taken'],
    ],
    [
      '§3.5',
      'MUST',
      'MP_FASTCLOSE with the right key ends the connection',
      ['rfc6824/3.5-fastclose/peer-fastcloses'],
    ],
    [
      '§3.6',
      'MUST',
      'an answer without MP_CAPABLE makes the connection plain TCP',
      ['rfc6824/3.6-fallback/no-capable-in-answer'],
    ],
    [
      '§3.6',
      'MUST',
      'a mapping of length 0 makes the stream plain TCP',
      ['rfc6824/3.6-fallback/infinite-mapping'],
    ],
  ]),
};
