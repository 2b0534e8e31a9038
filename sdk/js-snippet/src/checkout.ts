import { el } from './dom.js';
import { checked, ORIGIN } from './problem.js';

/** Where the shopper goes: the `url` of the checkout that the merchant's server has created. */
export interface CheckoutAddress {
  url: string;
}

export interface CheckoutOptions extends CheckoutAddress {
  /** `modal` shows the checkout in a dialog of this page; `redirect`, the default, leaves the page for it. */
  mode?: 'redirect' | 'modal';
}

/** How a checkout ended for this page. It is a hint for what to show next: ask your server for the truth. */
export interface CheckoutResult {
  /**
   * `redirected`: the page is being left, or a listener has prevented that. `closed`: the shopper closed the dialog.
   * Else the status that the checkout's page showed: `approved`, `under_review`, `declined`, `canceled`, `expired`.
   */
  status: string;
  checkout_id?: string;
}

type Modal = typeof import('./modal.js');

/** The file with the dialog, of the very version and bytes that this one knows, from the gateway of the checkout. */
const load = (origin: string): Promise<Modal> =>
  FENQI_STANDALONE
    ? new Promise((resolve, reject) => {
        const script = Object.assign(el('script', ''), {
          integrity: FENQI_MODAL,
          crossOrigin: '',
          onload: () => resolve(window.FenqiModal!),
          onerror: reject,
          src: `${origin}/js/v${FENQI_VERSION}/modal.js`,
        });
        document.head.append(script);
      })
    : import('./modal.js');

/**
 * Show the checkout in a dialog of this page (`modal`), or go to it in this window: also where a dialog cannot be, as in
 * the browsers of WeChat and Alipay, under a policy without `frame-src`, or on a page that the gateway does not know.
 * Rejects with `FenqiError` when `url` is no http(s) address.
 */
export const openCheckout = async ({ url, mode }: CheckoutOptions): Promise<CheckoutResult> => {
  const origin = checked('url', url, ORIGIN);
  if (mode === 'modal')
    try {
      return await (await load(origin)).openModal(url);
    } catch {}
  const detail = { url, mode: 'redirect' };
  if (document.dispatchEvent(new CustomEvent('fenqi:checkout', { detail, cancelable: true }))) location.assign(url);
  return { status: 'redirected' };
};

/** Go to the checkout in this window: `openCheckout` without a dialog. */
export const redirectToCheckout = ({ url }: CheckoutAddress): Promise<unknown> => openCheckout({ url });

declare global {
  interface Window {
    FenqiModal?: Modal;
  }
}
