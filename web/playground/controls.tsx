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

export function ProtocolSettings({ session }: Props): JSX.Element {
  const scenario = session.scenario.value;
  const set = (changes: Partial<Scenario>): void => session.change(changes);
  const choice = (label: string, key: 'scheduler' | 'congestion' | 'service', options: readonly string[]) => (
    <Choice
      label={label}
      value={scenario[key]}
      options={options}
      onChoose={(value) => set({ [key]: value })}
    />
  );
  return (
    <section class="settings" aria-label="Settings">
      {choice('scheduler', 'scheduler', schedulerNames)}
      {choice('congestion control', 'congestion', congestionNames)}
      {choice('service type', 'service', serviceNames)}
      <Choice
        label="version"
        value={`${scenario.version}`}
        options={['1', '0']}
        onChoose={(value) => set({ version: value === '0' ? 0 : 1 })}
      />
      <Choice
        label="DSS checksum"
        value={scenario.checksum ? 'on' : 'off'}
        options={['off', 'on']}
        onChoose={(value) => set({ checksum: value === 'on' })}
      />
      <QuantityField
        label="receive window"
        hint="bytes, as 2M"
        value={scenario.windowBytes}
        limits={scenarioLimits.windowBytes}
        onSet={(windowBytes) => set({ windowBytes })}
      />
      <Choice
        label="traffic"
        value={scenario.traffic.kind}
        options={trafficKinds}
        onChoose={(kind) => set({ traffic: defaultTraffic[kind as Traffic['kind']] })}
      />
      <TrafficFields traffic={scenario.traffic} onSet={(traffic) => set({ traffic })} />
      <TextField
        label="seed"
        hint="a whole number from 0"
        value={`${scenario.seed}`}
        accept={(text) => {
          const seed = /^\d{1,10}$/.test(text.trim()) ? Number(text) : -1;
          const isFit = seed >= scenarioLimits.seed.low && seed <= scenarioLimits.seed.high;
          if (isFit) set({ seed });
          return isFit;
        }}
      />
    </section>
  );
}

interface QuantityProps {
  readonly label: string;
  readonly hint: string;
  readonly value: number;
  readonly limits: { readonly low: number; readonly high: number };
  readonly onSet: (value: number) => void;
}

function QuantityField({ label, hint, value, limits, onSet }: QuantityProps): JSX.Element {
  const accept = (text: string): boolean => {
    const read = readQuantity(text.trim(), scaleUnits);
    const isFit = read !== undefined && Number.isInteger(read) && read >= limits.low && read <= limits.high;
    if (isFit) onSet(read);
    return isFit;
  };
  return <TextField label={label} hint={hint} value={writeQuantity(value, scaleUnits)} accept={accept} />;
}

function TrafficFields({
  traffic,
  onSet,
}: {
  readonly traffic: Traffic;
  readonly onSet: (traffic: Traffic) => void;
}): JSX.Element {
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
          name={`${label} of the traffic`}
          hint={hint}
          value={texts[at]!}
          accept={(text) => accept(at, text)}
        />
      ))}
    </>
  );
}

export function RunControls({ session }: Props): JSX.Element {
  const { isRunning, isDone, speed, frame, pace } = session;
  const state = isDone.value ? 'done' : isRunning.value ? 'running' : 'paused';
  return (
    <section class="controls" aria-label="Time">
      <button type="button" class="main" onClick={() => session.toggle()}>
        {isRunning.value ? 'Pause' : isDone.value ? 'Run again' : 'Run'}
      </button>
      <button type="button" disabled={isDone.value} onClick={() => session.step()}>
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
          {((frame.value?.nowNs ?? 0) / 1e9).toFixed(6)} s
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
