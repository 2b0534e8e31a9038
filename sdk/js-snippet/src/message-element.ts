import { el } from './dom.js';
import { FenqiElement } from './element.js';
import type { Offer } from './offer.js';
import type { Plan, Quote } from './plan.js';
import { planDialog } from './plan-dialog.js';
import { priceLine, type Variant } from './price-line.js';
import type { FenqiError } from './problem.js';
import { sharedQuote } from './quote.js';
import { quoteRequest } from './request.js';

/** `<fenqi-message>`: the offer for an amount; its child link stands in until a quote has come, or when none can. */
export class FenqiMessage extends FenqiElement {
  static override readonly observedAttributes =
    'amount key publishable-key terms locale theme variant when-ineligible category gateway'.split(' ');
  declare amount: number | string | null;
  declare key: string | null;
  /** The same as `key`, for frameworks that keep that name for themselves (React, Vue). */
  declare publishableKey: string | null;
  declare terms: string | null;
  declare locale: string | null;
  declare theme: string | null;
  declare variant: string | null;
  declare whenIneligible: string | null;
  declare category: string | null;
  declare gateway: string | null;
  #fallback = el('slot', '');
  #line = el('div', 'line');
  #request = new AbortController();
  #chosen: Plan | undefined;
  #dialog: HTMLDialogElement | undefined;

  constructor() {
    super();
    this.shadow.append(this.#fallback, this.#line);
  }

  disconnectedCallback(): void {
    this.#request.abort();
    this.#dialog?.close('update');
  }

  /** Ask for the quote that the attributes name; a newer question makes the answer of an older one void. */
  protected async update(): Promise<void> {
    const before = this.#request;
    queueMicrotask(() => before.abort()); // after the new question, so that an equal one shares its fetch
    const { signal } = (this.#request = new AbortController());
    this.#dialog?.close('update');
    try {
      this.key ??= this.publishableKey;
      const request = quoteRequest(this);
      this.#line.className = 'line busy';
      const { quote, cached } = sharedQuote(request, signal);
      const answer = await quote;
      if (signal.aborted) return;
      this.#offer(answer, answer.plans.find((plan) => plan.term === this.#chosen?.term));
      this.emit('ready', { plans: answer.plans, amount: answer.amount, cached });
    } catch (error) {
      if (signal.aborted) return;
      this.#show([], true);
      this.report(error as FenqiError);
    }
  }

  /** Write the line anew and show or hide the page's own link; the focus stays where it was. */
  #show(line: Node[], fallback: boolean): void {
    const buttons = () => [...this.#line.querySelectorAll('button')];
    const focused = buttons().indexOf(this.shadow.activeElement as HTMLButtonElement);
    this.#line.replaceChildren(...line);
    this.#line.className = 'line';
    this.#fallback.hidden = !fallback;
    buttons()[focused]?.focus();
  }

  #offer(quote: Quote, chosen: Plan | undefined): void {
    this.#chosen = chosen;
    this.choice('theme', 'light', /^(light|dark|auto)$/);
    const variant = this.choice<Variant>('variant', 'text', /^(text|badge|cards)$/);
    const otherwise = this.choice<string>('when-ineligible', 'explain', /^(explain|hide|link)$/);
    const offer: Offer = {
      say: this.speakIn(this.#line),
      quote,
      chosen,
      unfold: (term) => this.#open(offer, term),
      take: (plan) => this.#select(quote, plan),
    };
    const speaks = !!quote.plans[0] || otherwise === 'explain';
    this.#show(speaks ? priceLine(variant, offer) : [], !speaks && otherwise === 'link');
  }

  #open(offer: Offer, term?: number): void {
    if (this.#dialog || this.#line.matches('.busy')) return;
    const dialog = (this.#dialog = planDialog(offer));
    dialog.addEventListener('close', () => {
      dialog.remove();
      this.#dialog = undefined;
      this.emit('close', { reason: dialog.returnValue || 'escape' });
    });
    this.#line.append(dialog);
    dialog.showModal();
    dialog.querySelector<HTMLElement>(`[value="${term}"]`)?.focus();
    this.emit('open', { reason: 'button' });
  }

  /** Take a plan; without one, the shopper pays in full and every figure is the price. */
  #select(quote: Quote, plan?: Plan): void {
    const { amount } = quote;
    const detail = {
      term: plan?.term,
      amount,
      per_term: plan?.installment.regular ?? amount,
      total: plan?.total_payment ?? amount,
      apr: plan?.annual_rate.nominal ?? '0',
    };
    if (!this.emit('select', detail)) return;
    this.#dialog!.close('select');
    this.#offer(quote, plan);
  }
}
