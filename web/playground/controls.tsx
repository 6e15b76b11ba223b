/** What runs over the paths, and how time passes. */
import type { JSX } from 'preact';
import {
  congestionNames,
  defaultTraffic,
  readQuantity,
  readTraffic,
  scaleUnits,
  type Scenario,
  scenarioLimits,
  schedulerNames,
  serviceNames,
  type Traffic,
  writeQuantity,
  writeTraffic,
} from '../../src/lab/index.js';
import { Choice, TextField } from './fields.js';
import { type PlaygroundSession, speeds } from './session.js';
import type { Side, SideName } from './side.js';

interface Props {
  readonly session: PlaygroundSession;
}

const trafficKinds = Object.keys(defaultTraffic) as Traffic['kind'][];

/** What the parts of traffic are called, kind by kind. */
const trafficParts: Readonly<Record<Traffic['kind'], readonly (readonly [label: string, hint: string])[]>> = {
  bulk: [['size', 'bytes, as 20M']],
  requests: [
    ['requests', 'how many: 1 to 1000'],
    ['answer size', 'bytes, as 100k'],
    ['pause', 'after each answer, as 100ms'],
  ],
  stream: [
    ['rate', 'bit/s, as 8M'],
    ['duration', 'as 20s'],
  ],
};

/** The settings of A, and those of B where it is compared. */
export function Settings({ session }: Props): JSX.Element {
  const isCompared = session.b.value !== undefined;
  return (
    <section class="settings" aria-label="Settings">
      {session.sides.value.map((side) => (
        <ProtocolSettings key={side.name} side={side} session={session} />
      ))}
      <button
        type="button"
        class="compare"
        aria-pressed={isCompared}
        title="Runs a second scenario beside this one, with the same seed"
        onClick={() => session.compare(!isCompared)}
      >
        {isCompared ? 'End comparison' : 'Compare'}
      </button>
    </section>
  );
}

interface SideProps extends Props {
  readonly side: Side;
}

function ProtocolSettings({ session, side }: SideProps): JSX.Element {
  const scenario = side.scenario.value;
  const isB = side.name === 'B';
  const set = (changes: Partial<Scenario>): void => session.change(side, changes);
  const named = (label: string): string => (isB ? `${label} of B` : label);
  const isOther = (key: keyof Scenario): boolean =>
    isB && Object.hasOwn(session.comparison.value.versus ?? {}, key);
  const choice = (
    label: string,
    key: keyof Scenario,
    options: readonly string[],
    value: string,
    take: (value: string) => Partial<Scenario>,
  ): JSX.Element => (
    <Choice
      label={label}
      name={named(label)}
      differs={isOther(key)}
      value={value}
      options={options}
      onChoose={(chosen) => set(take(chosen))}
    />
  );
  const { scheduler, congestion, service, version, checksum, traffic } = scenario;
  return (
    <div class="settings-row">
      {session.b.value === undefined ? null : <SideTag name={side.name} />}
      {choice('scheduler', 'scheduler', schedulerNames, scheduler, (name) => ({ scheduler: name }))}
      {choice('congestion control', 'congestion', congestionNames, congestion, (name) => ({
        congestion: name,
      }))}
      {choice('service type', 'service', serviceNames, service, (name) => ({ service: name }))}
      {choice('version', 'version', ['1', '0'], `${version}`, (text) => ({ version: text === '0' ? 0 : 1 }))}
      {choice('DSS checksum', 'checksum', ['off', 'on'], checksum ? 'on' : 'off', (text) => ({
        checksum: text === 'on',
      }))}
      <QuantityField
        label="receive window"
        name={named('receive window')}
        hint="bytes, as 2M"
        differs={isOther('windowBytes')}
        value={scenario.windowBytes}
        limits={scenarioLimits.windowBytes}
        onSet={(windowBytes) => set({ windowBytes })}
      />
      {choice('traffic', 'traffic', trafficKinds, traffic.kind, (kind) => ({
        traffic: defaultTraffic[kind as Traffic['kind']],
      }))}
      <TrafficFields
        traffic={traffic}
        differs={isOther('traffic')}
        named={named}
        onSet={(changed) => set({ traffic: changed })}
      />
      {isB ? null : <SeedField seed={scenario.seed} onSet={(seed) => set({ seed })} />}
    </div>
  );
}

