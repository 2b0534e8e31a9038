import type { Say } from './catalog.js';
import type { Plan, Quote } from './plan.js';

/** A quote as one element offers it: in which language, what the shopper has chosen, and what they may do. */
export interface Offer {
  say: Say;
  quote: Quote;
  chosen: Plan | undefined;
  /** Show all plans, beginning with that of `term` months if given. */
  unfold: (term?: number) => void;
  /** Take a plan, or pay in full. */
  take: (plan?: Plan) => void;
}
