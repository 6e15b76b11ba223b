/**
 * What verify-on-kernel.ts has run within another kernel: loads every program past that kernel's verifier, and gives balancers packets on
 * which they have to agree with the rules in TypeScript. Prints a line for each, and ends with 0 when all is well.
 */
import { release } from 'node:os';
import { SECOND, SeededRandom } from '../src/base/index.js';
import {
  BpfObject,
  readPackagedObject,
  VerifierError,
  xdpDesigns,
  type XdpDesign,
} from '../src/linux/index.js';
import { drawPacket } from '../test/support/balancer-traffic.js';
import { pairServers, pairStart, XdpPair } from '../test/support/xdp-pair.js';

const packets = 2000;
/** Objects without maps that their owner makes for them, and the programs in each. */
const others = {
  swap: ['swap'],
  to_sockets: ['to_sockets'],
  agent: ['agent'],
  traffic: ['generate', 'sink'],
} as const;

function agree(design: XdpDesign, family: 4 | 6): void {
  const settings = { maxFlows: 4096, maxNewFlows: 4096, maxTokens: 4096 };
  const pair = new XdpPair(design, family, pairServers(family, 7), settings);
  const random = new SeededRandom(7);
  for (let i = 0; i < packets; i++) {
    if (i === packets / 2) pair.setServers(pairStart + SECOND, pairServers(family, 9, [2]));
    const packet = drawPacket(random);
    if (packet.length > 0) pair.check(pairStart + (i < packets / 2 ? 0 : SECOND), packet, `packet ${i}`);
  }
  pair.close();
}

function load(name: string, programs: readonly string[]): void {
  const object = new BpfObject(readPackagedObject(name));
  for (const program of programs) object.load(program).close();
  object.close();
}

let failures = 0;
function attempt(what: string, run: () => void): void {
  try {
    run();
    console.log(`ok      ${what}`);
  } catch (error) {
    failures++;
    const log = error instanceof VerifierError ? error.log.split('\n').slice(-40).join('\n') : '';
    console.log(`FAILED  ${what}: ${String(error)}\n${log}`);
  }
}

console.log(`Linux ${release()}`);
for (const [name, programs] of Object.entries(others)) attempt(`${name}: loaded`, () => load(name, programs));
for (const design of xdpDesigns) {
  for (const family of [4, 6] as const)
    attempt(`${design}, servers of IPv${family}: loaded, ${packets} packets as in TypeScript`, () =>
      agree(design, family),
    );
}
console.log(failures === 0 ? 'all is well' : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
