/**
 * Draws the paths and the packets on them: for each path the way of the data to the client above, that of its
 * acknowledgments below; at the end of the sender the buffer, and what of it is full.
 */
import {
  decodeFlight,
  FLIGHT_FIELDS,
  type FlightColumns,
  FlightFate,
  type PathScenario,
} from '../../src/lab/index.js';
import { seriesStyle } from '../../src/plot/index.js';
import type { PathFrame } from '../protocol/playground.js';

/** Where things stand, in pixels. */
const HOST_WIDTH = 64;
const BUFFER_WIDTH = 56;
const DATA_ABOVE = 13;

/** What is drawn. */
export interface StageScene {
  readonly paths: readonly PathScenario[];
  readonly frames: readonly PathFrame[];
  readonly nowNs: number;
  readonly isDark: boolean;
}

interface Colors {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly ground: string;
  readonly raised: string;
}

const light: Colors = {
  text: '#222222',
  soft: '#5a6069',
  line: '#c4c9d1',
  ground: '#ffffff',
  raised: '#eef1f5',
};
const dark: Colors = {
  text: '#e6e8ec',
  soft: '#a3a9b4',
  line: '#474d58',
  ground: '#16181d',
  raised: '#23262d',
};

/** Packets on their way, from frame to frame. */
export class Flights {
  private columns: number[] = [];

  clear(): void {
    this.columns = [];
  }

  /** Adds new ones and forgets those that have arrived by `nowNs`. */
  add(added: FlightColumns, nowNs: number): void {
    const kept: number[] = [];
    for (let at = 0; at < this.columns.length; at += FLIGHT_FIELDS) {
      if (this.columns[at + 3]! > nowNs) kept.push(...this.columns.slice(at, at + FLIGHT_FIELDS));
    }
    for (const value of added) kept.push(value);
    this.columns = kept;
  }

  get values(): readonly number[] {
    return this.columns;
  }
}

/** What is said of a path beside its name; empty as a rule. */
function stateOf({ isDead, isFaded, isAssociated }: PathFrame): string {
  return isDead ? 'dead' : !isAssociated ? 'out of range' : isFaded ? 'faded' : '';
}

export class StagePainter {
  private readonly pen: CanvasRenderingContext2D;
  private readonly width: number;
  private readonly height: number;
  private readonly scene: StageScene;
  private readonly colors: Colors;

  constructor(pen: CanvasRenderingContext2D, width: number, height: number, scene: StageScene) {
    this.pen = pen;
    this.width = width;
    this.height = height;
    this.scene = scene;
    this.colors = scene.isDark ? dark : light;
  }

  draw(flights: readonly number[]): void {
    const { pen, scene } = this;
    pen.clearRect(0, 0, this.width, this.height);
    scene.paths.forEach((path, index) => this.drawPath(path, index));
    for (let at = 0; at < flights.length; at += FLIGHT_FIELDS) this.drawFlight(flights, at);
    this.drawHost('client', 0);
    this.drawHost('server', this.width - HOST_WIDTH);
  }

  private laneOf(path: number): number {
    return ((path + 0.5) * this.height) / this.scene.paths.length;
  }

  private get left(): number {
    return HOST_WIDTH;
  }

  private get right(): number {
    return this.width - HOST_WIDTH;
  }

  private colorOf(path: number): string {
    const { color, darkColor } = seriesStyle(path);
    return this.scene.isDark ? darkColor : color;
  }

