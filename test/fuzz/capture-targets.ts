/** What the fuzzer feeds of the capture layer: whole files in odd chunks, and single frames. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ParseError, assert } from '../../src/base/index.js';
import {
  type CapturedPacket,
  CaptureReader,
  LinkPayload,
  LinkType,
  linkPayload,
} from '../../src/capture/index.js';
import type { FuzzTarget } from './target.js';

const fixtureFolder = join(import.meta.dirname, '..', '..', 'src', 'capture', 'fixtures');
const fixtures = readdirSync(fixtureFolder)
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .map((name) => ({
    isNextGeneration: name.endsWith('ng'),
    bytes: new Uint8Array(readFileSync(join(fixtureFolder, name))).subarray(0, 600),
  }));

/** Small, so that mutated lengths meet them. */
const limits = { maxPacketBytes: 1000, maxBlockBytes: 2000, maxInterfaces: 5, maxNameBytes: 16 };
const payload = new LinkPayload();

/** What a reader may never give, whatever the file. */
function checkPacket(packet: CapturedPacket): void {
  const { bytes, offset, length } = packet;
  assert(offset >= 0 && length >= 0 && offset + length <= bytes.length, 'a packet lies within its buffer');
  assert(length <= limits.maxPacketBytes, 'a packet is no longer than the limit');
  assert(Number.isSafeInteger(packet.seconds), 'seconds are a whole number');
  assert(packet.nanoseconds >= 0 && packet.nanoseconds < 1e9, 'nanoseconds are less than a second');
  assert(Number.isInteger(packet.nanoseconds), 'nanoseconds are a whole number');
  const found = linkPayload(packet.linkType, bytes, offset, length, payload);
  assert(
    found === undefined || found.offset + found.length === offset + length,
    'a payload ends with its frame',
  );
}

/** Reads all that is there; how many packets that were. */
function drain(reader: CaptureReader, bound: number): number {
  let packets = 0;
  let captured = 0;
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
    checkPacket(packet);
    packets++;
    captured += packet.length;
    assert(packets * 12 + captured <= bound, 'packets take no less of the file than their records');
  }
  return packets;
}

/** A file reads the same whole and in chunks; the outcome is where and why reading stopped. */
function runReader(input: Uint8Array): string {
  const whole = new CaptureReader(limits);
  whole.push(input);
  whole.end();
  const packets = drain(whole, input.length);
  const { problem } = whole;
  assert(problem === undefined || problem.offset <= input.length, 'what is wrong lies within the file');
  assert(whole.interfaces.length <= limits.maxInterfaces, 'interfaces are limited');
  // About every other input: it costs more than all the rest.
  if ((input.length & 4) === 0) checkChunked(input, packets, problem);
  return `${whole.format} ${packets} ${problem?.message.replace(/\d+/g, 'N')}`;
}

/** Reads `input` in chunks, with the same result as before. */
function checkChunked(input: Uint8Array, packets: number, problem: ParseError | undefined): void {
  const chunked = new CaptureReader(limits);
  let again = 0;
  for (let from = 0, size = 40 + (input.length % 173); from < input.length; from += size) {
    chunked.push(input.subarray(from, from + size));
    again += drain(chunked, input.length);
  }
  chunked.end();
  again += drain(chunked, input.length);
  assert(again === packets, 'chunks make no difference to the packets');
  assert(chunked.problem?.code === problem?.code, 'chunks make no difference to what is wrong');
  assert(chunked.problem?.offset === problem?.offset, 'chunks make no difference to where it is wrong');
}

/** The first byte chooses the link type, the rest is the frame. */
const linkTypes = Object.values(LinkType);
function runLink(input: Uint8Array): string {
  const linkType = linkTypes[(input[0] ?? 0) % linkTypes.length]!;
  const found = linkPayload(linkType, input, 1, Math.max(0, input.length - 1), payload);
  if (found === undefined) return `${linkType} none`;
  assert(found.offset >= 1 && found.length > 0, 'a payload lies behind its link header');
  assert(found.offset + found.length === input.length, 'a payload ends with its frame');
  return `${linkType} ${found.offset} ${found.etherType}`;
}

/** A frame of every link type, from the captures. */
function linkSeeds(): Uint8Array[] {
  return fixtures.flatMap(({ bytes }) => {
    const reader = new CaptureReader();
    reader.push(bytes);
    const packet = reader.next();
    return packet === undefined
      ? []
      : [Uint8Array.of(linkTypes.indexOf(packet.linkType as 1), ...packet.data())];
  });
}

function readerSeeds(isNextGeneration: boolean): Uint8Array[] {
  return fixtures.filter((file) => file.isNextGeneration === isNextGeneration).map(({ bytes }) => bytes);
}

export const captureTargets: readonly FuzzTarget[] = [
  { name: 'capture.pcap', seeds: readerSeeds(false), maxBytes: 1024, packetsPerInput: 1, run: runReader },
  { name: 'capture.pcapng', seeds: readerSeeds(true), maxBytes: 1024, packetsPerInput: 1, run: runReader },
  { name: 'capture.link', seeds: linkSeeds(), maxBytes: 256, packetsPerInput: 1, run: runLink },
];
