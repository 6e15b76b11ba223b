/** How a page looks, in light and dark, on a screen of any width and on paper. */

export const pageStyle = `
:root { color-scheme: light dark; --text: #222; --soft: #505050; --ground: #fff; --link: #004f7c; --edge: #999; --tip: #222; --tip-text: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8ec; --soft: #b4b9c2; --ground: #16181d; --link: #7cc4f5; --edge: #6a707a; --tip: #e6e8ec; --tip-text: #16181d; }
}
body { font: 15px/1.45 system-ui, Helvetica, Arial, sans-serif; color: var(--text); background: var(--ground); margin: 24px auto; max-width: 1200px; padding: 0 16px; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin: 36px 0 8px; overflow-wrap: anywhere; }
nav a { display: inline-block; margin-right: 16px; } a { color: var(--link); }
.above { display: flex; flex-wrap: wrap; gap: 6px 24px; justify-content: space-between; margin-bottom: 6px; }
.legend label { display: inline-block; margin-right: 18px; white-space: nowrap; cursor: pointer; }
.legend input { margin: 0 4px 0 0; vertical-align: -2px; }
.sample { width: 34px; height: 16px; margin-right: 6px; vertical-align: -3px; }
.buttons { margin-left: auto; }
button { font: inherit; font-size: 13px; color: inherit; background: none; border: 1px solid var(--edge); border-radius: 4px; padding: 2px 8px; margin-left: 6px; cursor: pointer; }
.frame { position: relative; } .frame canvas { display: block; width: 100%; height: 460px; touch-action: pan-y; cursor: crosshair; }
canvas:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid #0072b2; outline-offset: 1px; }
.tip { position: absolute; pointer-events: none; background: var(--tip); color: var(--tip-text); padding: 4px 8px; border-radius: 4px; font-size: 14px; width: max-content; max-width: 400px; white-space: pre-line; }
.ring { position: absolute; pointer-events: none; width: 14px; height: 14px; margin: -9px; border: 2px solid var(--text); border-radius: 50%; }
[hidden] { display: none; }
.before { transform: translateX(-100%); }
#help { color: var(--soft); } kbd { border: 1px solid var(--edge); border-radius: 3px; padding: 0 4px; }
#live { position: absolute; left: -9999px; }
@media print { #help, nav, .buttons, input { display: none; } }
`;
