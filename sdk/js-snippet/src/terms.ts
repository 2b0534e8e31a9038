/** The words that stand for a set of plans, shared by the price line and the dialog. */
import { Text, type Say } from './catalog.js';
import { el } from './dom.js';
import { percent, yuan } from './format.js';
import { isFree, nominal, type Plan, type Unavailable } from './plan.js';

/** Both ends, never the lower one alone; one figure when they are the same. */
const range = (values: number[], show: (value: number) => string): string =>
  [...new Set([show(Math.min(...values)), show(Math.max(...values))])].join(' – ');

/** `3/6/12 期`. */
export const months = (say: Say, plans: Plan[]): string => say(Text.Months, plans.map((plan) => plan.term).join('/'));

/** What an instalment comes to; of a single plan also the first and last payment where they differ from the others. */
export const payments = (say: Say, plans: Plan[]): HTMLElement => {
  const { first, regular, last } = plans[0]!.installment;
  const rows = plans.flatMap(({ schedule }) => (plans[1] ? schedule : schedule.slice(1, -1)));
  const end = (text: Text, fen: number) =>
    plans[1] || fen === regular ? '' : el('small', '', say(text, yuan(say, fen)));
  return el(
    'span',
    '',
    say(Text.Each),
    el('b', '', range(rows.map((row) => row.payment), (fen) => yuan(say, fen))),
    end(Text.First, first),
    end(Text.Last, last),
  );
};

/** The annual rate with its basis, as prominent as the payment beside it. */
export const rate = (say: Say, plans: Plan[]): HTMLElement =>
  el('span', '', say(Text.Rate), el('b', '', range(plans.map(nominal), percent)));

/** The interest-free mark, naming the terms it is true for when others stand beside them. */
export const freeMark = (say: Say, plans: Plan[]): HTMLElement | string => {
  const free = plans.filter(isFree);
  return free[0] ? el('small', 'badge', plans[1] ? `${months(say, free)} ` : '', say(Text.Free)) : '';
};

/** A plan at a glance: its term, payments and annual rate. */
export const gist = (say: Say, plan: Plan, chosen: boolean): HTMLElement[] => {
  const term = months(say, [plan]);
  return [
    el('b', 'row', chosen ? say(Text.Chosen, term) : term, freeMark(say, [plan])),
    payments(say, [plan]),
    rate(say, [plan]),
  ];
};

/** Why an amount has no plan: the limits it misses, else only that there is none. */
export const reason = (say: Say, amount: number, unavailable: Unavailable[]): string => {
  const highest = Math.max(...unavailable.map((one) => one.max_amount ?? amount).filter((fen) => fen < amount));
  const lowest = Math.min(...unavailable.map((one) => one.min_amount ?? amount).filter((fen) => fen > amount));
  const limits = [highest > 0 && say(Text.Above, yuan(say, highest)), lowest < 1 / 0 && say(Text.Below, yuan(say, lowest))];
  return limits.filter(Boolean).join(' / ') || say(Text.None);
};
