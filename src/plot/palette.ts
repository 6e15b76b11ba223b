/**
 * Colours, dashes and marks of the series. The colours are those of Okabe and Ito ("Color Universal Design", 2008),
 * which people with any kind of colour blindness tell apart; dashes and marks do the same on paper without colour.
 */

/** How a series looks. */
export interface SeriesStyle {
  readonly color: string;
  /** The same on a dark ground. */
  readonly darkColor: string;
  /** Its place in the palette. */
  readonly place: number;
  /** `stroke-dasharray`; empty for a solid line. */
  readonly dash: string;
  /** Outline of its mark, around the origin, about 8 units across. */
  readonly mark: string;
}

const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000', '#a79200'];
const darkColors = ['#3ba0e6', '#f0702c', '#1fc795', '#dd93bd', '#8fd0f5', '#f0b43c', '#f2f2f2', '#c9b32f'];
const dashes = ['', '7 3', '2 2', '9 3 2 3', '', '7 3', '2 2', '9 3 2 3'];
const marks = [
  'M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z',
  'M-3 -3h6v6h-6z',
  'M0 -4l4 7h-8z',
  'M0 -4l4 4l-4 4l-4 -4z',
  'M0 4l4 -7h-8z',
  'M-4 -1h3v-3h2v3h3v2h-3v3h-2v-3h-3z',
  'M-3 -1h6v2h-6z',
  'M-1 -4h2v8h-2z',
];

/** The style of series number `index`; there are as many as a figure may have series. */
export function seriesStyle(index: number): SeriesStyle {
  const at = index % colors.length;
  return {
    ...{ color: colors[at]!, darkColor: darkColors[at]!, place: at },
    ...{ dash: dashes[at]!, mark: marks[at]! },
  };
}
