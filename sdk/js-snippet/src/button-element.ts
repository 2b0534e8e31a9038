import { Text } from './catalog.js';
import { button } from './dom.js';
import { FenqiElement } from './element.js';

/**
 * `<fenqi-button>`: submits its form with `fenqi_term`, empty when the shopper has chosen no plan yet.
 * It takes the term chosen in a `<fenqi-message>` of the same page; with an `amount`, only one chosen for that amount.
 */
export class FenqiButton extends FenqiElement {
  static readonly formAssociated = true;
  static override readonly observedAttributes = 'amount term locale theme'.split(' ');
  declare amount: number | string | null;
  declare term: number | string | null;
  declare locale: string | null;
  declare theme: string | null;
  #internals = this.attachInternals();
  #button = button('pay', () => this.#submit());
  #term = '';

  constructor() {
    super();
    this.shadow.append(this.#button);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('fenqi:select', this);
  }

  disconnectedCallback(): void {
    document.removeEventListener('fenqi:select', this);
  }

  formDisabledCallback(disabled: boolean): void {
    this.#button.disabled = disabled;
  }

  get disabled(): boolean {
    return this.hasAttribute('disabled');
  }

  set disabled(disabled: boolean) {
    this.toggleAttribute('disabled', disabled);
  }

  protected update(): void {
    const say = this.speakIn(this.#button);
    this.#term = this.choice('term', '', /^\d*$/);
    this.#button.textContent = this.#term ? `${say(Text.Brand)} · ${say(Text.Months, this.#term)}` : say(Text.Brand);
  }

  /** A plan was chosen somewhere on the page; a page that prevented that handles it itself. */
  handleEvent(event: Event): void {
    const { term, amount } = (event as CustomEvent).detail;
    if (!event.defaultPrevented && `${this.amount ?? amount}` === `${amount}`) this.term = term;
  }

  /** Only a press of this button sends the term: the form's other buttons, such as paying in full, must not. */
  #submit(): void {
    const entry = new FormData();
    entry.set('fenqi_term', this.#term);
    this.#internals.setFormValue(entry);
    this.#internals.form?.requestSubmit();
    setTimeout(() => this.#internals.setFormValue(null));
  }
}
