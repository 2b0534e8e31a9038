/** What `<script src="…/fenqi.js">` runs: the elements, and `Fenqi` on the window. A second copy changes nothing. */
import { quote, redirectToCheckout, version } from './index.js';

declare global {
  interface Window {
    Fenqi?: { quote: typeof quote; redirectToCheckout: typeof redirectToCheckout; version: string };
  }
}

window.Fenqi ??= { quote, redirectToCheckout, version };
