/**
 * The views of the lab, each loaded when it is looked at first: who comes for one does not wait for the others.
 *
 * A view that was visited stays in the document, hidden, until the page is closed: whoever comes back finds the run, the
 * capture, the places in figures as they were left, and the address has the last query of the view again. What a view must
 * know of that:
 *
 * - It is mounted once. Its session may live as long as the component does, and `isShown` says whether somebody looks: while
 *   nobody does, clocks stand, workers are asked for nothing that is only looked at, and keys of the whole document are
 *   somebody else's. What goes on by itself, such as a capture that is being read, may go on.
 * - Figures and canvases have no size while they are hidden, which must not be an error; they are drawn when they have one
 *   again (`Figure` sees to that).
 * - It reads the address only while `address.value.view` is its own, and writes it by `replaceQuery` at any time.
 * - Several views are in the document at a time: `[data-view=NAME]` is around each.
 */
import type { ReadonlySignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import type { ViewName } from './address.js';

/** What every view is given; one that has no use for it takes nothing. */
export interface ViewProps {
  /** Whether the view is the one that is looked at. */
  readonly isShown: ReadonlySignal<boolean>;
}

export interface View {
  readonly title: string;
  readonly load: () => Promise<ComponentType<ViewProps>>;
}

export const views: Readonly<Record<ViewName, View>> = {
  playground: {
    title: 'Playground',
    load: async () => (await import('./playground/view.js')).PlaygroundView,
  },
  capture: {
    title: 'Capture',
    load: async () => (await import('./capture/view.js')).CaptureView,
  },
  experiments: {
    title: 'Experiments',
    load: async () => (await import('./experiments/view.js')).ExperimentsView,
  },
  live: {
    title: 'Live',
    load: async () => (await import('./live/view.js')).LiveView,
  },
  learn: {
    title: 'Learn',
    load: async () => (await import('./learn/view.js')).LearnView,
  },
};
