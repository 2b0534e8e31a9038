import { isSound, type Plan, type Quote } from './plan.js';
import { problem, type ProblemCode } from './problem.js';
import { quoteRequest, type QuoteOptions, type QuoteRequest } from './request.js';

const FRESH_MS = 60_000;
const TIMEOUT_MS = 8_000;

interface Flight {
  quote: Promise<Quote>;
  /** How many wait for the answer; when none is left, the fetch is aborted. Infinite once it has come. */
  waiting: number;
  abort: () => void;
}

/** Quotes of this page by address: what is under way is shared, what has come is kept for a minute. */
const flights = new Map<string, Flight>();

/** Fetch, and name what went wrong: no answer, one too late, one that is no quote, or the page's policy in the way. */
const ask = async ({ url, amount }: QuoteRequest, controller: AbortController): Promise<Quote> => {
  let code: ProblemCode = 'network';
  const { signal } = controller;
  const violated = ({ blockedURI }: SecurityPolicyViolationEvent) => {
    if (blockedURI === url) code = 'blocked';
  };
  document.addEventListener('securitypolicyviolation', violated, { signal });
  setTimeout(() => {
    code = 'timeout';
    controller.abort();
  }, TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal });
    code = 'quote_failed';
    const body = await response.json();
    if (response.ok && isSound(body, amount)) return body;
    throw Error(`${body.code}: ${body.detail}`);
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve)); // a violation is reported after the rejection
    throw problem(code, (error as Error).message);
  } finally {
    controller.abort(); // the fetch is over; this takes the listener off
  }
};

const depart = (request: QuoteRequest): Flight => {
  const controller = new AbortController();
  const forget = () => flights.delete(request.url);
  const flight: Flight = {
    quote: ask(request, controller),
    waiting: 0,
    abort: () => {
      forget();
      controller.abort();
    },
  };
  flight.quote.then(() => {
    flight.waiting = Infinity;
    setTimeout(forget, FRESH_MS);
  }, forget);
  flights.set(request.url, flight);
  return flight;
};

/** One quote, shared by all who ask for the same; the fetch is aborted once every `signal` that waits for it is. */
export const sharedQuote = (request: QuoteRequest, signal?: AbortSignal): { quote: Promise<Quote>; cached: boolean } => {
  const known = flights.get(request.url);
  const flight = known ?? depart(request);
  flight.waiting += 1;
  signal?.addEventListener('abort', () => {
    if (!--flight.waiting) flight.abort();
  });
  return { quote: flight.quote, cached: !!known };
};

/** The plans for an amount, as the gateway quotes them. Rejects with `FenqiError`; never throws. */
export const quote = async (options: QuoteOptions): Promise<Plan[]> =>
  (await sharedQuote(quoteRequest(options)).quote).plans;
