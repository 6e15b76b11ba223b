/** The arguments of `npm run worlds`. */
import { availableParallelism } from 'node:os';
import { plants } from './plant.js';

/** What is to be run. */
export interface Arguments {
  readonly from: number;
  readonly to: number;
  readonly jobs: number;
  readonly single: boolean;
  readonly pcap: string | undefined;
  readonly events: string | undefined;
  readonly plant: string | undefined;
  /** Last seed of the worlds that are traced whatever is in them; 0 for none at all. */
  readonly traces: number;
}

/** Returns what the arguments mean, or what is wrong with them. */
export function parseArguments(argv: readonly string[]): Arguments | string {
  const values = new Map<string, string>();
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]!;
    const value = argv[i + 1];
    if (!['--seeds', '--seed', '--jobs', '--pcap', '--events', '--plant', '--traces'].includes(name))
      return `unknown flag ${name}`;
    if (value === undefined) return `${name} needs a value`;
    values.set(name, value);
  }
  const range = /^(?:(\d+)\.\.)?(\d+)$/.exec(values.get('--seed') ?? values.get('--seeds') ?? '10000');
  if (range === null)
    return `'${values.get('--seed') ?? values.get('--seeds')!}' is no seed and no range of seeds`;
  const single = values.has('--seed');
  const to = Number(range[2]);
  const jobs = Number(values.get('--jobs') ?? availableParallelism());
  if (!(Number.isInteger(jobs) && jobs >= 1)) return '--jobs is a number from 1 up';
  const plant = values.get('--plant');
  if (plant !== undefined && plants[plant] === undefined) {
    return `no bug is called ${plant}; there are ${Object.keys(plants).join(', ')}`;
  }
  const traces = Number(values.get('--traces') ?? 0);
  if (!(Number.isInteger(traces) && traces >= 0)) return '--traces is a number from 0 up';
  const from = range[1] === undefined ? (single ? to : 1) : Number(range[1]);
  const [pcap, events] = [values.get('--pcap'), values.get('--events')];
  return { from, to, jobs, single, plant, traces, pcap, events };
}
