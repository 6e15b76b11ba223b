/** The views of the lab, each loaded when it is looked at first: who comes for one does not wait for the others. */
import type { ComponentType } from 'preact';
import type { ViewName } from './address.js';

export interface View {
  readonly title: string;
  readonly load: () => Promise<ComponentType>;
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
};
