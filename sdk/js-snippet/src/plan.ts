/** The quote as `GET /v1/plans` answers it. Amounts are integer fen, rates decimal text per year. */

export interface Instalment {
  period: number;
  /** Calendar date in Shanghai, `2026-12-23`. */
  due_date: string;
  principal: number;
  interest: number;
  fee: number;
  payment: number;
  balance: number;
}

export interface Plan {
  object: 'plan';
  term: number;
  method: string;
  amount: number;
  financed_amount: number;
  installment: { first: number; regular: number; last: number };
  total_payment: number;
  total_interest: number;
  total_fee: number;
  /** `nominal`: 12 x the monthly internal rate of return (单利); `effective`: compound. */
  annual_rate: { nominal: string; effective: string };
  interest_free: boolean;
  merchant_subsidy: number;
  schedule: Instalment[];
  disclosure: Record<string, unknown>;
  quote_hash: string;
}

export interface Unavailable {
  term: number;
  reason: string;
  min_amount: number | null;
  max_amount: number | null;
}

export interface Quote {
  amount: number;
  plans: Plan[];
  unavailable: Unavailable[];
}

/** The annual rate on the simple basis (单利), 0.18 for 18 %. */
export const nominal = (plan: Plan): number => Number(plan.annual_rate.nominal);

/** Interest-free may be said only when the rate, which counts interest and every fee, is nothing as well. */
export const isFree = (plan: Plan): boolean => plan.interest_free && !nominal(plan);

/** Whether this is a quote for `amount` fen whose every schedule adds up to its total. Throws on what is no quote. */
export const isSound = (quote: Quote, amount: number): boolean =>
  quote.amount === amount &&
  Array.isArray(quote.unavailable) &&
  quote.plans.every(
    (plan) =>
      nominal(plan) >= 0 &&
      plan.schedule.reduce((sum, row) => sum + row.payment, 0) === plan.total_payment,
  );
