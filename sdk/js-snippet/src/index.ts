import { FenqiButton } from './button-element.js';
import { openCheckout, redirectToCheckout } from './checkout.js';
import { FenqiMessage } from './message-element.js';
import { quote } from './quote.js';

/** The version of this package, `1.0.0`. */
export const version: string = FENQI_VERSION;

export type { FenqiError, ProblemCode } from './problem.js';
export type { Instalment, Plan } from './plan.js';
export type { QuoteOptions } from './request.js';
export type { CheckoutAddress, CheckoutOptions, CheckoutResult } from './checkout.js';
export { FenqiButton, FenqiMessage, openCheckout, quote, redirectToCheckout };

/** A second copy of the script changes nothing. */
const define = (tag: string, element: CustomElementConstructor) =>
  customElements.get(tag) ?? customElements.define(tag, element);

// A server has no sheets, and a browser without constructable ones keeps the fallback link.
if ((globalThis.CSSStyleSheet?.prototype as Partial<CSSStyleSheet> | undefined)?.replaceSync) {
  define('fenqi-message', FenqiMessage);
  define('fenqi-button', FenqiButton);
}

declare global {
  interface HTMLElementTagNameMap {
    'fenqi-message': FenqiMessage;
    'fenqi-button': FenqiButton;
  }
}
