/** What `<script src="…/fenqi.js">` runs: the elements, and `Fenqi` on the window. A second copy changes nothing. */
import { Fenqi } from './index';

declare global {
  interface Window {
    Fenqi?: typeof Fenqi;
  }
}

window.Fenqi ??= Fenqi;
