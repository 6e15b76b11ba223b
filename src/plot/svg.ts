/** Elements of an SVG document as text. */

import { coordinate, escapeText } from './text.js';

/** Attributes of an element; numbers become coordinates. */
export type Attributes = Readonly<Record<string, string | number>>;

function writeAttributes(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${typeof value === 'number' ? coordinate(value) : escapeText(value)}"`)
    .join('');
}

/** An element whose children are elements already written. */
export function group(name: string, attributes: Attributes, children: readonly string[]): string {
  return `<${name}${writeAttributes(attributes)}>\n${children.join('\n')}\n</${name}>`;
}

/** An element without content. */
export function element(name: string, attributes: Attributes): string {
  return `<${name}${writeAttributes(attributes)}/>`;
}

/** An element that holds text. */
export function textElement(name: string, attributes: Attributes, text: string): string {
  return `<${name}${writeAttributes(attributes)}>${escapeText(text)}</${name}>`;
}
