import { checked, ORIGIN } from './problem.js';

/** Where the script came from is the gateway; a bundled module cannot tell, so its pages name the gateway. */
const home = FENQI_STANDALONE ? (document.currentScript as HTMLScriptElement | null)?.src : undefined;

/** What a quote is asked for: the options of `Fenqi.quote`, and as text the attributes of `<fenqi-message>`. */
export interface QuoteOptions {
  /** Publishable key, `pk_test_…` or `pk_live_…`. */
  key?: string | null;
  /** Fen, a whole number above 0: `599900` is 5,999.00 yuan. */
  amount?: number | string | null;
  /** Terms in months, such as `[3, 6]` or `"3,6"`; all that the merchant offers when left out. */
  terms?: readonly number[] | string | null;
  category?: string | null;
  /** Origin of the gateway; that of the script when left out. */
  gateway?: string | null;
}

export interface QuoteRequest {
  amount: number;
  url: string;
}

/** What each may look like; nothing here needs escaping in an address. */
const FORMS = {
  key: /^pk_(test|live)_\w+$/,
  amount: /^[1-9]\d{0,14}$/,
  terms: /^[\d,]*$/,
  category: /^\w*$/,
};

/** The address that answers these options. Throws `FenqiError` naming the option that is wrong. */
export const quoteRequest = (options: QuoteOptions): QuoteRequest => {
  const gateway = checked('gateway', options.gateway ?? home, ORIGIN);
  const query = Object.entries(FORMS).flatMap(([name, form]) => {
    const text = checked(name, options[name as keyof typeof FORMS], form);
    return text ? `${name}=${text}` : [];
  });
  return { amount: +options.amount!, url: `${gateway}/v1/plans?${query.join('&')}` };
};
