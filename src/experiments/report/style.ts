/** How a report looks: in light and dark, on a screen of any width and on paper. */

export const reportStyle = `
:root { color-scheme: light dark; --text: #222; --soft: #505050; --ground: #fff; --stripe: #f4f5f7; --edge: #c9ccd1; --link: #004f7c; --good: #00624a; --bad: #a32d00; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: #e6e8ec; --soft: #b4b9c2; --ground: #16181d; --stripe: #1f2229; --edge: #444953; --link: #7cc4f5; --good: #43d6ab; --bad: #ff9a6b; }
  img { filter: invert(0.91) hue-rotate(180deg); }
}
body { font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif; color: var(--text); background: var(--ground); margin: 32px auto; max-width: 1100px; padding: 0 16px; }
h1 { font-size: 24px; } h2 { font-size: 20px; margin: 56px 0 8px; } h3 { font-size: 16px; margin: 28px 0 8px; }
a { color: var(--link); } p, dd, td { overflow-wrap: anywhere; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 12px 0; } dt { color: var(--soft); } dd { margin: 0; }
code { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; background: var(--stripe); padding: 2px 5px; border-radius: 3px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--edge); } th { font-weight: 600; } thead th { border-bottom-width: 2px; }
tbody tr:nth-child(even) { background: var(--stripe); } .number { text-align: right; white-space: nowrap; padding-left: 12px; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
figure { margin: 16px 0; } img { display: block; max-width: 100%; height: auto; } figcaption { font-size: 13px; color: var(--soft); }
@media print {
  :root { color-scheme: light; } body { margin: 0; max-width: none; font-size: 11px; } table { font-size: 10px; } .scroll { overflow: visible; }
  h2 { break-before: page; } section:first-of-type h2 { break-before: auto; } h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
`;
