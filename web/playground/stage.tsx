/** The paths: what each is like, the packets on it, and what can be done to it. */
import { Component, createRef, type JSX } from 'preact';
import { formatDuration, formatShare } from '../../src/base/index.js';
import {
  boxNames,
  type IncidentKind,
  incidentKinds,
  newPaths,
  type PathScenario,
  readPath,
  scaleUnits,
  scenarioLimits,
  shareUnits,
  timeUnits,
  writeQuantity,
} from '../../src/lab/index.js';
import { seriesStyle } from '../../src/plot/index.js';
import type { PathSummary } from '../../src/lab/index.js';
import { isDark } from '../theme.js';
import { TextField } from './fields.js';
import type { PlaygroundSession } from './session.js';
import { Flights, StagePainter } from './stage-painter.js';

interface StageProps {
  readonly session: PlaygroundSession;
}

export function Stage({ session }: StageProps): JSX.Element {
  const { paths } = session.scenario.value;
  const summaries = session.detail.value?.summary.paths;
  const canAdd = paths.length < scenarioLimits.paths.high;
  return (
    <section class="stage" aria-label="Paths">
      <div class="lanes">
        <div class="lane-settings">
          {paths.map((path, index) => (
            <PathSettings key={index} path={path} index={index} session={session} />
          ))}
        </div>
        <StageCanvas session={session} />
        <div class="lane-acts">
          {paths.map((path, index) => (
            <PathActs
              key={index}
              index={index}
              name={path.name}
              session={session}
              summary={summaries?.[index]}
            />
          ))}
        </div>
      </div>
      <div class="stage-foot">
        <button
          type="button"
          disabled={!canAdd}
          onClick={() => session.change({ paths: [...paths, nextPath(paths)] })}
        >
          Add a path
        </button>
        <span class="soft">
          Upper way: data to the client; lower way: what the client sends. The box at each sender is its
          buffer.
        </span>
      </div>
    </section>
  );
}

/** One whose name is not taken. */
function nextPath(paths: readonly PathScenario[]): PathScenario {
  const isFree = (name: string): boolean => !paths.some((path) => path.name === name);
  const fresh = newPaths.find(({ name }) => isFree(name));
  const numbers = Array.from({ length: 9 }, (_, index) => `Path ${index + 1}`);
  return fresh ?? { ...newPaths[0]!, name: numbers.find(isFree)! };
}

interface PathProps {
  readonly path: PathScenario;
  readonly index: number;
  readonly session: PlaygroundSession;
}

function PathSettings({ path, index, session }: PathProps): JSX.Element {
  const { paths } = session.scenario.value;
  const set = (changes: Partial<PathScenario>): void =>
    session.change({ paths: paths.map((other, at) => (at === index ? { ...other, ...changes } : other)) });
  const { color, darkColor } = seriesStyle(index);
  const texts = partsOf(path);
  /** The path with one part written anew; undefined when that makes no sense. */
  const withPart = (part: number, text: string): PathScenario | undefined => {
    const read = readPath(texts.map((old, at) => (at === part ? text.trim() : old)));
    const isTaken = paths.some((other, at) => at !== index && other.name === read?.name);
    return isTaken ? undefined : read;
  };
  const part = (at: number, label: string, hint: string): JSX.Element => (
    <TextField
      label={label}
      name={`${label} of path ${index + 1}`}
      hint={hint}
      value={texts[at]!}
      accept={(text) => {
        const read = withPart(at, text);
        if (read !== undefined) set({ ...read, box: path.box, isBackup: path.isBackup });
        return read !== undefined;
      }}
    />
  );
  return (
    <fieldset class="path-settings">
      <legend class="unseen">{path.name}</legend>
      <div class="path-name">
        <span class="swatch" style={{ background: isDark.value ? darkColor : color }} />
        {part(0, 'name', 'letters, digits, blanks')}
        <label class="tick">
          <input
            type="checkbox"
            checked={path.isBackup}
            onChange={(e) => set({ isBackup: e.currentTarget.checked })}
          />
          backup
        </label>
        <button
          type="button"
          class="quiet"
          aria-label={`Remove ${path.name}`}
          disabled={paths.length <= scenarioLimits.paths.low}
          onClick={() => session.change({ paths: paths.filter((_, at) => at !== index) })}
        >
          ×
        </button>
      </div>
      <div class="path-numbers">
        {part(1, 'rate', 'bit/s, as 20M')}
        {part(2, 'delay', 'one way, as 10ms')}
        {part(3, 'loss', 'as 1%')}
        {part(4, 'buffer', 'bytes, as 100k')}
        <BoxChoice path={path} index={index} onChoose={(box) => set({ box })} />
      </div>
    </fieldset>
  );
}

