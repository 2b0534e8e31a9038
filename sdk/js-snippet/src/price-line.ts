import { Text, type Say } from './catalog.js';
import { button, el } from './dom.js';
import type { Offer } from './offer.js';
import type { Plan } from './plan.js';
import { freeMark, gist, months, payments, rate, reason } from './terms.js';

/** A button that opens the dialog. */
const opener = (...given: Parameters<typeof button>): HTMLButtonElement => {
  const node = button(...given);
  node.ariaHasPopup = 'dialog';
  return node;
};

const heading = (say: Say, plans: Plan[]): HTMLElement =>
  el('span', '', el('b', '', say(Text.Brand)), ` ${months(say, plans)}`);

const variants = {
  text({ say, unfold }: Offer, plans: Plan[]): Node[] {
    return [
      el('div', 'row', heading(say, plans), freeMark(say, plans), opener('trigger', () => unfold(), say(Text.See))),
      el('div', 'row', payments(say, plans), rate(say, plans)),
    ];
  },
  badge({ say, unfold }: Offer, plans: Plan[]): Node[] {
    return [opener('pill row', () => unfold(), heading(say, plans), rate(say, plans))];
  },
  cards({ say, quote, chosen, unfold }: Offer): Node[] {
    const card = (plan: Plan) =>
      opener(
        plan === chosen ? 'card on' : 'card',
        () => unfold(plan.term),
        ...gist(say, plan, plan === chosen),
      );
    return [el('div', 'cards', ...quote.plans.map(card))];
  },
};

export type Variant = keyof typeof variants;

/** What stands on the product page: the offer in the chosen form, or why there is none. */
export const priceLine = (variant: Variant, offer: Offer): Node[] => {
  const { say, quote, chosen } = offer;
  return quote.plans[0]
    ? variants[variant](offer, chosen ? [chosen] : quote.plans)
    : [el('div', 'none', reason(say, quote.amount, quote.unavailable))];
};
