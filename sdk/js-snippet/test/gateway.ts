/** A gateway for the browser tests: answers quotes as `GET /v1/plans` does, by the rules of the real arithmetic. */
import type { Plan, Quote } from '../src/plan.js';
import phone from './quote-599900.json';

export const KEY = 'pk_test_shop';

const MINIMUM = 60_000;
const MAXIMUM = 10_000_000;

/** Interest-free over three periods: equal principal, the last one takes the rest. */
const interestFree = (amount: number): Plan => {
  const part = Math.floor(amount / 3);
  const [template] = phone.plans as Plan[];
  let balance = amount;
  const schedule = template!.schedule.map((row, index) => {
    const principal = index < 2 ? part : balance;
    balance -= principal;
    return { ...row, principal, payment: principal, balance };
  });
  const installment = { first: part, regular: part, last: schedule[2]!.payment };
  return { ...template!, amount, financed_amount: amount, installment, total_payment: amount, schedule };
};

export const quoteFor = (amount: number, terms?: string | null): Quote => {
  const between = amount >= MINIMUM && amount <= MAXIMUM;
  const offered = amount === phone.amount ? (phone.plans as Plan[]) : between ? [interestFree(amount)] : [];
  const wanted = terms?.split(',').map(Number);
  const reason = amount < MINIMUM ? 'amount_below_minimum' : 'amount_above_maximum';
  return {
    amount,
    plans: offered.filter((plan) => !wanted || wanted.includes(plan.term)),
    unavailable: offered.length ? [] : [{ term: 3, reason, min_amount: MINIMUM, max_amount: MAXIMUM }],
  };
};

type Answer = (url: URL) => Response | Promise<Response>;

export const json = (body: unknown, status = 200): Response => Response.json(body, { status });

const quotes: Answer = ({ searchParams }) =>
  json({ object: 'list', currency: 'CNY', ...quoteFor(Number(searchParams.get('amount')), searchParams.get('terms')) });

/** Puts itself in the place of `fetch`, remembers what it was asked, and honours aborts as the network does. */
export class FakeGateway {
  readonly asked: URL[] = [];
  aborted = 0;
  answer: Answer = quotes;
  /** Milliseconds before an answer, by amount. */
  delay: (amount: number) => number = () => 0;

  install(target: Window = window): this {
    target.fetch = ((input: string, init?: RequestInit) => this.#fetch(new URL(input), init?.signal)) as typeof fetch;
    return this;
  }

  async #fetch(url: URL, signal?: AbortSignal | null): Promise<Response> {
    this.asked.push(url);
    let pending = true;
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, this.delay(Number(url.searchParams.get('amount'))));
      signal?.addEventListener('abort', () => {
        if (pending) this.aborted += 1;
        reject(new DOMException('The operation was aborted.', 'AbortError'));
      });
    });
    pending = false;
    return this.answer(url);
  }
}
