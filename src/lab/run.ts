/** A scenario from its beginning to its end, without anybody watching. */
import type { PcapngWriter } from '../capture/index.js';
import type { Scenario } from './scenario.js';
import { LabWorld, LONGEST_RUN_NS } from './world.js';

/** Runs `scenario` to its end; `capture` receives the packets at the client. */
export function runScenario(scenario: Scenario, capture?: PcapngWriter): LabWorld {
  const world = new LabWorld(scenario, capture === undefined ? {} : { capture });
  world.flights.isWanted = false;
  world.advance(LONGEST_RUN_NS);
  return world;
}
