/** RFC 8684 §3.4 and §3.9: telling each other about addresses, and when and where subflows are opened. */
import type { ExemptionRow, Row } from '../requirement.js';

const add = 'rfc8684/3.4.1-add-addr/';
const remove = 'rfc8684/3.4.2-remove-addr/';
const join = 'rfc8684/3.2-join/';
const rules = 'src/mptcp/address-rules.test.ts › ';
const pairs = 'src/mptcp/pairs.test.ts › ';

export const announcing: readonly Row[] = [
  [
    'announcement-has-proof',
    '3.4.1',
    'an announcement carries a proof over ID, address and port, and its echo none',
    [
      `${add}announcement`,
      `${add}announcement-with-port`,
      `${add}announcement-of-ipv6`,
      `${add}echo`,
      `${add}echo-with-port`,
    ],
  ],
  [
    'one-address-for-an-id',
    '3.4.1 2 10',
    'an ID stands for one address of its host; it is announced again for that address only',
    [`${add}id-that-is-known-for-another-address`, `${rules}may be repeated, and may change its port`],
  ],
  [
    'announcements-are-soft',
    '3.4.1 4',
    'an announced address may be lost, come again, or be of no use: nothing rests on it',
    [
      `${rules}again with the same ID, address and port is echoed again and leads to no second subflow`,
      `${rules}in a flood of ports and IDs is bounded in memory and in subflows`,
    ],
  ],
  [
    'port-of-announced-address',
    '3.4.1 5; 3.9.1 1 2',
    'a subflow goes to the port of the first one, to another where one was announced',
    [`${add}announced-address-is-joined`, `${add}announced-port-is-joined`, `${join}client-joins`],
  ],
  [
    'bad-announcement',
    '3.4.1 6',
    'an announcement with a wrong proof, or none, is ignored in silence',
    [`${add}bad-hmac-is-ignored`, `${add}no-hmac-is-ignored`],
  ],
  [
    'add-addr-reserved-bits',
    '3.4.1 7 8',
    'reserved bits of ADD_ADDR are sent as zero and ignored',
    [
      'src/wire/mptcp-option.test.ts › writes reserved bits as zero',
      'src/wire/mptcp-option.test.ts › ignores reserved bits',
    ],
  ],
  [
    'unsuccessful-address',
    '3.4.1 9; 3.9.3 3',
    'an announced address that could not be joined is not tried again before it is announced again',
    [
      `${pairs}tries an announced address once that resets the attempt, until it is announced again (RFC 8684 §3.4.1)`,
      'src/mptcp/subflow-retry.test.ts › towards an announced address is tried once, and rests until it is announced again (RFC 8684 §3.4.1)',
    ],
    'Other pairs of addresses, of which the peer announced none, are tried again, less and less often: a path may be back.',
  ],
  [
    'new-port-is-tried',
    '3.4.1 11',
    'an address that is announced again with another port is tried at that port',
    [`${rules}with the same ID and address but another port leads to a subflow to that port`],
  ],
  [
    'id-is-removed-first',
    '3.4.1 12',
    'an ID is withdrawn before it stands for another address',
    [
      `${rules}of another address for an ID that was just withdrawn goes out behind the withdrawal`,
      `${rules}with the ID of another address is neither believed nor echoed, until that one is withdrawn`,
    ],
  ],
  [
    'announcement-again',
    '3.4.1',
    'an announcement without an echo is sent again, a bounded number of times',
    [`${add}announcement-is-repeated`, `${add}echo-ends-repetition`],
  ],
];

export const removing: readonly Row[] = [
  [
    'lost-address-is-withdrawn',
    '3.4.2 1 2',
    'a host tells its peer of an address that it lost, in use or only announced',
    [`${remove}lost-interface`, `${remove}withdrawal`],
  ],
  [
    'probe-before-removal',
    '3.4.2 3 4',
    'a withdrawn address has its subflows probed; those that answer are kept',
    [`${remove}removed-address-closes-subflow`, `${remove}answered-probe-keeps-subflow`],
  ],
  [
    'withdrawn-address-is-not-used',
    '3.4.2 5',
    'nothing new goes to a withdrawn address, though an old subflow to it lives on',
    [`${remove}withdrawn-address-is-not-joined`],
  ],
  [
    'dead-subflow-is-reset',
    '3.4.2 7',
    'the subflows of a withdrawn address that are dead are reset with a RST',
    [
      `${remove}removed-address-closes-subflow`,
      `${rules}has the subflow of the address probed, and reset when nothing answers`,
    ],
    'The side that lost the address can send nothing from it.',
  ],
  [
    'working-subflow-ends-with-fin',
    '3.4.2 8',
    'a subflow that works is closed with FINs, not by withdrawing its address',
    ['rfc8684/3.3.3-close/closing-one-subflow'],
  ],
  [
    'unknown-id-is-ignored',
    '3.4.2',
    'an unknown ID is ignored, and one option may name several',
    [`${remove}unknown-id-is-ignored`, `${remove}several-addresses`],
  ],
];

export const opening: readonly Row[] = [
  [
    'joins-that-cross',
    '3.9.2',
    'joins of both hosts between the same addresses and ports make one subflow, proved by both',
    ['src/mptcp/simultaneous-open.test.ts › make one subflow, proved by both (RFC 8684 §3.9.2)'],
  ],
  [
    'same-local-port',
    '3.9.1 3 4',
    'joins leave from the port of the first subflow',
    [],
    'Each has a port of its own, as in Linux: several subflows between one pair of addresses need that, and a box that tracks connections by port is not confused.',
  ],
  [
    'failing-paths-rest',
    '3.9.3',
    'a path where joins fail is tried less and less often',
    [
      `${pairs}tries a path again, less and less often, whose MP_TCPRST called the trouble transient (RFC 8684 §3.6)`,
      'src/mptcp/addresses.test.ts › rests, longer each time, and is tried again',
    ],
  ],
];

export const openingExemptions: readonly ExemptionRow[] = [
  ['3.9.2 1', 'Of hosts that cannot open simultaneously: ours can (RFC 9293 §3.5).'],
];
