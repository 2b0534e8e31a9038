import rules from './styles.css?raw';

const NAMES = 'accent on-accent color muted surface border line promo promo-surface'.split(' ');

/** A theme's colours in the order of the names; every pair has a contrast of 4.5 for text and 3 for controls. */
const theme = (colors: string): string =>
  colors
    .split(' ')
    .map((color, index) => `--${NAMES[index]}:var(--fq-${NAMES[index]},${color})`)
    .join(';');

const LIGHT = theme('#0b57d0 #fff #1f2329 #57606a #fff #868e99 #e3e6ea #9b1c1c #fde8e8');
const DARK = theme('#8ab4f8 #10213f #e8eaed #b4bac3 #1d2025 #7d8590 #363b43 #ffb4ab #4a1512') + ';color-scheme:dark';

const CSS = `:host{${LIGHT}}:host([theme=dark]){${DARK}}@media(prefers-color-scheme:dark){:host([theme=auto]){${DARK}}}${rules}`;

let shared: CSSStyleSheet | undefined;

/** One sheet for all elements of the page, built by script and so outside the page's `style-src`. */
export const sheet = (): CSSStyleSheet => {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(CSS);
  }
  return shared;
};
