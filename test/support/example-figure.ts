import type { XyFigure } from '../../src/plot/index.js';

/** A figure with a series of every kind, a marker, and words that would break what is printed carelessly. */
export const exampleFigure: XyFigure = {
  kind: 'xy',
  title: 'Data sequence: <one>',
  caption: 'Says </script> what is seen.',
  x: { label: 'time', unit: 's' },
  y: { label: 'position', unit: 'B' },
  series: [
    {
      ...{ name: 'subflow 1', kind: 'segments', style: 1 },
      points: [
        { x: 0, y: 0, top: 1000, packet: 4 },
        { x: 1, y: 1000, top: 2000, packet: 9 },
      ],
    },
    {
      name: 'DATA_ACK, whole',
      kind: 'step',
      points: [
        { x: 0, y: 0 },
        { x: 0.5, y: 1000, packet: 6 },
      ],
    },
    {
      name: 'queue',
      kind: 'area',
      points: [
        { x: 0, y: 0, top: 10 },
        { x: 1, y: 5, top: 5 },
      ],
    },
    { name: 'again', kind: 'scatter', points: [{ x: 0.7, y: 500, packet: 8 }] },
  ],
  markers: [{ x: 0.5, label: 'subflow 0 → 1' }],
};
