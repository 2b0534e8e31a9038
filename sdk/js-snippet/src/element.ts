import { pageLocale, speaker, type Locale, type Say } from './catalog.js';
import { checked, type FenqiError } from './problem.js';
import { sheet } from './styles.js';

/** `HTMLElement`, or on a server an empty class: there the module is imported and does nothing. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** What both elements share: changes coalesced into one update, checked attributes, events that cross the shadow. */
export abstract class FenqiElement extends Base {
  protected readonly shadow = this.attachShadow({ mode: 'open' });
  declare static readonly observedAttributes: readonly string[];
  #queued = false;

  protected abstract update(): void;

  connectedCallback(): void {
    this.shadow.adoptedStyleSheets = [sheet()];
    for (const name of (this.constructor as typeof FenqiElement).observedAttributes) this.#reflect(name);
    this.attributeChangedCallback();
  }

  attributeChangedCallback(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.isConnected) this.update();
    });
  }

  /** Let a property stand for the attribute, and take what a framework set before the element was known. */
  #reflect(name: string): void {
    const property = name.replace(/-./g, (dash) => dash[1]!.toUpperCase()) as 'title';
    const early = this[property];
    Object.defineProperty(this, property, {
      configurable: true,
      get: () => this.getAttribute(name),
      set: (value) => (value == null ? this.removeAttribute(name) : this.setAttribute(name, `${value}`)),
    });
    this[property] ??= early;
  }

  /** Tell the page; true unless a listener prevented the default. */
  protected emit(name: string, detail: object): boolean {
    const cancelable = name === 'select';
    return this.dispatchEvent(new CustomEvent(`fenqi:${name}`, { detail, cancelable, bubbles: true, composed: true }));
  }

  /** Report a failure as an event; a wrong attribute also on the console. Nothing is thrown into the page. */
  protected report({ code, message }: FenqiError): void {
    if (code === 'invalid_attribute') console.warn(`<${this.localName}> ${message}`);
    this.emit('error', { code, message });
  }

  /** The attribute's value where it has the wanted form, else the usual one. */
  protected choice<Value extends string>(name: string, usual: Value, form: RegExp): Value {
    try {
      return checked(name, this.getAttribute(name) ?? usual, form) as Value;
    } catch (error) {
      this.report(error as FenqiError);
      return usual;
    }
  }

  /** Mark the node with the element's language, and speak it. */
  protected speakIn(node: HTMLElement): Say {
    const locale = this.choice<Locale>('locale', pageLocale(), /^(zh-CN|en)$/);
    node.lang = locale;
    return speaker(locale);
  }
}
