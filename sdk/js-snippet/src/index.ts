import { FenqiButton } from './button-element';
import { redirectToCheckout } from './checkout';
import { FenqiMessage } from './message-element';
import { quote } from './quote';

declare const FENQI_VERSION: string;

/** The version of this package, `1.0.0`. */
export const version: string = FENQI_VERSION;

export const Fenqi = { quote, redirectToCheckout, version };

export { FenqiError, type ProblemCode } from './problem';
export type { Instalment, Plan } from './plan';
export type { QuoteOptions } from './request';
export type { CheckoutAddress } from './checkout';
export { FenqiButton, FenqiMessage, quote, redirectToCheckout };

/** A second copy of the script changes nothing. */
const define = (tag: string, element: CustomElementConstructor) =>
  customElements.get(tag) ?? customElements.define(tag, element);

// A server has no sheets, and a browser without constructable ones keeps the fallback link.
if (globalThis.CSSStyleSheet && 'replaceSync' in CSSStyleSheet.prototype) {
  define('fenqi-message', FenqiMessage);
  define('fenqi-button', FenqiButton);
}

declare global {
  interface HTMLElementTagNameMap {
    'fenqi-message': FenqiMessage;
    'fenqi-button': FenqiButton;
  }
}