  private drawHost(name: string, x: number): void {
    const { pen, colors, height } = this;
    pen.fillStyle = colors.raised;
    pen.strokeStyle = colors.line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x + 0.5, 8.5, HOST_WIDTH - 1, height - 17, 6);
    pen.fill();
    pen.stroke();
    pen.fillStyle = colors.text;
    pen.font = '600 13px system-ui, sans-serif';
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillText(name, x + HOST_WIDTH / 2, height / 2);
  }

  private drawPath({ bufferBytes }: PathScenario, index: number): void {
    const { pen, colors, left, right } = this;
    const frame = this.scene.frames[index];
    const y = this.laneOf(index);
    const isDead = frame?.isDead === true || frame?.isAssociated === false;
    for (const [offset, isForward] of [
      [-DATA_ABOVE, false],
      [DATA_ABOVE, true],
    ] as const) {
      pen.strokeStyle = isDead ? colors.line : this.colorOf(index);
      pen.globalAlpha = isDead ? 1 : 0.45;
      pen.lineWidth = isForward ? 1 : 2;
      pen.setLineDash(isDead ? [2, 6] : frame?.isFaded === true ? [8, 5] : []);
      pen.beginPath();
      pen.moveTo(left, y + offset);
      pen.lineTo(right, y + offset);
      pen.stroke();
      pen.setLineDash([]);
      pen.globalAlpha = 1;
      const queued = frame?.queueBytes[isForward ? 0 : 1] ?? 0;
      this.drawBuffer(index, y + offset, isForward, Math.min(1, queued / bufferBytes));
    }
    if (frame !== undefined) this.drawState(stateOf(frame), y);
  }

  private drawState(word: string, y: number): void {
    const { pen, colors } = this;
    pen.font = '600 12px system-ui, sans-serif';
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillStyle = colors.soft;
    pen.fillText(word, (this.left + this.right) / 2, y);
  }

  /** A box at the end of the sender, as full as the buffer is. */
  private drawBuffer(index: number, y: number, isForward: boolean, share: number): void {
    const { pen, colors } = this;
    const height = isForward ? 6 : 12;
    const x = isForward ? this.left + 4 : this.right - BUFFER_WIDTH - 4;
    pen.fillStyle = colors.ground;
    pen.fillRect(x, y - height / 2, BUFFER_WIDTH, height);
    pen.fillStyle = this.colorOf(index);
    pen.globalAlpha = 0.55;
    const full = share * BUFFER_WIDTH;
    // It fills from the side of the link.
    pen.fillRect(isForward ? x + BUFFER_WIDTH - full : x, y - height / 2, full, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = colors.line;
    pen.lineWidth = 1;
    pen.strokeRect(x + 0.5, y - height / 2 + 0.5, BUFFER_WIDTH - 1, height - 1);
  }

  private drawFlight(columns: readonly number[], at: number): void {
    const { nowNs } = this.scene;
    const { path, isForward, isData, fate } = decodeFlight(columns[at]!);
    const leftAt = columns[at + 2]!;
    const arrivesAt = columns[at + 3]!;
    if (nowNs < leftAt || nowNs > arrivesAt || path >= this.scene.paths.length) return;
    const along = arrivesAt > leftAt ? (nowNs - leftAt) / (arrivesAt - leftAt) : 1;
    const from = isForward ? this.left + BUFFER_WIDTH + 8 : this.right - BUFFER_WIDTH - 8;
    const to = isForward ? this.right : this.left;
    const isLost = fate !== FlightFate.arrives;
    // What is lost comes half of its way.
    const x = from + (to - from) * (isLost ? Math.min(along, 0.5) : along);
    const y = this.laneOf(path) + (isForward ? DATA_ABOVE : -DATA_ABOVE);
    if (isLost && along > 0.5) this.drawLoss(x, y + (along - 0.5) * 24, 1.6 - along);
    else this.drawPacket(x, y, isData, this.colorOf(path));
  }

  private drawPacket(x: number, y: number, isData: boolean, color: string): void {
    const { pen } = this;
    pen.fillStyle = color;
    pen.beginPath();
    if (isData) pen.roundRect(x - 6, y - 4.5, 12, 9, 2);
    else pen.arc(x, y, 2.5, 0, 7);
    pen.fill();
  }

  private drawLoss(x: number, y: number, strength: number): void {
    const { pen, colors } = this;
    pen.globalAlpha = Math.max(0, Math.min(1, strength));
    pen.strokeStyle = colors.text;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x - 4, y - 4);
    pen.lineTo(x + 4, y + 4);
    pen.moveTo(x + 4, y - 4);
    pen.lineTo(x - 4, y + 4);
    pen.stroke();
    pen.globalAlpha = 1;
  }
}
