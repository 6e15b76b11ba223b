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
import type { PathSummary } from '../../src/lab/index.js';
import { colorAt } from '../plot/color.js';
import { isDark } from '../theme.js';
import { SideTag } from './controls.js';
import { TextField } from './fields.js';
import { LastDecision } from './numbers.js';
import type { PlaygroundSession } from './session.js';
import type { Side } from './side.js';
import { Flights, StagePainter } from './stage-painter.js';

interface StageProps {
  readonly session: PlaygroundSession;
  readonly side: Side;
}

export function Stage({ session, side }: StageProps): JSX.Element {
  const { paths } = side.scenario.value;
  const summaries = side.detail.value?.summary.paths;
  const isB = side.name === 'B';
  const isCompared = session.b.value !== undefined;
  // What is done to a path of A is done to that of B too.
  const pathsOfA = session.a.scenario.value.paths.length;
  return (
    <section class={isCompared ? 'stage compared' : 'stage'} aria-label={isB ? 'Paths of B' : 'Paths'}>
      {isCompared ? <SideTag name={side.name} /> : null}
      <div class="lanes">
        <div class="lane-settings">
          {paths.map((path, index) => (
            <PathSettings key={index} path={path} index={index} session={session} side={side} />
          ))}
        </div>
        <StageCanvas side={side} />
        <div class="lane-acts">
          {paths.map((path, index) => (
            <div key={index} class="path-acts">
              <b class="act-name" aria-hidden="true">
                {path.name}
              </b>
              {isB && index < pathsOfA ? null : (
                <PathActs index={index} name={path.name} session={session} side={side} />
              )}
              <PathFacts summary={summaries?.[index]} />
            </div>
          ))}
        </div>
      </div>
      <div class="stage-foot">
        <button
          type="button"
          aria-label={isB ? 'Add a path to B' : undefined}
          disabled={paths.length >= scenarioLimits.paths.high}
          onClick={() => session.change(side, { paths: [...paths, nextPath(paths)] })}
        >
          Add a path
        </button>
        <LastDecision side={side} />
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

interface PathProps extends StageProps {
  readonly path: PathScenario;
  readonly index: number;
}

function PathSettings({ path, index, session, side }: PathProps): JSX.Element {
  const { paths } = side.scenario.value;
  const ofPath = side.name === 'B' ? `of path ${index + 1} of B` : `of path ${index + 1}`;
  const set = (changes: Partial<PathScenario>): void =>
    session.change(side, {
      paths: paths.map((other, at) => (at === index ? { ...other, ...changes } : other)),
    });
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
      name={`${label} ${ofPath}`}
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
        <span class="swatch" style={{ background: colorAt(index) }} />
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
          aria-label={side.name === 'B' ? `Remove ${path.name} from B` : `Remove ${path.name}`}
          disabled={paths.length <= scenarioLimits.paths.low}
          onClick={() => session.change(side, { paths: paths.filter((_, at) => at !== index) })}
        >
          ×
        </button>
      </div>
      <div class="path-numbers">
        {part(1, 'rate', 'bit/s, as 20M')}
        {part(2, 'delay', 'one way, as 10ms')}
        {part(3, 'loss', 'as 1%')}
        {part(4, 'buffer', 'bytes, as 100k')}
        <BoxChoice path={path} name={`middlebox ${ofPath}`} onChoose={(box) => set({ box })} />
      </div>
    </fieldset>
  );
}

interface BoxChoiceProps {
  readonly path: PathScenario;
  readonly name: string;
  readonly onChoose: (box: string) => void;
}

function BoxChoice({ path, name, onChoose }: BoxChoiceProps): JSX.Element {
  return (
    <label class="field wide">
      <span>middlebox</span>
      <select aria-label={name} value={path.box} onChange={(e) => onChoose(e.currentTarget.value)}>
        <option value="">none</option>
        {boxNames.map((box) => (
          <option key={box} value={box}>
            {box}
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

interface ActsProps extends StageProps {
  readonly index: number;
  readonly name: string;
}

function PathActs({ index, name, session, side }: ActsProps): JSX.Element {
  const frame = side.frame.value?.paths[index];
  const isHurt = frame?.isDead === true || frame?.isFaded === true;
  const isOff: Readonly<Record<IncidentKind, boolean>> = {
    kill: frame?.isDead === true,
    fade: frame?.isFaded === true && !frame.isDead,
    restore: !isHurt,
  };
  return (
    <div class="buttons">
      {incidentKinds.map((what) => (
        <button
          key={what}
          type="button"
          aria-label={`${actWords[what]} ${name}`}
          disabled={isOff[what] || session.isDone.value || session.isFull.value}
          onClick={() => session.act(index, what)}
        >
          {actWords[what]}
        </button>
      ))}
    </div>
  );
}

function PathFacts({ summary }: { readonly summary: PathSummary | undefined }): JSX.Element {
  return (
    <dl class="path-facts">
      <dt>share</dt>
      <dd>{formatShare(summary?.share ?? 0)}</dd>
      <dt>RTT</dt>
      <dd>{summary?.srttNs ? formatDuration(summary.srttNs) : '–'}</dd>
      <dt>lost</dt>
      <dd>{(summary?.droppedPackets ?? 0) + (summary?.lostPackets ?? 0)}</dd>
    </dl>
  );
}

interface CanvasProps {
  readonly side: Side;
}

/** The canvas between settings and buttons: drawn with every frame that comes, not with every change of the page. */
class StageCanvas extends Component<CanvasProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();
  private readonly flights = new Flights();
  private readonly sizes = new ResizeObserver(() => this.draw());
  private unwatch: () => void = () => undefined;
  private run = -1;

  override componentDidMount(): void {
    const { frame, scenario } = this.props.side;
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
    if (clientWidth === 0) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(clientWidth * ratio);
    canvas.height = Math.round(clientHeight * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { frame, scenario } = this.props.side;
    const scene = {
      ...{ paths: scenario.peek().paths, frames: frame.peek()?.paths ?? [] },
      ...{ nowNs: frame.peek()?.nowNs ?? 0, isDark: isDark.peek() },
    };
    new StagePainter(pen, clientWidth, clientHeight, scene).draw(this.flights.values);
  }
}
