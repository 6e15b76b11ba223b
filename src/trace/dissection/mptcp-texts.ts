/**
 * What the options of Multipath TCP and their fields mean. Where the versions differ, the text says how.
 * Read first: RFC 8684 §3, RFC 6824 §3.
 */
import type { Explanation } from './field-list.js';

const capable = 'RFC 8684 §3.1';
const join = 'RFC 8684 §3.2';
const dss = 'RFC 8684 §3.3';
const mapping = 'RFC 8684 §3.3.1';
const priority = 'RFC 8684 §3.3.8';
const addition = 'RFC 8684 §3.4.1';
const removal = 'RFC 8684 §3.4.2';
const reset = 'RFC 8684 §3.6';
const fallback = 'RFC 8684 §3.7';

export const mptcpTexts = {
  subtype: {
    meaning: 'Which of the options of Multipath TCP this is; all share one kind.',
    source: 'RFC 8684 §7.2',
  },
  reserved: { meaning: 'Nothing yet: 0.', source: 'RFC 8684 §3' },

  MP_CAPABLE: {
    meaning: 'Opens a connection: both hosts say that they speak Multipath TCP and exchange their keys.',
    source: capable,
  },
  version: {
    meaning:
      'Version of the protocol: 1 as a rule, 0 for the experimental one before it. A server that knows only an older one answers with that.',
    source: capable,
  },
  capableFlags: {
    meaning: 'What the sender requires, and which algorithm proves who owns a key.',
    source: capable,
  },
  flagA: {
    meaning: 'Checksum required: if one host asks, every mapping of both carries a checksum.',
    source: capable,
  },
  flagB: {
    meaning: 'Extensibility: must be 0; a receiver takes no notice of an option with it.',
    source: capable,
  },
  flagC: {
    meaning: 'The peer must not open subflows to this address and port: it stands behind a balancer, say.',
    source: capable,
  },
  flagC0: { meaning: 'Nothing in version 0.', source: 'RFC 6824 §3.1' },
  flagReserved: { meaning: 'For algorithms that are yet to come.', source: capable },
  flagH: {
    meaning: "The version's own algorithm: HMAC-SHA256 in version 1, HMAC-SHA1 in version 0.",
    source: capable,
  },
  senderKey: {
    meaning:
      'Key of the host that sends this, 64 random bits. Its hash gives the token, which names the connection, and the initial data sequence number. It is sent in the clear here and never again but in MP_FASTCLOSE.',
    source: capable,
  },
  receiverKey: {
    meaning: 'Key of the other host, sent back: so a server need not have kept anything of the SYN.',
    source: capable,
  },
  capableDataLength: {
    meaning:
      'How many bytes of payload this option maps: the first data of the connection, from the initial data sequence number on.',
    source: capable,
  },
  capableChecksum: { meaning: 'Checksum of that first mapping, as in a DSS.', source: mapping },

  MP_JOIN: { meaning: 'Adds this subflow to a connection that exists.', source: join },
  backup: { meaning: 'The subflow is to carry data only when no regular one can.', source: join },
  joinAddressId: {
    meaning:
      'Number by which the sender calls the address it uses here. It holds behind a NAT too, where the address itself changes; REMOVE_ADDR names it.',
    source: join,
  },
  token: {
    meaning: "Names the connection to join: the first 32 bits of the hash of the receiver's key.",
    source: join,
  },
  nonce: {
    meaning: 'Random number that goes into the proofs, so that none can be used twice.',
    source: join,
  },
  joinHmacSynAck: {
    meaning:
      'Proof of the answering host: the first 64 bits of an HMAC under both keys over both random numbers.',
    source: join,
  },
  joinHmacAck: {
    meaning:
      'Proof of the host that opens the subflow: the first 160 bits of an HMAC under both keys over both random numbers.',
    source: join,
  },

  DSS: {
    meaning:
      'Data Sequence Signal: puts the payload of this subflow in its place in the data, and acknowledges data.',
    source: dss,
  },
  dssFlags: { meaning: 'Which of the fields are there, and how long they are.', source: dss },
  flagF: {
    meaning: 'DATA_FIN: the mapping holds the end of the data, which takes one data sequence number.',
    source: 'RFC 8684 §3.3.3',
  },
  flagm: { meaning: 'The data sequence number is 8 bytes long, else 4.', source: dss },
  flagM: {
    meaning: 'There is a mapping: data sequence number, subflow sequence number, length.',
    source: dss,
  },
  flaga: { meaning: 'The DATA_ACK is 8 bytes long, else 4.', source: dss },
  flagA_: { meaning: 'There is a DATA_ACK.', source: dss },
  dataAck: {
    meaning:
      'Data sequence number that the sender expects next; all data before it has come, by whichever subflow.',
    source: 'RFC 8684 §3.3.2',
  },
  dataSeq: {
    meaning:
      'Place of the first mapped byte in the data of the connection. With 4 bytes it is the lower half of the 64 bits.',
    source: mapping,
  },
  subflowSeq: {
    meaning:
      'Place of the first mapped byte in this subflow, counted from its SYN: the first byte of payload is 1.',
    source: mapping,
  },
  dataLength: {
    meaning:
      'How many bytes are mapped, in this segment and in those that follow; a DATA_FIN counts as one. 0 is the infinite mapping: from here on all is plain TCP.',
    source: mapping,
  },
  checksum: {
    meaning: 'Checksum of the mapped bytes and of the mapping: finds a middlebox that changes the payload.',
    source: mapping,
  },

  ADD_ADDR: {
    meaning: 'Announces another address of the sender, to which subflows may be opened.',
    source: addition,
  },
  ADD_ADDR_0: {
    meaning: 'Announces another address of the sender; in version 0 without a proof.',
    source: 'RFC 6824 §3.4.1',
  },
  echo: {
    meaning: 'Confirms the announcement of the peer, which repeats it until it hears this.',
    source: addition,
  },
  ipVersion: { meaning: 'Family of the address.', source: 'RFC 6824 §3.4.1' },
  addressId: { meaning: 'Number by which the sender calls the address.', source: addition },
  address: { meaning: 'The address.', source: addition },
  port: { meaning: 'Where to open subflows to, if not to the port of the first subflow.', source: addition },
  addressHmac: {
    meaning:
      'Proof that the announcement comes from the owner of the keys: the last 64 bits of an HMAC over ID, address and port.',
    source: addition,
  },

  REMOVE_ADDR: {
    meaning: 'Addresses of the sender that are gone: subflows that use them end.',
    source: removal,
  },
  removedId: { meaning: 'Number of an address that is gone.', source: removal },

  MP_PRIO: { meaning: 'Makes a subflow a backup, or a regular one again.', source: priority },
  prioAddressId: {
    meaning: 'Address whose subflows are meant, in version 0; without it the subflow that this came on.',
    source: 'RFC 6824 §3.3.8',
  },

  MP_FAIL: { meaning: 'A checksum was wrong: the mapping it belongs to is not taken.', source: fallback },
  failDataSeq: { meaning: 'Where the data stops that could be trusted.', source: fallback },

  MP_FASTCLOSE: {
    meaning: 'Aborts the whole connection, as RST does for a subflow.',
    source: 'RFC 8684 §3.5',
  },
  fastcloseKey: {
    meaning: 'Key of the receiver: proves that an end of the connection says so.',
    source: 'RFC 8684 §3.5',
  },

  MP_TCPRST: { meaning: 'Says why the subflow is reset.', source: reset },
  transient: { meaning: 'The cause will pass: the subflow may be tried again later.', source: reset },
  resetReserved: { meaning: 'Nothing yet.', source: reset },
  reason: { meaning: 'Why the subflow was reset.', source: 'RFC 8684 §7.4' },

  MP_EXPERIMENTAL: { meaning: 'For private use.', source: 'RFC 8684 §7.2' },
  UNKNOWN: {
    meaning: 'A subtype that is not assigned: a receiver takes no notice of it.',
    source: 'RFC 8684 §7.2',
  },
  body: { meaning: 'What the option holds.', source: 'RFC 8684 §3' },
} as const satisfies Record<string, Explanation>;
