/** Elements of a page as text. Whatever is not an element already is escaped here. */

import { escapeText } from '../../plot/index.js';

/** An element that holds `text`; its classes, if any. */
export function tag(name: string, text: string, kind = ''): string {
  return `<${name}${kind === '' ? '' : ` class="${kind}"`}>${escapeText(text)}</${name}>`;
}

/** A table of cells that are elements already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n');
  return `<div class="scroll"><table>\n<thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`;
}

/** An SVG as a data URL (RFC 2397), for an attribute: what neither may have as it stands is percent-encoded. */
export function svgUrl(svg: string): string {
  const encoded = svg
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[^A-Za-z0-9 =:/.,;()_-]/gu, encodeURIComponent)
    .replaceAll("'", '%27');
  return `data:image/svg+xml,${encoded}`;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };

/** What an SVG says it shows, by its title and description; undefined where it says nothing. */
export function svgText(svg: string): string | undefined {
  const found = /<title>([^<]*)<\/title>(?:\s*<desc>([^<]*)<\/desc>)?/.exec(svg);
  if (found === null) return undefined;
  const [, title, description = ''] = found;
  const text = description === '' ? title! : `${title!}. ${description}`;
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (_whole, name: string) => entities[name]!);
}
