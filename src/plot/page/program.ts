/**
 * The program inside a page, as text: the page holds it, as it has no other file. It is made of the classes beside this
 * module, each of which stands for itself: what it needs of others is given to its constructor, so that it may be moved
 * into a page as it is.
 */

import { describeValue, makeTicks, prefixFor, roundStep, ticksWithin } from '../ticks.js';
import { FigurePanel } from './figure-panel.js';
import { FigureView } from './figure-view.js';
import { Frame } from './frame.js';
import { Page } from './page.js';
import { Painter } from './painter.js';
import { PixelCover } from './pixel-cover.js';
import { TimeRange } from './time-range.js';

const functions = [prefixFor, roundStep, makeTicks, ticksWithin, describeValue];
const classes = [TimeRange, Frame, FigureView, PixelCover, Painter, FigurePanel, Page];
const parts = ['TimeRange', 'Frame', 'FigureView', 'PixelCover', 'Painter', 'FigurePanel', 'describeValue'];

/** Reads the element `data`, and fills the elements `figures` and `live` (see render.ts). */
export const pageProgram = `'use strict';
{
${[...functions, ...classes].map(String).join('\n')}
const figures = JSON.parse(document.getElementById('data').textContent);
new Page(document, window, figures, { ${parts.join(', ')}, findTicks: ticksWithin });
}
`;
