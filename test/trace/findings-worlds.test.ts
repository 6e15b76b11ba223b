/**
 * Findings in simulated worlds: two stacks and a box between them, captured at both hosts; what the box does is found out, and
 * nothing is said where there is none.
 */
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { describe, expect, it } from 'vitest';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import {
  CaptureObserver,
  type Device,
  middleboxBehaviour,
  type PathSetup,
  type Placement,
  randomLoss,
  runTrial,
  type Side,
  TapDevice,
} from '../../src/network/index.js';
import { type Finding, TraceAnalyzer } from '../../src/trace/index.js';
import { PathWorld } from '../support/path-world.js';

const oneWay = { rateBps: 20e6, delayNs: 10 * MILLISECOND };
const link: PathSetup = { forward: oneWay, backward: oneWay };

/** Captures what passes a device. */
function tapped(writer: PcapngWriter, device: Device, side: Side, path: number): Device {
  return new TapDevice(device, [new CaptureObserver(writer, { name: `${side}/${path}` })]);
}

/** The findings on a transfer both ways with a box on a path; without checksums. */
function throughBox(box: string, placement: Placement, checksum = false): readonly Finding[] {
  const writer = new PcapngWriter();
  runTrial({
    ...{ behaviour: middleboxBehaviour(box), placement },
    ...{ client: { checksum }, server: { checksum } },
    wrap: (device, side, path) => tapped(writer, device, side, path),
  });
  return analysed(writer);
}

/** The findings on a download of 600 kB over these paths. */
function over(...paths: readonly PathSetup[]): readonly Finding[] {
  const writer = new PcapngWriter();
  const world = new PathWorld({
    paths: paths.map((path, index) => ({
      ...path,
      wrap: (device: Device, side: Side) => tapped(writer, device, side, index),
    })),
  });
  const socket = world.connect();
  world.run(SECOND);
  for (const accepted of world.accepted) world.write(accepted, 600_000, true);
  world.run(60 * SECOND);
  expect(world.talk(socket).checker.bytesDelivered).toBe(600_000);
  return analysed(writer);
}

/** What is found in the captures of both hosts. */
function analysed(writer: PcapngWriter): readonly Finding[] {
  const analyzer = new TraceAnalyzer({ includesPlain: true });
  const { reader, packets } = readCapture(writer.take());
  for (const packet of packets) {
    const isClient = reader.interfaces[packet.interfaceIndex]!.name.startsWith('client');
    analyzer.handle(packet, isClient ? 0 : 1);
  }
  const report = analyzer.finish();
  return [...report.findings, ...report.connections.flatMap(({ findings }) => findings)];
}

/** Texts of the findings with this code. */
function textsOf(findings: readonly Finding[], code: string): string {
  return findings
    .filter((finding) => finding.code === code)
    .map(({ text }) => text)
    .join('\n');
}

describe('findings in simulated worlds', () => {
  it('are none where two equal paths carry the data', () => {
    expect(over(link, link).filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it.each([
    ['sequence-rewriting', 'first', 'sequence-rewritten', /subflow 0 of connection 0 rewrites/],
    ['sequence-rewriting', 'second', 'sequence-rewritten', /subflow 1 of connection 0 rewrites/],
    ['nat', 'first', 'address-translated', /translator stands on the path of subflow 0/],
    ['strip-capable-syn', 'first', 'option-removed', /from the SYN of subflow 0 .*: Multipath TCP/],
    ['strip-capable-syn', 'first', 'fallback-syn-ack', /answered MP_CAPABLE without it/],
    ['strip-capable-syn-ack', 'first', 'option-removed', /from the SYN\+ACK of subflow 0 .*: Multipath TCP/],
    ['strip-mptcp-after-syn', 'only', 'option-removed', /from the first data of subflow 0 .*: Multipath TCP/],
    ['strip-join-syn', 'second', 'join-option-removed', /MP_JOIN is missing in the SYN\+ACK of subflow 1/],
    ['drop-mptcp-syn', 'only', 'fallback-syn-retried', /got no answer, the one without did/],
  ] as const)('%s on the %s path shows as %s', (box, placement, code, says) => {
    const findings = throughBox(box, placement);
    expect(textsOf(findings, code), findings.map(({ text }) => text).join('\n')).toMatch(says);
  });

  it('a box that changes the payload shows in the checksums', () => {
    const findings = throughBox('payload-rewriting', 'second', true);
    expect(textsOf(findings, 'checksum-wrong')).toMatch(/does not fit the payload of \d+ mapping/);
  });

  it('a backup that has little to do shows as one', () => {
    expect(textsOf(over(link, { ...link, backup: true }), 'backup-idle')).toMatch(
      /Subflow 1 carried .* of the server's data because it was announced as backup/,
    );
  });

  it('a path that takes much longer shows by its round-trip time', () => {
    const slow = { rateBps: 20e6, delayNs: 150 * MILLISECOND };
    expect(textsOf(over(link, { forward: slow, backward: slow }), 'rtt-uneven')).toMatch(
      /Subflow 1 has a round-trip time of 30\d ms, subflow 0 of 2\d ms/,
    );
  });

  it('a path that loses packets shows by what was sent again', () => {
    const lossy = over({
      forward: { ...oneWay, loss: randomLoss(0.06) },
      backward: { ...oneWay, loss: randomLoss(0.06) },
    });
    expect(textsOf(lossy, 'much-retransmission')).toMatch(/of what the server sent on subflow 0/);
  });
});
