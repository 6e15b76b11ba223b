import { describe, expect, it } from 'vitest';
import { checkDissection, findField } from '../../../test/support/dissection-rules.js';
import { formatCount, uint64 } from '../../base/index.js';
import type { DissectedField } from '../../trace/index.js';
import { deriveKeyMaterial, joinHmac, TcpFlag, verifyDssChecksum } from '../../wire/index.js';
import { readScenario, writeScenario } from '../scenario-text.js';
import {
  factsOf,
  type Lesson,
  lessonNamed,
  lessons,
  type LessonPacket,
  type LessonRun,
  readPacket,
  runLesson,
} from './index.js';
import type { ReadPacket } from './read-packet.js';

const forms = lessons.flatMap((lesson) => lesson.forms.map((form) => [lesson.id, form.id, lesson] as const));

function run(name: string, form = ''): LessonRun {
  return runLesson(lessonNamed(name), form);
}

function read({ sent, from, path }: LessonPacket): ReadPacket {
  return readPacket(sent, from, path)!;
}

/** The packet that has this caption. */
function captioned(lesson: LessonRun, id: string): LessonPacket {
  const found = lesson.packets.find(({ caption }) => caption?.id === id);
  expect(found, id).toBeDefined();
  return found!;
}

function hex(value: bigint | number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

describe.each(forms)('the lesson %s, %s', (id, form, lesson: Lesson) => {
  const ran = runLesson(lesson, form);

  it('says of each packet what it was written for', () => {
    const wanted = lesson.forms.find((each) => each.id === form)!.captions.map((caption) => caption.id);
    const given = ran.packets.flatMap(({ caption }) => (caption === null ? [] : [caption.id]));
    expect(given.sort()).toEqual([...wanted].sort());
    expect(ran.packets.length).toBeLessThan(30);
  });

  it('names fields that its packets have, and where that is laid down', () => {
    for (const { caption, sent, sentDissection } of ran.packets) {
      checkDissection(sent, sentDissection);
      if (caption === null) continue;
      const isLayer = sentDissection.layers.some(({ name }) => name === caption.field);
      const [outer, inner] = caption.field.split('/');
      const field = findField(sentDissection, outer!);
      const parts = field?.fields?.map(({ name }) => name) ?? [];
      const isField = inner === undefined ? field !== undefined : parts.includes(inner);
      expect(isLayer || isField, `${id}: ${caption.field}`).toBe(true);
      expect(caption.source).toMatch(/^RFC \d+ §[\d.]+$/);
      expect(caption.text).not.toMatch(/undefined|NaN/);
    }
  });

  it('has packets with right checksums, taken apart to the end', () => {
    for (const { sentDissection } of ran.packets) {
      expect(sentDissection.problem).toBeNull();
      const tcp = sentDissection.layers.find(({ name }) => name === 'TCP')!;
      const sum = tcp.fields.find(({ name }: DissectedField) => name === 'checksum')!;
      expect(sum.value).toMatch(/, right$/);
    }
  });

  it('numbers the packets as they were sent, and on each link as they arrive', () => {
    const arrived = new Map<string, number>();
    for (const [index, { number, path, from, fate, sentNs, arrivesNs }] of ran.packets.entries()) {
      expect(number).toBe(index + 1);
      expect(sentNs).toBeGreaterThanOrEqual(ran.packets[index - 1]?.sentNs ?? 0);
      expect(arrivesNs).toBeGreaterThan(sentNs);
      if (fate !== 'arrives' && fate !== 'changed') continue;
      expect(arrivesNs).toBeGreaterThan(arrived.get(`${path} ${from}`) ?? 0);
      arrived.set(`${path} ${from}`, arrivesNs);
    }
  });

  it('is the same every time', () => {
    expect(runLesson(lesson, form)).toEqual(ran);
  });

  it('ends in a scenario that the playground reads', () => {
    const { scenario, problems } = readScenario(lesson.scenario);
    expect(problems).toEqual([]);
    expect(readScenario(writeScenario(scenario)).scenario).toEqual(scenario);
    expect(lesson.question.endsWith('?')).toBe(true);
  });
});

describe('the handshake', () => {
  it.each([
    ['version-1', 1],
    ['version-0', 0],
  ] as const)('of %s shows keys, and tokens that follow from them (RFC 8684 §3.1)', (form, version) => {
    const lesson = run('handshake', form);
    const packets = lesson.packets.map(read);
    const [syn, synAck, third] = packets.map((packet) => packet.option('MP_CAPABLE'));
    expect(syn!.senderKey === undefined).toBe(version === 1);
    expect(third!.receiverKey).toBe(synAck!.senderKey);
    const facts = factsOf(packets);
    const { token, initialDataSeq } = deriveKeyMaterial(uint64(synAck!.senderKey!), version);
    expect(facts.server).toEqual({
      key: synAck!.senderKey,
      token,
      initialDataSeq: (BigInt(initialDataSeq.hi) << 32n) | BigInt(initialDataSeq.lo),
    });
    const { text } = captioned(lesson, version === 1 ? 'syn-ack' : 'syn-ack-0').caption!;
    expect(text).toContain(hex(synAck!.senderKey!, 16));
    expect(text).toContain(hex(token, 8));
  });

  it('maps its first data in MP_CAPABLE, or in a DSS with version 0', () => {
    const first = read(captioned(run('handshake'), 'third'));
    expect(first.option('MP_CAPABLE')!.dataLength).toBe(first.payloadBytes);
    expect(captioned(run('handshake'), 'third').caption!.text).toContain(`those ${first.payloadBytes} bytes`);
    const old = read(captioned(run('handshake', 'version-0'), 'first-dss-0'));
    expect(old.option('DSS')!.mapping!.dataLength).toBe(old.payloadBytes);
  });
});

describe('the join', () => {
  it.each(['regular', 'backup'])(
    'has proofs that hold, and the token of the server (RFC 8684 §3.2): %s',
    (form) => {
      const lesson = run('join', form);
      const { client, server } = factsOf(lesson.packets.map(read));
      const [syn, answer, proof] = ['join-syn', 'join-syn-ack', 'join-ack'].map((id) =>
        read(captioned(lesson, id)).option('MP_JOIN')!,
      );
      if (syn?.phase !== 'syn' || answer?.phase !== 'synack' || proof?.phase !== 'ack')
        throw new Error('no join');
      expect(syn.token).toBe(server!.token);
      expect(syn.backup).toBe(form === 'backup');
      const keys = { client: uint64(client!.key), server: uint64(server!.key) };
      const ofServer = joinHmac(1, keys.server, keys.client, answer.nonce, syn.nonce);
      const ofClient = joinHmac(1, keys.client, keys.server, syn.nonce, answer.nonce);
      expect(answer.hmac).toEqual(ofServer.slice(0, 8));
      expect(proof.hmac).toEqual(ofClient.slice(0, 20));
    },
  );

  it('comes after the first DSS of the server, and is answered by an ACK (RFC 8684 §3.1, §3.2)', () => {
    const lesson = run('join');
    const dss = captioned(lesson, 'may-join');
    const syn = captioned(lesson, 'join-syn');
    expect(syn.sentNs).toBeGreaterThanOrEqual(dss.arrivesNs);
    expect(captioned(lesson, 'join-done').sentNs).toBe(captioned(lesson, 'join-ack').arrivesNs);
    expect(lesson.packets.filter(({ path }) => path === 1).map(({ label }) => label)).toEqual([
      'SYN, MP_JOIN',
      'SYN+ACK, MP_JOIN',
      'MP_JOIN',
      'DATA_ACK 64',
    ]);
  });
});

describe('the data sequence', () => {
  it('maps the answer once, without a hole, over both paths (RFC 8684 §3.3.1)', () => {
    const lesson = run('data');
    const mappings = lesson.packets
      .filter(({ from }) => from === 'server')
      .flatMap((packet) => read(packet).option('DSS')?.mapping ?? [])
      .sort((a, b) => Number(a.dataSeq.value - b.dataSeq.value));
    for (const [index, mapping] of mappings.slice(1).entries()) {
      expect(mapping.dataSeq.value).toBe(
        mappings[index]!.dataSeq.value + BigInt(mappings[index]!.dataLength),
      );
    }
    expect(new Set(lesson.packets.map(({ path }) => path)).size).toBe(2);
    const [first] = mappings;
    expect(captioned(lesson, 'first-mapping').caption!.text).toContain(`number ${first!.dataSeq.value};`);
    expect(captioned(lesson, 'first-mapping').label).toBe(`data 1–${formatCount(first!.dataLength)}`);
  });

  it('holds the DATA_ACK at the hole until the other path has filled it (RFC 8684 §3.3.2)', () => {
    const lesson = run('data');
    const ackOf = (id: string): bigint => read(captioned(lesson, id)).option('DSS')!.dataAck!.value;
    const second = read(captioned(lesson, 'second-path')).option('DSS')!.mapping!;
    expect(ackOf('early-ack')).toBe(second.dataSeq.value);
    expect(ackOf('late-ack')).toBeGreaterThan(second.dataSeq.value);
  });

  it('has checksums that fit, where they are required (RFC 8684 §3.3.1)', () => {
    const packet = read(captioned(run('data', 'checksums'), 'checksum'));
    const { dataSeq, subflowSeq, dataLength, checksum } = packet.option('DSS')!.mapping!;
    const { payload } = packet.tcp;
    expect(verifyDssChecksum(uint64(dataSeq.value), subflowSeq, dataLength, [payload], checksum!)).toBe(true);
  });
});

describe('the handover', () => {
  it('says over the path that is left which address is gone, and sends the same data again (RFC 8684 §3.4.2)', () => {
    const lesson = run('handover');
    const [mark] = lesson.marks;
    const removal = captioned(lesson, 'remove-addr');
    expect(removal.path).toBe(1);
    expect(removal.sentNs).toBe(mark!.atNs);
    const lost = lesson.packets.filter(({ path, from }) => path === 0 && from === 'server');
    expect(new Set(lost.map(({ fate }) => fate))).toEqual(new Set(['lost']));
    const first = read(captioned(lesson, 'on-wifi')).option('DSS')!.mapping!;
    const again = read(captioned(lesson, 'reinjection')).option('DSS')!.mapping!;
    expect(again.dataSeq).toEqual(first.dataSeq);
    expect(captioned(lesson, 'reinjection').sentNs).toBe(removal.arrivesNs);
  });

  it('takes longer when nobody tells, and has no REMOVE_ADDR', () => {
    const told = captioned(run('handover'), 'reinjection').sentNs;
    const silent = run('handover', 'silence');
    expect(captioned(silent, 'reinjection').sentNs).toBeGreaterThan(told);
    expect(silent.packets.every((packet) => read(packet).option('REMOVE_ADDR') === undefined)).toBe(true);
  });
});

describe('the fall-back', () => {
  it('goes on as plain TCP when the option was lost in the SYN (RFC 8684 §3.7)', () => {
    const lesson = run('fall-back');
    const syn = captioned(lesson, 'stripped-syn');
    expect(syn.fate).toBe('changed');
    expect(syn.arrivedLabel).toBe('SYN');
    expect(findField(syn.arrivedDissection!, 'MP_CAPABLE')).toBeUndefined();
    const others = lesson.packets.filter(({ number }) => number !== syn.number).map(read);
    expect(others.every(({ options }) => options.length === 0)).toBe(true);
    expect(others[0]!.has(TcpFlag.SYN | TcpFlag.ACK)).toBe(true);
  });

  it('answers a wrong checksum with MP_FAIL, and goes on with an infinite mapping (RFC 8684 §3.7)', () => {
    const lesson = run('fall-back', 'rewritten');
    const changed = captioned(lesson, 'changed');
    const arrived = readPacket(changed.arrived!, 'server', 0)!;
    const { dataSeq, subflowSeq, dataLength, checksum } = arrived.option('DSS')!.mapping!;
    const start = uint64(dataSeq.value);
    expect(verifyDssChecksum(start, subflowSeq, dataLength, [arrived.tcp.payload], checksum!)).toBe(false);
    expect(verifyDssChecksum(start, subflowSeq, dataLength, [read(changed).tcp.payload], checksum!)).toBe(
      true,
    );
    expect(findField(changed.arrivedDissection!, 'checksum')!.value).toMatch(/, right$/);
    expect(read(captioned(lesson, 'mp-fail')).option('MP_FAIL')!.dataSeq).toBe(dataSeq.value);
    expect(read(captioned(lesson, 'infinite')).option('DSS')!.mapping!.dataLength).toBe(0);
  });
});

it('gives the first lesson and the first form for names that there are not', () => {
  const ran = runLesson(lessonNamed('<b>'), '<b>');
  expect([ran.lesson, ran.form]).toEqual(['handshake', 'version-1']);
});
