/**
 * A scenario as text: `seed=7&path=Wi-Fi,20M,10ms,0%,100k&...`, what stands in a link to the playground and behind
 * `subflow lab run`. What cannot be read is told in a sentence and has its default; nothing that stands in a text gets any
 * further than the values of `scenario.ts`.
 */
import { floorPlan } from './floor-plan.js';
import { boxNames, congestionNames, schedulerNames, serviceNames } from './names.js';
import { readQuantity, scaleUnits, shareUnits, timeUnits, writeQuantity } from './quantity.js';
import {
  defaultScenario,
  type Incident,
  incidentKinds,
  type PathScenario,
  type Scenario,
  scenarioLimits,
  type Traffic,
} from './scenario.js';

/** A scenario that was read, and what could not be. */
export interface ReadScenario {
  readonly scenario: Scenario;
  /** A sentence for each field that has its default because its text made no sense; empty as a rule. */
  readonly problems: readonly string[];
}

/** Characters that are looked at; a scenario with everything in it is shorter. */
const MAX_TEXT = 16_000;
/** Sentences that are kept; more would say no more. */
const MAX_PROBLEMS = 5;
const NAME = /^[A-Za-z0-9][A-Za-z0-9 -]*$/;

interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Writes what {@link readScenario} reads; nothing of it needs to be encoded in the fragment of a URL but the `%` of losses. */
export function writeScenario(scenario: Scenario): string {
  return scenarioKeys
    .map((key) => writeField(scenario, key))
    .join('&')
    .replace(/&+$/, '');
}

/** The parts of a scenario, in the order in which they are written. */
export const scenarioKeys = [
  ...(['seed', 'paths', 'scheduler', 'congestion', 'service', 'version', 'checksum', 'windowBytes'] as const),
  ...(['traffic', 'incidents'] as const),
] satisfies readonly (keyof Scenario)[];

/** One part of a scenario as it stands in the text; empty where there is nothing of it. */
export function writeField(scenario: Scenario, key: keyof Scenario): string {
  switch (key) {
    case 'paths':
      return scenario.paths.map((path) => `path=${writePath(path)}`).join('&');
    case 'checksum':
      return `checksum=${scenario.checksum ? 'on' : 'off'}`;
    case 'windowBytes':
      return `window=${writeQuantity(scenario.windowBytes, scaleUnits)}`;
    case 'traffic':
      return `traffic=${writeTraffic(scenario.traffic)}`;
    case 'incidents':
      return scenario.incidents.map((incident) => `at=${writeIncident(incident)}`).join('&');
    default:
      return `${key}=${scenario[key]}`;
  }
}

function writePath({ name, rateBps, delayNs, loss, bufferBytes, box, isBackup }: PathScenario): string {
  const parts = [
    name.replaceAll(' ', '+'),
    writeQuantity(rateBps, scaleUnits),
    writeQuantity(delayNs, timeUnits),
    writeQuantity(loss, shareUnits),
    writeQuantity(bufferBytes, scaleUnits),
    ...(box === '' ? [] : [box]),
    ...(isBackup ? ['backup'] : []),
  ];
  return parts.join(',');
}

/** What {@link readTraffic} reads, in one text. */
export function writeTraffic(traffic: Traffic): string {
  if (traffic.kind === 'bulk') return `bulk,${writeQuantity(traffic.bytes, scaleUnits)}`;
  if (traffic.kind === 'requests') {
    const { count, bytes, pauseNs } = traffic;
    return `requests,${count},${writeQuantity(bytes, scaleUnits)},${writeQuantity(pauseNs, timeUnits)}`;
  }
  return `stream,${writeQuantity(traffic.rateBps, scaleUnits)},${writeQuantity(traffic.durationNs, timeUnits)}`;
}

function writeIncident(incident: Incident): string {
  const { atUs, path, what } = incident;
  const text = `${writeQuantity(atUs * 1000, timeUnits)},${path},${what}`;
  return what === 'place' ? `${text},${incident.place.xM},${incident.place.yM}` : text;
}

/** Reads what {@link writeScenario} wrote, or anything else: it never throws. */
export function readScenario(text: string): ReadScenario {
  return new ScenarioReader().read(text);
}

/**
 * Reads fields of a scenario that has all others of `base`, and incidents on `pathCount` paths. `isVersus`: of a second
 * scenario that differs, which has neither a seed nor incidents of its own.
 */
export function readFields(fields: readonly string[], base: Scenario, isVersus = false): ReadScenario {
  return new ScenarioReader(base, isVersus).readAll(fields);
}