/** Which of two something belongs to. */
export function SideTag({ name }: { readonly name: SideName }): JSX.Element {
  return <b class={`side-tag side-${name.toLowerCase()}`}>{name}</b>;
}

interface SeedProps {
  readonly seed: number;
  readonly onSet: (seed: number) => void;
}

function SeedField({ seed, onSet }: SeedProps): JSX.Element {
  const { low, high } = scenarioLimits.seed;
  const accept = (text: string): boolean => {
    const read = /^\d{1,10}$/.test(text.trim()) ? Number(text) : -1;
    const isFit = read >= low && read <= high;
    if (isFit) onSet(read);
    return isFit;
  };
  return <TextField label="seed" hint="a whole number from 0" value={`${seed}`} accept={accept} />;
}

interface QuantityProps {
  readonly label: string;
  readonly name: string;
  readonly differs: boolean;
  readonly hint: string;
  readonly value: number;
  readonly limits: { readonly low: number; readonly high: number };
  readonly onSet: (value: number) => void;
}

function QuantityField({ value, limits, onSet, ...field }: QuantityProps): JSX.Element {
  const accept = (text: string): boolean => {
    const read = readQuantity(text.trim(), scaleUnits);
    const isFit = read !== undefined && Number.isInteger(read) && read >= limits.low && read <= limits.high;
    if (isFit) onSet(read);
    return isFit;
  };
  return <TextField {...field} value={writeQuantity(value, scaleUnits)} accept={accept} />;
}

interface TrafficProps {
  readonly traffic: Traffic;
  readonly differs: boolean;
  readonly named: (label: string) => string;
  readonly onSet: (traffic: Traffic) => void;
}

function TrafficFields({ traffic, differs, named, onSet }: TrafficProps): JSX.Element {
  const [kind, ...texts] = writeTraffic(traffic).split(',');
  const accept = (at: number, text: string): boolean => {
    const read = readTraffic([kind!, ...texts.map((old, index) => (index === at ? text.trim() : old))]);
    if (read !== undefined) onSet(read);
    return read !== undefined;
  };
  return (
    <>
      {trafficParts[traffic.kind].map(([label, hint], at) => (
        <TextField
          key={`${traffic.kind} ${label}`}
          label={label}
          name={named(`${label} of the traffic`)}
          differs={differs}
          hint={hint}
          value={texts[at]!}
          accept={(text) => accept(at, text)}
        />
      ))}
    </>
  );
}

export function RunControls({ session }: Props): JSX.Element {
  const { isRunning, isDone, speed, nowNs, pace } = session;
  const state = isDone.value ? 'done' : isRunning.value ? 'running' : 'paused';
  return (
    <section class="controls" aria-label="Time">
      <button type="button" class="main" title="Space" onClick={() => session.toggle()}>
        {isRunning.value ? 'Pause' : isDone.value ? 'Run again' : 'Run'}
      </button>
      <button
        type="button"
        title="To the next event: ."
        aria-keyshortcuts="."
        disabled={isDone.value}
        onClick={() => session.step()}
      >
        Step
      </button>
      <button type="button" onClick={() => session.restart()}>
        Restart
      </button>
      <label class="speed">
        <span>speed</span>
        <input
          type="range"
          min={0}
          max={speeds.length - 1}
          step={1}
          value={speeds.indexOf(speed.value)}
          aria-valuetext={speedText(speed.value)}
          onInput={(e) => (speed.value = speeds[Number(e.currentTarget.value)]!)}
        />
        <output>{speedText(speed.value)}</output>
      </label>
      <p class="clock">
        <output aria-label="virtual time" data-testid="clock">
          {(nowNs.value / 1e9).toFixed(6)} s
        </output>
        <span class="soft" data-testid="state">
          {state}
          {pace.value > 0 ? `, ${Number(pace.value.toPrecision(2))} × real time` : ''}
        </span>
      </p>
    </section>
  );
}

function speedText(speed: number): string {
  if (speed === Number.POSITIVE_INFINITY) return 'as fast as it goes';
  return speed < 1 ? `${Math.round(1 / speed)} × slower` : speed === 1 ? 'real time' : `${speed} × faster`;
}
