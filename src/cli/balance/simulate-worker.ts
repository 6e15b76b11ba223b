/** The thread that simulates one design for `subflow balance simulate`. */

import { parentPort, workerData } from 'node:worker_threads';
import { FlowSimulation, type FlowSimulationOptions, type FlowSimulationRow } from '../../balancer/index.js';

/** What the thread says: how far it is, from 0 to 1, and in the end what came of it. */
export type SimulationMessage =
  | { readonly progress: number; readonly row?: never }
  | { readonly progress: 1; readonly row: FlowSimulationRow };

/** Connections between two reports of progress. */
const connectionsPerReport = 50_000;

const simulation = new FlowSimulation(workerData as FlowSimulationOptions);
const say = (message: SimulationMessage): void => parentPort!.postMessage(message);
while (simulation.advance(connectionsPerReport)) say({ progress: simulation.progress });
say({ progress: 1, row: simulation.row() });
