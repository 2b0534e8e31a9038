/** The dialog that shows a checkout inside the merchant's page: a file of its own, loaded when one is opened. */
import type { CheckoutResult } from './checkout.js';
import rules from './modal.css?raw';

/** Without a word of the checkout within this time, the shopper goes to it in the whole window. */
const SILENCE_MS = 8_000;
/** The same once the frame has loaded something, be it the browser's own page for what it does not show. */
const LOADED_MS = 1_000;
/** How long a checkout that is being closed may take to say how it ended. */
const LAST_WORD_MS = 400;
/** Pixels below which the frame is never cut, and the part of the window that it may fill. */
const LEAST_HEIGHT = 240;
const MOST_OF_WINDOW = 0.9;
const BAR = 48;

const WORDS = {
  zh: { title: '分期付款', close: '关闭', opening: '正在打开分期付款…' },
  en: { title: 'Pay in instalments', close: 'Close', opening: 'Opening the checkout…' },
};

const STATUS = /^[a-z_]{1,40}$/;
const CHECKOUT = /^chk_[0-9A-Za-z]{1,60}$/;
const CODE = /^[a-z_]{1,60}$/;

/** What the checkout may say; everything else is ignored. */
interface Said {
  v: 1;
  channel: string;
  type: string;
  height?: unknown;
  status?: unknown;
  checkout_id?: unknown;
  code?: unknown;
}

const el = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, name: string, text = ''): HTMLElementTagNameMap[Tag] => {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  return node;
};

/** Tell the document; true unless a listener prevented what can be prevented. */
const tell = (name: string, detail: object, cancelable = false): boolean =>
  document.dispatchEvent(new CustomEvent(`fenqi:${name}`, { detail, cancelable }));

/** The text where it has the wanted form, else nothing. */
const text = (value: unknown, form: RegExp): string | undefined =>
  typeof value === 'string' && form.test(value) ? value : undefined;

/** 128 random bits in the form of a UUID, also where a page without https has no `randomUUID`. */
const newChannel = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte, index) => ([4, 6, 8, 10].includes(index) ? '-' : '') + byte.toString(16).padStart(2, '0'))
    .join('');

class Modal {
  readonly #url: URL;
  readonly #channel = newChannel();
  readonly #host = document.createElement('div');
  readonly #dialog = el('dialog', '');
  readonly #frame = el('iframe', '');
  readonly #over = new AbortController();
  readonly #opener = document.activeElement as HTMLElement | null;
  #timer = 0;
  #closing = false;
  #settle!: (result: CheckoutResult | undefined) => void;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** How it ended; nothing when the checkout has not answered. */
  open(): Promise<CheckoutResult | undefined> {
    const chinese = /^zh/i.test(document.documentElement.lang || navigator.language);
    const say = WORDS[chinese ? 'zh' : 'en'];
    const address = new URL(this.#url);
    address.searchParams.set('channel', this.#channel);
    address.searchParams.set('parent', location.origin);
    if (!address.searchParams.has('lang')) address.searchParams.set('lang', chinese ? 'zh-CN' : 'en');
    this.#build(say, chinese);
    const { signal } = this.#over;
    window.addEventListener('message', (event) => this.#hear(event), { signal });
    this.#frame.addEventListener('load', () => this.#wait(LOADED_MS), { signal, once: true });
    this.#frame.src = address.href;
    document.body.append(this.#host);
    this.#dialog.showModal();
    this.#wait(SILENCE_MS);
    return new Promise((resolve) => (this.#settle = resolve));
  }

  #build(say: typeof WORDS.zh, chinese: boolean): void {
    const bar = el('header', 'bar');
    const close = el('button', 'close', '×');
    close.ariaLabel = say.close;
    close.addEventListener('click', () => this.#ask());
    bar.append(el('h2', '', say.title), close);
    const opening = el('p', 'opening', say.opening);
    opening.role = 'status';
    const frame = this.#frame;
    frame.title = say.title;
    frame.allow = 'payment';
    frame.referrerPolicy = 'origin';
    const dialog = this.#dialog;
    dialog.lang = chinese ? 'zh-CN' : 'en';
    dialog.ariaLabel = say.title;
    dialog.append(bar, opening, frame);
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#ask();
    });
    dialog.addEventListener('close', () => this.#finish({ status: 'closed' })); // a browser's own way to close it
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules);
    const shadow = this.#host.attachShadow({ mode: 'open' });
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(dialog);
  }

  /** Give up after a time without a word. */
  #wait(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#dialog.classList.contains('ready')) this.#timer = window.setTimeout(() => this.#finish(undefined), ms);
  }

  /** The shopper closes the dialog: the checkout says how far it came. */
  #ask(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#frame.contentWindow?.postMessage({ v: 1, channel: this.#channel, type: 'close' }, this.#url.origin);
    setTimeout(() => this.#finish({ status: 'closed' }), LAST_WORD_MS);
  }

  #hear({ origin, source, data }: MessageEvent): void {
    const said = data as Said | null;
    if (origin !== this.#url.origin || source !== this.#frame.contentWindow) return;
    if (said?.v !== 1 || said.channel !== this.#channel) return;
    const checkout_id = text(said.checkout_id, CHECKOUT);
    const named = checkout_id ? { checkout_id } : {};
    if (said.type === 'ready') this.#show();
    else if (said.type === 'resize') this.#resize(said.height);
    else if (said.type === 'error') {
      this.#show();
      tell('error', { code: text(said.code, CODE) ?? 'other', message: 'The checkout shows an error.' });
    } else if (said.type === 'cancel') this.#finish({ status: this.#closing ? 'closed' : 'canceled' });
    else if (said.type === 'complete') {
      const status = text(said.status, STATUS);
      if (status) this.#finish({ status, ...named }, true);
    }
  }

  #show(): void {
    const { classList } = this.#dialog;
    clearTimeout(this.#timer);
    if (classList.contains('ready')) return;
    classList.add('ready');
    this.#frame.focus();
  }

  #resize(height: unknown): void {
    if (typeof height !== 'number' || !(height > 0)) return;
    const most = Math.floor(innerHeight * MOST_OF_WINDOW) - BAR;
    this.#frame.style.height = `${Math.min(Math.max(Math.ceil(height), LEAST_HEIGHT), most)}px`;
  }

  /** Once: the dialog goes before the page hears of it, for what the page does next may lead elsewhere. */
  #finish(result: CheckoutResult | undefined, complete = false): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    clearTimeout(this.#timer);
    if (this.#dialog.open) this.#dialog.close();
    this.#host.remove();
    this.#opener?.focus?.();
    if (complete) tell('complete', result!);
    this.#settle(result);
  }
}

let open = false;

/**
 * Show the checkout at `url`, if nobody prevents that. Rejects when it does not answer, when another is open, and in the
 * browsers of WeChat and Alipay, which show no frames of payment pages.
 */
export const openModal = async (url: string): Promise<CheckoutResult> => {
  if (open || /MicroMessenger|AlipayClient/.test(navigator.userAgent)) throw Error('no dialog here');
  if (!tell('checkout', { url, mode: 'modal' }, true)) return { status: 'redirected' };
  open = true;
  try {
    const result = await new Modal(url).open();
    if (result) return result;
  } finally {
    open = false;
  }
  throw Error('the checkout did not answer');
};
