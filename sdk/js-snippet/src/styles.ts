const NAMES = ['accent', 'on-accent', 'color', 'muted', 'surface', 'border', 'line', 'promo', 'promo-surface'];

/** A theme's colours in the order of the names; every pair has a contrast of 4.5 for text and 3 for controls. */
const theme = (colors: string): string =>
  colors
    .split(' ')
    .map((color, index) => `--${NAMES[index]}:var(--fq-${NAMES[index]},${color})`)
    .join(';');

const LIGHT = theme('#0b57d0 #fff #1f2329 #57606a #fff #868e99 #e3e6ea #9b1c1c #fde8e8');
const DARK = theme('#8ab4f8 #10213f #e8eaed #b4bac3 #1d2025 #7d8590 #363b43 #ffb4ab #4a1512') + ';color-scheme:dark';

const CSS = `:host{${LIGHT};color:var(--color);font-family:var(--fq-font,inherit);font-variant-numeric:tabular-nums}
:host([theme=dark]){${DARK}}
@media(prefers-color-scheme:dark){:host([theme=auto]){${DARK}}}
:host(fenqi-message),slot{display:block}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;margin:0;padding:0}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
button{border:0;border-radius:8px;background:none;color:inherit;font:inherit;cursor:pointer}
b,h2,.badge,.trigger,.cta,.pay{font-weight:600}
b,.badge{white-space:nowrap}
small,dt,table,p{font-size:12px}
small{margin-left:8px}
slot,.line{line-height:1.7}
slot{min-height:3.4em}
.row{display:flex;flex-wrap:wrap;gap:0 12px;align-items:baseline}
.busy *{visibility:hidden}
.busy button{visibility:visible}
.badge{margin:0;padding:0 6px;border-radius:4px;background:var(--promo-surface);color:var(--promo);line-height:20px}
.trigger{min-height:24px}
.trigger,summary{color:var(--accent)}
.trigger:hover,summary:hover{text-decoration:underline}
.trigger::after{content:" ›"/""}
.none,small,header,dt,p,th{color:var(--muted)}
.pill,.card,li{padding:8px 16px;border:1px solid var(--border);border-radius:var(--fq-radius,12px);background:var(--surface);font-size:14px;text-align:start}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(176px,1fr));gap:12px}
.card{display:grid}
.card .row,li b{font-size:16px}
dialog{width:520px;max-width:100%;max-height:88vh;margin:auto;border:0;border-radius:16px;overscroll-behavior:contain;background:var(--surface);color:var(--color);font-size:14px;font-weight:400;line-height:1.6;text-align:start;white-space:normal}
::backdrop{background:#0009}
header{position:sticky;top:0;padding:16px min(24px,4vw);border-bottom:1px solid var(--line);background:var(--surface)}
h2{color:var(--color);font-size:18px}
.close{float:right;width:44px;height:44px;font-size:28px}
.body{padding:16px min(24px,4vw) 24px}
li{margin-bottom:12px;padding:16px;border-color:var(--line);list-style:none}
li>span{display:block}
.pill:hover,.card:hover,.on{border-color:var(--accent)}
dl{display:grid;grid-template-columns:repeat(3,1fr);margin:12px 0}
.cta,.pay{min-height:44px;padding:0 20px;border:1px solid var(--accent);color:var(--accent)}
.cta{float:right}
.cta:hover,.on .cta,.pay{background:var(--accent);color:var(--on-accent)}
:disabled{opacity:.5}
summary{line-height:44px;cursor:pointer}
table{clear:both;width:100%;border-collapse:collapse}
th,td{padding:6px 0;border-top:1px solid var(--line);font-weight:400;text-align:end}
p{margin-top:8px}
@media(max-width:560px){dialog{margin-bottom:0;border-radius:16px 16px 0 0}}
@media(prefers-reduced-motion:no-preference){dialog{animation:.2s ease-out r}@keyframes r{from{translate:0 24px}}}`;

let shared: CSSStyleSheet | undefined;

/** One sheet for all elements of the page, built by script and so outside the page's `style-src`. */
export const sheet = (): CSSStyleSheet => {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(CSS);
  }
  return shared;
};
