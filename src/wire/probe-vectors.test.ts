/** The recorded exchanges of vectors/probe-v0.json: whatever in them can be derived must come out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { uint64, uint64Add, uint64ToBigInt } from '../base/index.js';
import { dssChecksum, verifyDssChecksum } from './dss-checksum.js';
import { deriveInitialDataSeq, deriveToken, joinHmac } from './keys.js';
import { emitMptcpOption, mptcpOptionLength, parseMptcpOption } from './mptcp-option.js';
import { MpCapableFlag } from './mptcp-types.js';
import type { DssMapping, MpCapable, MpJoinSyn, MpJoinSynAck, MptcpOption } from './mptcp-types.js';

interface Scenario {
  readonly name: string;
  readonly serverKey: string;
  readonly serverToken: string;
  readonly serverIdsn?: string;
  readonly steps: readonly (readonly [from: string, what: string, options: string])[];
}

interface Vectors {
  readonly clientKey: string;
  readonly clientToken: string;
  readonly clientIdsn: string;
  readonly payload: string;
  readonly payloadLength: number;
  readonly scenarios: readonly Scenario[];
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/probe-v0.json', import.meta.url), 'utf8'),
) as Vectors;
const payload = new TextEncoder().encode(vectors.payload);
const clientKey = hex64(vectors.clientKey);
const clientFirst = uint64Add(deriveInitialDataSeq(clientKey, 0), 1);

function hex64(text: string) {
  return uint64(BigInt(`0x${text}`));
}

/** The options of a step with the kind and length bytes that the record leaves out. */
function optionBytes(text: string): Uint8Array[] {
  if (text === '') return [];
  return text.split(' + ').map((part) => {
    const body = Buffer.from(part, 'hex');
    return Uint8Array.from([30, body.length + 2, ...body]);
  });
}

function optionsOf(scenario: Scenario, from: string, what: string): MptcpOption[] {
  const options: MptcpOption[] = [];
  for (const [stepFrom, stepWhat, text] of scenario.steps) {
    if (stepFrom !== from || stepWhat !== what) continue;
    for (const bytes of optionBytes(text)) {
      const result = parseMptcpOption(bytes, 0, bytes.length);
      if (result.ok) options.push(result.value);
    }
  }
  return options;
}

function scenario(name: string): Scenario {
  return vectors.scenarios.find((candidate) => candidate.name === name)!;
}

function sentMapping(name: string): DssMapping {
  const [dss] = optionsOf(scenario(name), 'client', 'ACK 72 bytes');
  expect(dss).toMatchObject({ subtype: 'DSS' });
  return (dss as MptcpOption & { subtype: 'DSS' }).mapping!;
}

describe('the client of every exchange', () => {
  it('has the recorded token and initial data sequence number', () => {
    expect(deriveToken(clientKey, 0).toString(16)).toBe(vectors.clientToken);
    expect(uint64ToBigInt(deriveInitialDataSeq(clientKey, 0)).toString(16)).toBe(vectors.clientIdsn);
    expect(payload.length).toBe(vectors.payloadLength);
  });
});

