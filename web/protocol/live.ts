/** What the page of this machine and its worker say to each other. Both import it; nothing else passes between them. */
import type { MachineAnswer, MachineCommand, MachineState, SeenFor } from '../../src/lab/index.js';
import type { PageFigureData } from '../../src/plot/index.js';

/** From the page. */
export type LiveRequest =
  /** Has states told, with the secret of the address, until it is ended. */
  | { readonly type: 'begin'; readonly token: string }
  | { readonly type: 'end' }
  /** The last picture is shown: there is room for the next. */
  | { readonly type: 'shown' }
  /** Draws a connection, by what `connectionKey` gives; undefined for the busiest. */
  | { readonly type: 'choose'; readonly key: string | undefined }
  /** Has something done; answered by `answered` with the same number. */
  | { readonly type: 'control'; readonly number: number; readonly command: MachineCommand };

/** A state, and what became of the minute before it. */
export interface LivePicture {
  readonly type: 'picture';
  readonly state: MachineState;
  /** How long each connection has been seen, in the order of the state's. */
  readonly seenFor: readonly (SeenFor | undefined)[];
  /** Key of the connection that is drawn; undefined where there is none. */
  readonly drawn: string | undefined;
  readonly figures: readonly PageFigureData[];
}

/** Why there are no states. */
export type LiveTrouble =
  /** The server does not know the secret: it is another one by now, or the address was not copied whole. */
  | 'refused'
  /** Too many pages look. */
  | 'busy'
  /** It does not answer; it is tried again. */
  | 'gone';

/** From the worker. */
export type LiveReply =
  | LivePicture
  | { readonly type: 'trouble'; readonly trouble: LiveTrouble }
  | { readonly type: 'answered'; readonly number: number; readonly answer: MachineAnswer };