/** Whether a text is longer than any scenario. */
export function isTooLong(text: string): boolean {
  return text.length > MAX_TEXT;
}

/** What is said of a text that is too long. */
export const TOO_LONG = 'It is longer than any scenario.';

class ScenarioReader {
  private readonly problems: string[] = [];
  private readonly paths: PathScenario[] = [];
  private readonly incidents: Incident[] = [];
  private scenario: Scenario;
  private hasPathTrouble = false;
  private readonly isVersus: boolean;

  constructor(base = defaultScenario, isVersus = false) {
    this.scenario = base;
    this.isVersus = isVersus;
  }

  read(text: string): ReadScenario {
    if (isTooLong(text)) return { scenario: defaultScenario, problems: [TOO_LONG] };
    const { scenario, problems } = this.readAll(text.split('&'));
    return { scenario: this.withoutStrays(scenario), problems };
  }

  readAll(fields: readonly string[]): ReadScenario {
    for (const field of fields) if (field !== '') this.readField(field);
    this.takePaths();
    const { scenario, problems, incidents } = this;
    return { scenario: this.isVersus ? scenario : { ...scenario, incidents }, problems };
  }

  private withoutStrays(scenario: Scenario): Scenario {
    const kept = incidentsOn(scenario.incidents, scenario.paths.length);
    if (kept.length < scenario.incidents.length) this.complain(STRAY);
    return { ...scenario, incidents: kept };
  }

  private readField(field: string): void {
    const [name, ...rest] = field.split('=');
    if (this.isVersus && (name === 'seed' || name === 'at')) {
      return this.complain('What is compared has one seed and the same incidents');
    }
    const value = decoded(rest.join('='));
    switch (name) {
      case 'seed':
        return this.set('seed', this.whole(value, scenarioLimits.seed));
      case 'path':
        return this.takePath(value);
      case 'scheduler':
        return this.set('scheduler', oneOf(value, schedulerNames));
      case 'congestion':
        return this.set('congestion', oneOf(value, congestionNames));
      case 'service':
        return this.set('service', oneOf(value, serviceNames));
      case 'version':
        return this.set('version', value === '0' ? 0 : value === '1' ? 1 : undefined);
      case 'checksum':
        return this.set('checksum', value === 'on' ? true : value === 'off' ? false : undefined);
      case 'window':
        return this.set('windowBytes', wholeQuantity(value, scenarioLimits.windowBytes));
      case 'traffic':
        return this.set('traffic', readTraffic(value.split(',')));
      case 'at':
        return this.takeIncident(value.split(','));
      default:
        return this.complain('There is a field that no scenario has');
    }
  }

  private set<K extends keyof Scenario>(key: K, value: Scenario[K] | undefined): void {
    if (value === undefined) this.complain(`The ${fieldNames[key]} makes no sense`);
    else this.scenario = { ...this.scenario, [key]: value };
  }

  private whole(value: string, { low, high }: Bounds): number | undefined {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
    return number >= low && number <= high ? number : undefined;
  }

  private takePath(value: string): void {
    const path = readPath(value.split(','));
    if (path === undefined) this.hasPathTrouble = true;
    else this.paths.push(path);
  }

  private takePaths(): void {
    const { low, high } = scenarioLimits.paths;
    const { length } = this.paths;
    if (length === 0 && !this.hasPathTrouble) return;
    const names = new Set(this.paths.map(({ name }) => name));
    if (this.hasPathTrouble || length < low || length > high || names.size < length) {
      this.complain(`The paths make no sense: there are ${low} to ${high}, each with a name of its own`);
    } else this.scenario = { ...this.scenario, paths: this.paths };
  }

  private takeIncident(parts: readonly string[]): void {
    const incident = readIncident(parts);
    if (incident === undefined || this.incidents.length >= scenarioLimits.incidents) {
      this.complain('Something that is to happen to a path makes no sense');
    } else this.incidents.push(incident);
  }

  private complain(sentence: string): void {
    if (this.problems.length < MAX_PROBLEMS && !this.problems.includes(`${sentence}.`)) {
      this.problems.push(`${sentence}.`);
    }
  }
}

/** What is said of incidents on paths that there are not. */
export const STRAY = 'Something happens on a path that there is not';

/** The incidents on the first `count` paths. */
export function incidentsOn(incidents: readonly Incident[], count: number): readonly Incident[] {
  return incidents.filter(({ path }) => path < count);
}