interface BoxChoiceProps {
  readonly path: PathScenario;
  readonly index: number;
  readonly onChoose: (box: string) => void;
}

function BoxChoice({ path, index, onChoose }: BoxChoiceProps): JSX.Element {
  return (
    <label class="field wide">
      <span>middlebox</span>
      <select
        aria-label={`middlebox of path ${index + 1}`}
        value={path.box}
        onChange={(e) => onChoose(e.currentTarget.value)}
      >
        <option value="">none</option>
        {boxNames.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A path in the parts that {@link readPath} reads. */
function partsOf({ name, rateBps, delayNs, loss, bufferBytes }: PathScenario): string[] {
  return [
    name,
    writeQuantity(rateBps, scaleUnits),
    writeQuantity(delayNs, timeUnits),
    writeQuantity(loss, shareUnits),
    writeQuantity(bufferBytes, scaleUnits),
  ];
}

const actWords: Readonly<Record<IncidentKind, string>> = { kill: 'Kill', fade: 'Fade', restore: 'Restore' };

interface ActsProps {
  readonly index: number;
  readonly name: string;
  readonly session: PlaygroundSession;
  readonly summary: PathSummary | undefined;
}

function PathActs({ index, name, session, summary }: ActsProps): JSX.Element {
  const frame = session.frame.value?.paths[index];
  const isHurt = frame?.isDead === true || frame?.isFaded === true;
  const isOff: Readonly<Record<IncidentKind, boolean>> = {
    kill: frame?.isDead === true,
    fade: frame?.isFaded === true && !frame.isDead,
    restore: !isHurt,
  };
  return (
    <div class="path-acts">
      <b class="act-name" aria-hidden="true">
        {name}
      </b>
      <div class="buttons">
        {incidentKinds.map((what) => (
          <button
            key={what}
            type="button"
            aria-label={`${actWords[what]} ${name}`}
            disabled={isOff[what] || session.isDone.value}
            onClick={() => session.act(index, what)}
          >
            {actWords[what]}
          </button>
        ))}
      </div>
      <dl class="path-facts">
        <dt>share</dt>
        <dd>{formatShare(summary?.share ?? 0)}</dd>
        <dt>RTT</dt>
        <dd>{summary?.srttNs ? formatDuration(summary.srttNs) : '–'}</dd>
        <dt>lost</dt>
        <dd>{(summary?.droppedPackets ?? 0) + (summary?.lostPackets ?? 0)}</dd>
      </dl>
    </div>
  );
}

/** The canvas between settings and buttons: drawn with every frame that comes, not with every change of the page. */
class StageCanvas extends Component<StageProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();
  private readonly flights = new Flights();
  private readonly sizes = new ResizeObserver(() => this.draw());
  private unwatch: () => void = () => undefined;
  private run = -1;

  override componentDidMount(): void {
    const { frame, scenario } = this.props.session;
    this.sizes.observe(this.canvas.current!);
    const unwatchFrames = frame.subscribe((shown) => {
      if (shown === undefined) return;
      if (shown.run !== this.run) this.flights.clear();
      this.run = shown.run;
      this.flights.add(shown.flights, shown.nowNs);
      this.draw();
    });
    const unwatchScenario = scenario.subscribe(() => this.draw());
    const unwatchTheme = isDark.subscribe(() => this.draw());
    this.unwatch = () => {
      unwatchFrames();
      unwatchScenario();
      unwatchTheme();
    };
  }

  override componentWillUnmount(): void {
    this.unwatch();
    this.sizes.disconnect();
  }

  override shouldComponentUpdate(): boolean {
    return false;
  }

  render(): JSX.Element {
    return (
      <div class="stage-canvas">
        <canvas
          ref={this.canvas}
          role="img"
          aria-label="Packets on their way between the client and the server"
        />
      </div>
    );
  }

  private draw(): void {
    const canvas = this.canvas.current;
    const pen = canvas?.getContext('2d');
    if (canvas === null || pen === null || pen === undefined) return;
    const { clientWidth, clientHeight } = canvas;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(clientWidth * ratio);
    canvas.height = Math.round(clientHeight * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { frame, scenario } = this.props.session;
    const scene = {
      ...{ paths: scenario.peek().paths, frames: frame.peek()?.paths ?? [] },
      ...{ nowNs: frame.peek()?.nowNs ?? 0, isDark: isDark.peek() },
    };
    new StagePainter(pen, clientWidth, clientHeight, scene).draw(this.flights.values);
  }
}
