/**
 * Figures that were written down and are read again. As an image nothing in an SVG document runs or is fetched, but what
 * it refers to is drawn, and what refers to itself in steps is drawn for ever. So only what figures of this program are made
 * of is shown: a few elements, plain attributes, and references one step deep.
 */

/** Longest figure, in characters. */
export const MAX_FIGURE_LENGTH = 8e6;

/** What `renderFigure` writes. */
const elements = new Set('svg title desc g rect line path text clipPath pattern'.split(' '));
/** What others refer to: it refers to nothing itself. */
const referred = new Set(['clipPath', 'pattern']);
const forbidden = /^(?:on|style$|filter$|mask|href$|class$)/i;

/** Whether `svg` is made as figures of this program are. */
export function isSavedFigure(svg: string): boolean {
  if (svg.length > MAX_FIGURE_LENGTH || !svg.startsWith('<svg ')) return false;
  const token = /[^<]+|<\/([A-Za-z]+)>|<([A-Za-z]+)((?: [A-Za-z0-9-]+="[^"<>]*")*)(\/?)>/gy;
  const open: string[] = [];
  let end = 0;
  for (let match = token.exec(svg); match !== null; match = token.exec(svg)) {
    end = token.lastIndex;
    const [, closed, name, attributes = '', isEmpty] = match;
    if (closed !== undefined && open.pop() !== closed) return false;
    if (name === undefined) continue;
    const isReferred = open.some((outer) => referred.has(outer));
    if (!elements.has(name) || !arePlain(attributes, isReferred) || (isReferred && referred.has(name)))
      return false;
    if (isEmpty === '') open.push(name);
    if (open.length > MAX_DEPTH) return false;
  }
  return end === svg.length && open.length === 0;
}

/** Most elements within each other. */
const MAX_DEPTH = 16;

function arePlain(attributes: string, isReferred: boolean): boolean {
  const names = [...attributes.matchAll(/ ([A-Za-z0-9-]+)="/g)].map(([, name]) => name!);
  return names.every((name) => !forbidden.test(name)) && !(isReferred && /url\(/i.test(attributes));
}