const fieldNames: Readonly<Record<keyof Scenario, string>> = {
  ...{ seed: 'seed', paths: 'paths', scheduler: 'scheduler', congestion: 'congestion control' },
  ...{ service: 'service type', version: 'version', checksum: 'checksum', windowBytes: 'receive window' },
  ...{ traffic: 'traffic', incidents: 'incidents' },
};

/** Percent-encoding undone; what is not encoded rightly is taken as it stands, and then makes no sense. */
function decoded(text: string): string {
  const plain = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

function bounded(value: number | undefined, { low, high }: Bounds): number | undefined {
  return value !== undefined && value >= low && value <= high ? value : undefined;
}

function wholeQuantity(text: string | undefined, bounds: Bounds): number | undefined {
  const value = bounded(readQuantity(text ?? '', scaleUnits), bounds);
  return Number.isInteger(value) ? value : undefined;
}

function timeIn(text: string | undefined, bounds: Bounds): number | undefined {
  const value = bounded(readQuantity(text ?? '', timeUnits), bounds);
  return value === undefined ? undefined : Math.round(value);
}

function oneOf(value: string, names: readonly string[]): string | undefined {
  return names.includes(value) ? value : undefined;
}

function readIncident([at = '', path = '', what = '', ...more]: readonly string[]): Incident | undefined {
  const ns = bounded(readQuantity(at, timeUnits), { low: 0, high: 1e15 });
  if (ns === undefined || !/^\d$/.test(path)) return undefined;
  const where = { atUs: Math.round(ns / 1000), path: Number(path) };
  if (what === 'place') {
    const [xM, yM] = [readMetres(more[0], floorPlan.widthM), readMetres(more[1], floorPlan.heightM)];
    const isPlace = xM !== undefined && yM !== undefined && more.length === 2;
    return isPlace ? { ...where, what, place: { xM, yM } } : undefined;
  }
  const kind = incidentKinds.find((known) => known === what);
  return kind === undefined || more.length > 0 ? undefined : { ...where, what: kind };
}

/** A distance on the floor plan, to the decimetre. */
function readMetres(text: string | undefined, most: number): number | undefined {
  const value = text !== undefined && /^\d{1,2}(\.\d)?$/.test(text) ? Number(text) : undefined;
  return bounded(value, { low: 0, high: most });
}

/** A path from its parts; undefined unless every one makes sense. */
export function readPath([name, rate, delay, lost, buffer, ...more]: readonly string[]):
  PathScenario | undefined {
  const limits = scenarioLimits;
  const rateBps = bounded(readQuantity(rate ?? '', scaleUnits), limits.rateBps);
  const delayNs = timeIn(delay, limits.delayNs);
  const loss = bounded(readQuantity(lost ?? '', shareUnits), limits.loss);
  const bufferBytes = wholeQuantity(buffer, limits.bufferBytes);
  if (rateBps === undefined || delayNs === undefined || loss === undefined) return undefined;
  if (
    name === undefined ||
    name.length > limits.nameLength ||
    !NAME.test(name) ||
    bufferBytes === undefined
  ) {
    return undefined;
  }
  const isBackup = more.at(-1) === 'backup';
  const boxes = isBackup ? more.slice(0, -1) : more;
  if (boxes.length > 1 || !boxes.every((box) => boxNames.includes(box))) return undefined;
  return { name, rateBps, delayNs, loss, bufferBytes, box: boxes[0] ?? '', isBackup };
}

/** Traffic from its parts; undefined unless every one makes sense. */
export function readTraffic([kind, first, second, third, ...more]: readonly string[]): Traffic | undefined {
  const limits = scenarioLimits;
  if (more.length > 0) return undefined;
  if (kind === 'bulk' && second === undefined) {
    const bytes = wholeQuantity(first, limits.bulkBytes);
    return bytes === undefined ? undefined : { kind, bytes };
  }
  if (kind === 'requests') {
    const count = wholeQuantity(first, limits.requests);
    const bytes = wholeQuantity(second, limits.requestBytes);
    const pauseNs = timeIn(third, limits.pauseNs);
    if (count === undefined || bytes === undefined || pauseNs === undefined) return undefined;
    return { kind, count, bytes, pauseNs };
  }
  if (kind === 'stream' && third === undefined) {
    const rateBps = bounded(readQuantity(first ?? '', scaleUnits), limits.rateBps);
    const durationNs = timeIn(second, limits.streamNs);
    return rateBps === undefined || durationNs === undefined ? undefined : { kind, rateBps, durationNs };
  }
  return undefined;
}
