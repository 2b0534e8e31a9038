import { checked } from './problem.js';

/** Where the shopper goes: the `url` of the checkout that the merchant's server has created. */
export interface CheckoutAddress {
  url: string;
}

/**
 * Go to the checkout in this window, unless a listener of `fenqi:checkout` on the document prevents it.
 * Rejects with `FenqiError` when `url` is no http(s) address.
 */
export const redirectToCheckout = async ({ url }: CheckoutAddress): Promise<void> => {
  checked('url', url, /^https?:\/\/[^/?#\s]+/);
  const detail = { url, mode: 'redirect' };
  if (document.dispatchEvent(new CustomEvent('fenqi:checkout', { detail, cancelable: true }))) location.assign(url);
};