describe.each(vectors.scenarios)('the exchange "$name"', (exchange) => {
  const serverKey = hex64(exchange.serverKey);

  it('reads and writes every option without a change', () => {
    const written = exchange.steps.flatMap(([, , text]) => optionBytes(text));
    expect(written.length).toBeGreaterThan(5);
    for (const bytes of written) {
      const result = parseMptcpOption(bytes, 0, bytes.length);
      expect(result).toMatchObject({ ok: true });
      if (!result.ok) continue;
      const again = new Uint8Array(mptcpOptionLength(result.value));
      expect(emitMptcpOption(result.value, again, 0)).toBe(bytes.length);
      expect(again).toEqual(bytes);
    }
  });

  it('has the recorded server token and initial data sequence number', () => {
    expect(deriveToken(serverKey, 0).toString(16).padStart(8, '0')).toBe(exchange.serverToken);
    if (exchange.serverIdsn === undefined) return;
    expect(uint64ToBigInt(deriveInitialDataSeq(serverKey, 0)).toString(16)).toBe(exchange.serverIdsn);
  });

  it('has the keys in MP_CAPABLE, and checksums required by the server', () => {
    const [syn] = optionsOf(exchange, 'client', 'SYN') as MpCapable[];
    const [synAck] = optionsOf(exchange, 'server', 'SYN+ACK') as MpCapable[];
    expect(syn).toMatchObject({ subtype: 'MP_CAPABLE', version: 0, senderKey: uint64ToBigInt(clientKey) });
    expect(synAck).toMatchObject({ subtype: 'MP_CAPABLE', version: 0, senderKey: uint64ToBigInt(serverKey) });
    expect(synAck!.flags & MpCapableFlag.CHECKSUM).not.toBe(0);
    expect(synAck!.flags & MpCapableFlag.HMAC).not.toBe(0);
  });

  it('numbers the data from the key', () => {
    const mapping = sentMapping(exchange.name);
    expect(mapping.dataSeq).toEqual({ value: BigInt(clientFirst.lo), bits: 32 });
    expect(mapping.subflowSeq).toBe(1);
    const acks = [...optionsOf(exchange, 'server', 'ACK'), ...optionsOf(exchange, 'server', 'RST+ACK')];
    const dataAcks = acks.flatMap((option) => (option.subtype === 'DSS' ? [option.dataAck!.value] : []));
    const end = BigInt(clientFirst.lo) + BigInt(payload.length);
    expect(dataAcks.length).toBe(1);
    expect([BigInt(clientFirst.lo), end]).toContain(dataAcks[0]);
  });

  it('proves the join as recorded, with the token that names the connection', () => {
    const [syn] = optionsOf(exchange, 'client2', 'SYN') as MpJoinSyn[];
    const joinReplies = exchange.steps.slice(exchange.steps.findIndex(([from]) => from === 'client2'));
    const [synAck] = optionsOf({ ...exchange, steps: joinReplies }, 'server', 'SYN+ACK') as MpJoinSynAck[];
    const isRightToken = syn!.token === deriveToken(serverKey, 0);
    expect(isRightToken).toBe(exchange.name !== 'bad-join-token');
    const isAnswered = ['compliant', 'invalid-key', 'no-dss-checksum'].includes(exchange.name);
    expect(synAck !== undefined).toBe(isAnswered);
    if (synAck === undefined) return;
    const hmac = joinHmac(0, serverKey, clientKey, synAck.nonce, syn!.nonce);
    expect(hmac.length).toBe(20);
    expect(synAck.hmac).toEqual(hmac.slice(0, 8));
  });
});

describe('the DSS checksum', () => {
  it('is 3aca for the recorded request', () => {
    expect(dssChecksum(clientFirst, 1, payload.length, [payload]).toString(16)).toBe('3aca');
  });

  it.each([
    ['compliant', true],
    ['invalid-key', true],
    ['bad-join-token', true],
    ['bad-dss-checksum', false],
  ])('of the exchange "%s" verifies: %s', (name, isRight) => {
    const { checksum, dataLength, subflowSeq } = sentMapping(name);
    expect(verifyDssChecksum(clientFirst, subflowSeq, dataLength, [payload], checksum!)).toBe(isRight);
  });

  it('does not depend on how the bytes are cut', () => {
    for (let cut = 0; cut <= payload.length; cut++) {
      const pieces = [payload.subarray(0, cut), payload.subarray(cut)];
      expect(dssChecksum(clientFirst, 1, payload.length, pieces)).toBe(0x3aca);
    }
  });
});

describe('special signals', () => {
  it('finds the infinite mapping and the missing checksum', () => {
    expect(sentMapping('infinite-mapping')).toMatchObject({ dataLength: 0, checksum: 0 });
    expect(sentMapping('no-dss-checksum').checksum).toBeUndefined();
  });

  it('finds MP_FAIL with the 64-bit number of the refused byte', () => {
    expect(optionsOf(scenario('bad-dss-checksum'), 'server', 'ACK')[0]).toEqual({
      subtype: 'MP_FAIL',
      dataSeq: uint64ToBigInt(clientFirst),
    });
  });

  it('finds the announced IPv6 address', () => {
    const [announced] = optionsOf(scenario('compliant'), 'server', 'ACK');
    expect(announced).toMatchObject({ subtype: 'ADD_ADDR', version: 0, addressId: 8, echo: false });
    expect((announced as { address: unknown }).address).toHaveProperty('family', 6);
    expect(String((announced as { address: unknown }).address)).toBe('2001:6a8:308f:1:216:3eff:fec5:c815');
  });
});
