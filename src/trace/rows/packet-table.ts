/** One row for each TCP segment of the capture, and one for each mapping that a DSS states (RFC 8684 §3.3). */
import type { Observation } from '../observation.js';
import type { Cell, Column, Table } from './table.js';

const integer = (name: string, meaning: string): Column => ({ name, type: 'integer', meaning });

const place: readonly Column[] = [
  integer('packet', 'frame number, from 1 over all files'),
  integer('atNs', 'nanoseconds since the first frame'),
  integer('vantage', 'where it was seen: 0 unless both ends were captured'),
  integer('connection', '`id` of the connection; empty while it is not known'),
  integer('subflow', '`id` of the subflow within the connection'),
  integer('stream', 'number of the five-tuple, as `tcp.stream` of Wireshark'),
  { name: 'sender', type: 'text', meaning: '`client` or `server`' },
  { name: 'time', type: 'instant', meaning: 'the same as `atNs` in UTC; empty in a capture without times' },
];

/** -1 says in an observation that there is none. */
function known(value: number): number | null {
  return value === -1 ? null : value;
}

function fillPlace(o: Observation, cells: Cell[]): void {
  cells[0] = o.packet;
  cells[1] = o.atNs;
  cells[2] = o.vantage;
  cells[3] = known(o.connection);
  cells[4] = known(o.subflow);
  cells[5] = o.stream;
  cells[6] = o.sender;
  cells[7] = o.atNs;
}

export const packetTable: Table<Observation> = {
  name: 'packets',
  about: 'one row for each TCP segment',
  columns: [
    ...place,
    integer('flags', 'TCP flags as a number: FIN 1, SYN 2, RST 4, PSH 8, ACK 16'),
    integer('relativeSeq', "bytes from the sender's SYN"),
    integer('relativeAck', "bytes from the peer's SYN; empty without ACK"),
    integer('payloadBytes', 'payload as the IP header states it'),
    integer('windowBytes', 'receive window, scaled'),
    integer('dataOffset', 'data-level position of the first byte, from the initial data sequence number'),
    integer('mappingOffset', 'the same of the mapping in its DSS'),
    integer('mappingBytes', 'length of that mapping'),
    integer('dataAck', "DATA_ACK, in bytes from the peer's initial data sequence number"),
    { name: 'dataFin', type: 'boolean', meaning: 'whether it carries a DATA_FIN' },
    integer('optionBits', 'MPTCP options, a bit for each subtype: DSS is 4'),
    integer('retransmittedBytes', 'payload that this subflow had carried before'),
    integer('reinjectedBytes', 'data that another subflow had carried before'),
    integer('reinjectedFrom', '`id` of that subflow'),
    integer('rttNs', 'round-trip time that this ACK shows, in nanoseconds'),
    integer('dataRttNs', 'the same by its DATA_ACK'),
    integer('ackedBytes', 'bytes that it newly acknowledges on the subflow'),
    integer('flightBytes', "in flight on the subflow: the sender's for data, the peer's for an ACK"),
    integer('dataFlightBytes', 'the same at the data level, over all subflows'),
    integer('outOfOrderBytes', 'data above the first hole'),
  ],
  fill: (o, cells) => {
    fillPlace(o, cells);
    cells[8] = o.flags;
    cells[9] = o.relativeSeq;
    cells[10] = known(o.relativeAck);
    cells[11] = o.payloadLength;
    cells[12] = o.windowBytes;
    cells[13] = known(o.dataOffset);
    cells[14] = known(o.mappingOffset);
    cells[15] = known(o.mappingLength);
    cells[16] = known(o.dataAck);
    cells[17] = o.dataFin;
    cells[18] = o.optionBits;
    cells[19] = o.retransmittedBytes;
    cells[20] = o.reinjectedBytes;
    cells[21] = known(o.reinjectedFrom);
    cells[22] = known(o.rttNs);
    cells[23] = known(o.dataRttNs);
    cells[24] = o.ackedBytes;
    cells[25] = o.flightBytes;
    cells[26] = known(o.dataFlightBytes);
    cells[27] = known(o.outOfOrderBytes);
  },
};

export const mappingTable: Table<Observation> = {
  name: 'mappings',
  about: 'one row for each mapping; one that segments in a row repeat stands once',
  columns: [
    ...place,
    integer('mappingOffset', 'where it starts, in bytes from the initial data sequence number'),
    integer('mappingBytes', 'its length; 0 is an infinite mapping'),
    { name: 'dataFin', type: 'boolean', meaning: 'whether its last byte is a DATA_FIN' },
    integer('relativeSeq', "the segment that states it, in bytes from the sender's SYN"),
    integer('reinjectedBytes', 'bytes of that segment that another subflow had carried before'),
    integer('reinjectedFrom', '`id` of that subflow'),
  ],
  fill: (o, cells) => {
    fillPlace(o, cells);
    cells[8] = o.mappingOffset;
    cells[9] = o.mappingLength;
    cells[10] = o.dataFin;
    cells[11] = o.relativeSeq;
    cells[12] = o.reinjectedBytes;
    cells[13] = known(o.reinjectedFrom);
  },
};

/** Streams whose last mapping is remembered: beyond, the one that came first is forgotten and may stand twice. */
const REMEMBERED = 65_536;

/** Tells a mapping from its repetition in the next segment of the same sender and stream. */
export class MappingFilter {
  private readonly last = new Map<number, { offset: number; length: number }>();

  /** Whether the segment states a mapping that the one before it on its subflow did not. */
  isNew(o: Observation): boolean {
    if (o.mappingLength < 0) return false;
    const key = (o.vantage * 0x1000_0000 + o.stream) * 2 + (o.sender === 'client' ? 0 : 1);
    const { mappingOffset: offset, mappingLength: length } = o;
    const last = this.last.get(key);
    if (last === undefined) {
      if (this.last.size >= REMEMBERED) this.last.delete(this.last.keys().next().value!);
      this.last.set(key, { offset, length });
      return true;
    }
    if (last.offset === offset && last.length === length) return false;
    last.offset = offset;
    last.length = length;
    return true;
  }
}
