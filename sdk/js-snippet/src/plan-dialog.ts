import { Text, type Say } from './catalog.js';
import { button, el } from './dom.js';
import { yuan } from './format.js';
import type { Offer } from './offer.js';
import type { Plan } from './plan.js';
import { gist, months, reason } from './terms.js';

const schedule = (say: Say, plan: Plan): HTMLElement => {
  const row = (tag: 'th' | 'td', cells: (string | number)[]) =>
    el('tr', '', ...cells.map((cell) => el(tag, '', `${cell}`)));
  return el(
    'details',
    '',
    el('summary', '', say(Text.Schedule)),
    el(
      'table',
      '',
      row('th', [Text.Number, Text.Due, Text.Principal, Text.Cost, Text.Payment].map((column) => say(column))),
      ...plan.schedule.map(({ period, due_date, principal, interest, fee, payment }) =>
        row('td', [period, due_date, ...[principal, interest + fee, payment].map((fen) => yuan(say, fen))]),
      ),
    ),
  );
};

/** The plan that costs least in all; of equal ones the shortest, for they come in the order of their terms. */
const cheapest = (plans: Plan[]): Plan => [...plans].sort((one, other) => one.total_payment - other.total_payment)[0]!;

const planCard = (plan: Plan, { say, quote, chosen, take }: Offer): HTMLElement => {
  const on = plan === chosen;
  const fact = (name: Text, fen: number) =>
    el('div', '', el('dt', '', say(name)), el('dd', '', yuan(say, fen)));
  const choose = button('cta', () => take(plan), say(Text.Choose, months(say, [plan])));
  choose.value = `${plan.term}`;
  const least = quote.plans[1] && plan === cheapest(quote.plans);
  return el(
    'li',
    on ? 'plan on' : 'plan',
    ...gist(say, plan, on),
    least ? el('p', '', say(Text.Least, yuan(say, plan.total_payment - plan.amount))) : '',
    el(
      'dl',
      '',
      fact(Text.Total, plan.total_payment),
      fact(Text.Interest, plan.total_interest),
      fact(Text.Fee, plan.total_fee),
    ),
    choose,
    schedule(say, plan),
  );
};

/**
 * The dialog with paying in full first, then every plan of a quote, its full cost and schedule; nothing is chosen beforehand.
 * Its `returnValue` says why it was closed, and is empty after Escape.
 */
export const planDialog = (offer: Offer): HTMLDialogElement => {
  const { say, quote, take } = offer;
  const leave = button('close', () => dialog.close('button'), '×');
  leave.ariaLabel = say(Text.Close);
  const dialog = el(
    'dialog',
    'dialog',
    el('header', '', leave, el('h2', '', say(Text.Plans)), say(Text.Price, yuan(say, quote.amount))),
    el(
      'div',
      'body',
      el(
        'ul',
        '',
        el(
          'li',
          'row',
          el('b', '', yuan(say, quote.amount)),
          button('cta', () => take(), say(Text.Full)),
        ),
        ...quote.plans.map((plan) => planCard(plan, offer)),
      ),
      ...quote.unavailable.map((one) =>
        el('p', '', `${say(Text.Months, one.term)}: ${reason(say, quote.amount, [one])}`),
      ),
      el('p', '', say(Text.Note)),
    ),
  );
  dialog.ariaLabel = say(Text.Plans);
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close('backdrop'));
  return dialog;
};
