/**
 * Findings on captures of two Linux kernels over emulated paths: what was done to the connection is found out, at each end, and
 * nothing is said that is not so.
 */
import { MILLISECOND } from '../../src/base/index.js';
import { expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import type { Finding } from '../../src/trace/index.js';
import {
  analyseAt,
  captureKernels,
  findingsOf,
  type KernelCaptureOptions,
} from '../support/kernel-capture.js';
import { describeWith } from '../support/with-rights.js';

type Place = 'client' | 'server' | 'both';

/** What there is no finding without: a queue of the path or the machine may add these to any of them. */
const weather: ReadonlySet<string> = new Set([
  'much-retransmission',
  'receive-window-blocked',
  'deep-reordering',
  'rtt-uneven',
]);

/** Codes of findings that are no weather. */
function codesOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ code }) => code))].filter((code) => !weather.has(code)).sort();
}

const stripped = { endpoint: 'subflow' } as const;

/** What is done, and what is found at the client, at the server and by comparing both. */
const cases: readonly (readonly [
  string,
  KernelCaptureOptions,
  Readonly<Record<Place, readonly string[]>>,
])[] = [
  ['two equal paths', { endpoint: 'subflow' }, { client: [], server: [], both: [] }],
  ['checksums', { endpoint: 'subflow', checksum: true }, { client: [], server: [], both: [] }],
  [
    'a backup path',
    { endpoint: 'subflow backup' },
    { client: ['backup-idle'], server: ['backup-idle'], both: ['backup-idle'] },
  ],
  [
    'a server that is bound to one of its addresses and announces the other',
    { serverIp: ['mptcp endpoint add 10.0.2.2 dev tun2 signal'] },
    { client: ['join-refused'], server: ['join-refused'], both: ['join-refused'] },
  ],
  [
    'a server of plain TCP',
    { serverProtocol: 'tcp' },
    { client: ['fallback-syn-ack'], server: ['fallback-syn-ack'], both: ['fallback-syn-ack'] },
  ],
  [
    'a box that removes MP_CAPABLE from the SYN',
    { ...stripped, boxes: ['strip-capable-syn', undefined] },
    { client: ['fallback-syn-ack'], server: [], both: ['fallback-syn-ack', 'option-removed'] },
  ],
  [
    'a box that removes the options behind the SYNs',
    { boxes: ['strip-mptcp-after-syn', undefined] },
    {
      client: ['fallback-no-dss'],
      server: ['fallback-third-ack'],
      both: ['fallback-no-dss', 'fallback-third-ack', 'option-removed'],
    },
  ],
  [
    'a box that removes MP_JOIN from SYNs',
    { ...stripped, boxes: [undefined, 'strip-join-syn'] },
    // The server sees a SYN of plain TCP.
    { client: ['join-option-removed'], server: [], both: ['join-option-removed'] },
  ],
  [
    'translators on both paths',
    { ...stripped, boxes: ['nat', 'nat'] },
    { client: [], server: [], both: ['address-translated'] },
  ],
];

/** Text of the finding with this code. */
function textOf(findings: readonly Finding[], code: string): string {
  return findings.find((finding) => finding.code === code)?.text ?? `no ${code}`;
}

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];

describeWith('findings on two kernels', rights, () => {
  it.each(cases)('%s', async (_, options, expected) => {
    const bytes = await captureKernels({ bytes: 500_000, ...options });
    for (const place of ['client', 'server', 'both'] as const) {
      const found = findingsOf(analyseAt(bytes, place, { includesPlain: true }));
      expect(codesOf(found), `${place}: ${found.map(({ text }) => text).join('\n')}`).toEqual([
        ...expected[place],
      ]);
    }
  });

  it('a box that changes the payload, when there are checksums, and the reset that follows', async () => {
    const bytes = await captureKernels({
      ...{ endpoint: 'subflow', checksum: true, boxes: [undefined, 'payload-rewriting'] },
    });
    const found = findingsOf(analyseAt(bytes, 'client'));
    expect(textOf(found, 'checksum-wrong')).toMatch(
      /does not fit the payload of \d+ mappings? of the server/,
    );
    expect(textOf(found, 'subflow-reset')).toMatch(
      /The client reset subflow 1: reason 6 \(middlebox interference\)/,
    );
  });

  it('a path that dies: which, since when, and what was sent again because of that', async () => {
    const bytes = await captureKernels({
      ...{ bytes: 2_000_000, endpoint: 'subflow' },
      midway: {
        atByte: 500_000,
        act: ({ world, links }) => world.act((now) => links[0]!.setState(now, 'blackhole')),
      },
    });
    const found = findingsOf(analyseAt(bytes, 'server'));
    expect(textOf(found, 'path-died'), found.map(({ text }) => text).join('\n')).toMatch(
      /Subflow 0 \(10\.0\.1\.1:\d+ -> 10\.0\.1\.2:7000\) got no answer from \d\.\d+ s on/,
    );
    const frames = found.find(({ code }) => code === 'path-died')!.packets;
    expect(frames.length).toBeGreaterThanOrEqual(2);
    expect(codesOf(findingsOf(analyseAt(bytes, 'client')))).not.toContain('path-died');
  });

  it('a small receive buffer: whose ACKs were awaited', async () => {
    const link = (rateBps: number, delayNs: number) => ({ both: { rateBps, delayNs } });
    const blame =
      /blocked the server \d+ % of the time .* while subflow 1 \(1\d\d ms round trip\) was waiting for its ACKs.*make subflow 1 a backup/;
    let found: readonly Finding[] = [];
    // Which subflow holds the window is the kernel's choice, and on a busy machine it is not always the slow one.
    for (let run = 0; run < 12 && !blame.test(textOf(found, 'receive-window-blocked')); run++) {
      const bytes = await captureKernels({
        ...{ bytes: 1_000_000, endpoint: 'subflow' },
        clientSysctl: { 'net.ipv4.tcp_rmem': '4096 65536 65536' },
        links: [link(10e6, 10 * MILLISECOND), link(5e6, 60 * MILLISECOND)],
      });
      found = findingsOf(analyseAt(bytes, 'server'));
      expect(textOf(found, 'receive-window-blocked')).toMatch(/blocked the server \d+ % of the time/);
    }
    expect(textOf(found, 'receive-window-blocked'), found.map(({ text }) => text).join('\n')).toMatch(blame);
    expect(textOf(found, 'rtt-uneven')).toMatch(/Subflow 1 has a round-trip time of 1\d\d ms/);
  });

  it('a join that comes when the connection is closing', async () => {
    const link = (rateBps: number, delayNs: number) => ({ both: { rateBps, delayNs } });
    const bytes = await captureKernels({
      ...{ bytes: 50_000, endpoint: 'subflow' },
      links: [link(50e6, 10 * MILLISECOND), link(50e6, 100 * MILLISECOND)],
    });
    for (const place of ['client', 'server'] as const) {
      const found = findingsOf(analyseAt(bytes, place));
      expect(found.filter(({ severity }) => severity !== 'info')).toEqual([]);
    }
  });

  it('one file with the packets of both hosts: copies, and no loss', async () => {
    const bytes = await captureKernels({ bytes: 500_000, endpoint: 'subflow' });
    const found = findingsOf(analyseAt(bytes, 'merged'));
    expect(textOf(found, 'capture-duplicates')).toMatch(
      /came twice with the same timestamp, so they were captured at two/,
    );
    expect(textOf(found, 'much-retransmission')).toBe('no much-retransmission');
  });
});
