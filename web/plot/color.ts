/** Colours of the palette in the theme that is shown. */
import { seriesStyle } from '../../src/plot/index.js';
import { isDark } from '../theme.js';

/** The colour of a place in the palette: a path, or a subflow, as figures draw it. */
export function colorAt(place: number): string {
  return shownColor(seriesStyle(place));
}

/** That of the two which the theme asks for. */
export function shownColor(of: { readonly color: string; readonly darkColor: string }): string {
  return isDark.value ? of.darkColor : of.color;
}
