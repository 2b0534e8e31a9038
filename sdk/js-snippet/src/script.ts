/** What `<script src="…/fenqi.js">` runs: the elements, and `Fenqi` on the window. A second copy changes nothing. */
import { openCheckout, quote, redirectToCheckout, version } from './index.js';

declare global {
  interface Window {
    Fenqi?: {
      openCheckout: typeof openCheckout;
      quote: typeof quote;
      redirectToCheckout: typeof redirectToCheckout;
      version: string;
    };
  }
}

window.Fenqi ??= { openCheckout, quote, redirectToCheckout, version };
