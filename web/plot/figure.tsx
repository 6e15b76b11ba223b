/**
 * A figure on the page: the panel that pages of `subflow plot --html` have, with its legend. Drag, wheel and keys move in
 * it; figures of one group move together.
 */
import { effect } from '@preact/signals';
import { Component, type ComponentChildren, createRef, type JSX } from 'preact';
import {
  type ChosenPacket,
  describeValue,
  FigurePanel,
  FigureView,
  Frame,
  type PageCanvas,
  type PageElement,
  type PageFigureData,
  type PageSeries,
  Painter,
  type Pen,
  PixelCover,
  ticksWithin,
} from '../../src/plot/index.js';
import { isDark } from '../theme.js';
import type { Drawable, PanelGroup } from './panel-group.js';

interface FigureProps {
  readonly figure: PageFigureData;
  readonly group: PanelGroup;
  /** Names of series that are hidden for a reason that lies outside of the figure; a reader may show them again. */
  readonly hidden?: ReadonlySet<string>;
  /** What else can be done with it: buttons beside its title. */
  readonly tools?: ComponentChildren;
}

const nothing: ReadonlySet<string> = new Set();

export class Figure extends Component<FigureProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();
  private readonly tip = createRef<HTMLDivElement>();
  private readonly ring = createRef<HTMLDivElement>();
  private panel: Drawable | undefined = undefined;
  private readonly view: FigureView;
  private hidden = nothing;
  private unwatch: () => void = () => undefined;
  private readonly sizes = new ResizeObserver(() => this.props.group.requestDraw());
  private readonly sight = new IntersectionObserver(() => this.props.group.catchUp(), {
    rootMargin: '200px',
  });

  constructor(props: FigureProps) {
    super(props);
    this.view = new FigureView(props.figure, props.group.time, describeValue);
  }

  override componentDidMount(): void {
    const { group } = this.props;
    const canvas = this.canvas.current!;
    const elements = {
      // The panel knows as much of a canvas as it uses.
      canvas: canvas as unknown as PageCanvas,
      tip: this.tip.current! as unknown as PageElement,
      ring: this.ring.current! as unknown as PageElement,
    };
    const host = {
      get isDark() {
        return group.isDark;
      },
      get pixelRatio() {
        return group.pixelRatio;
      },
      requestDraw: () => group.requestDraw(),
      say: (text: string) => group.say(text),
      get chosen() {
        return group.chosen;
      },
      choose: (chosen: ChosenPacket | undefined) => group.onChoose(chosen),
      pointAt: (packet: ChosenPacket | undefined) => group.onPoint(packet),
    };
    const panel = new FigurePanel(elements, this.view, group.time, host, {
      ...{ Frame, Painter, PixelCover, findTicks: ticksWithin },
    });
    // One that is hidden has no size; it is drawn when it has one again.
    this.panel = {
      draw: () => panel.draw(),
      isNear: (height) => canvas.clientWidth > 0 && panel.isNear(height),
    };
    group.add(this.panel);
    this.sizes.observe(canvas);
    this.sight.observe(canvas);
    this.unwatch = effect(() => {
      void isDark.value;
      group.requestDraw();
    });
  }

  override componentWillUnmount(): void {
    if (this.panel !== undefined) this.props.group.remove(this.panel);
    if (this.view.picked !== undefined) this.props.group.onPoint(undefined);
    this.sizes.disconnect();
    this.sight.disconnect();
    this.unwatch();
  }

  override componentDidUpdate(): void {
    this.props.group.requestDraw();
  }

  render({ figure, hidden = nothing, tools }: FigureProps): JSX.Element {
    if (this.view.figure !== figure) this.view.replace(figure);
    this.follow(hidden);
    return (
      <figure class="plot" data-figure={figure.id}>
        <div class="plot-head">
          <h3>{figure.title}</h3>
          <div class="plot-legend">
            {figure.series.map((series) => (
              <label key={series.name}>
                <input
                  type="checkbox"
                  checked={!this.view.isHidden(series)}
                  onChange={(e) => this.toggle(series, e.currentTarget.checked)}
                />
                <Sample series={series} isDark={isDark.value} />
                {series.name}
              </label>
            ))}
          </div>
        </div>
        <div class="plot-frame">
          <canvas
            ref={this.canvas}
            tabIndex={0}
            role="img"
            aria-label={`${figure.title}. Arrows move, plus and minus zoom, 0 shows everything, s picks a series, n and p go through its points, Enter chooses the packet of one.`}
          />
          <div ref={this.ring} class="plot-ring" hidden />
          <div ref={this.tip} class="tip" hidden />
        </div>
        <div class="plot-foot">
          <figcaption>{figure.caption}</figcaption>
          {tools === undefined ? null : <div class="plot-tools">{tools}</div>}
        </div>
      </figure>
    );
  }

  /** Hides and shows what is hidden from outside since the last time. */
  private follow(hidden: ReadonlySet<string>): void {
    if (hidden === this.hidden) return;
    for (const series of this.view.figure.series) {
      const isHidden = hidden.has(series.name);
      if (isHidden !== this.hidden.has(series.name)) this.view.hide(series, isHidden);
    }
    this.hidden = hidden;
  }

  private toggle(series: PageSeries, isShown: boolean): void {
    const current = this.view.figure.series.find(({ name }) => name === series.name);
    if (current !== undefined) this.view.hide(current, !isShown);
    this.props.group.requestDraw();
  }
}

interface SampleProps {
  readonly series: PageSeries;
  readonly isDark: boolean;
}

/** What stands for a series in a legend; drawn anew only when its look changes. */
class Sample extends Component<SampleProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();

  override shouldComponentUpdate({ series, isDark: dark }: SampleProps): boolean {
    const { props } = this;
    return dark !== props.isDark || series.kind !== props.series.kind || series.mark !== props.series.mark;
  }

  override componentDidMount(): void {
    this.draw();
  }

  override componentDidUpdate(): void {
    this.draw();
  }

  render(): JSX.Element {
    return <canvas ref={this.canvas} class="plot-sample" aria-hidden="true" />;
  }

  private draw(): void {
    const canvas = this.canvas.current;
    const pen = canvas?.getContext('2d');
    if (canvas === null || pen === null || pen === undefined) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = 34 * ratio;
    canvas.height = 16 * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    new Painter(pen as unknown as Pen, this.props.isDark, ticksWithin).drawSample(this.props.series);
  }
}
