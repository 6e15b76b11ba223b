/** The capture of a long sweep: in the file as it comes, one interface however many targets. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SeededRandom } from '../../base/index.js';
import { CaptureReader } from '../../capture/index.js';
import { Link, Packet, Simulator } from '../../network/index.js';
import { drawSecrets, ProbeRun, findScenario, defaultProbeSettings } from '../../probe/index.js';
import { IpAddress } from '../../wire/index.js';
import { ProbeCapture } from './capture.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-probe-capture-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A SYN of the probe. */
function syn(): Packet {
  const run = new ProbeRun(findScenario('compliant'), {
    ...{ target: { address: IpAddress.parse('192.0.2.1')!, port: 80 }, local: IpAddress.parse('192.0.2.2')! },
    ...{ version: 1, secrets: drawSecrets(new SeededRandom(1)), settings: defaultProbeSettings },
    request: { head: new Uint8Array(8), tail: new Uint8Array(0) },
  });
  run.begin(0);
  return new Packet(run.pollTransmit()!);
}

it('a capture keeps little in memory over many targets, and is whole at the end', () => {
  const path = join(folder, 'sweep.pcapng');
  const capture = new ProbeCapture(path);
  const packet = syn();
  let mostKept = 0;
  for (let target = 0; target < 400; target++) {
    const device = capture.wrap(new Link(new Simulator(1), {}).left, target % 2 === 0 ? 'eth0' : 'eth1');
    for (let i = 0; i < 20; i++) device.send(i, packet);
    mostKept = Math.max(mostKept, capture.keptBytes);
  }
  expect(mostKept).toBeLessThan(128 * 1024);
  expect(statSync(path).size).toBeGreaterThan(500_000);
  capture.close();
  capture.close();
  const reader = new CaptureReader();
  const interfaces = new Set<number>();
  let packets = 0;
  reader.push(readFileSync(path));
  reader.end();
  for (let one = reader.next(); one !== undefined; one = reader.next()) {
    packets++;
    interfaces.add(one.interfaceIndex);
  }
  expect(packets).toBe(8000);
  expect([...interfaces].sort()).toEqual([0, 1]);
});
