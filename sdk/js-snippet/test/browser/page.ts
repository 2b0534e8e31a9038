import { FakeGateway, KEY } from '../gateway.js';

/** Load the script as a product page does. */
export const loadScript = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = '/js/v1/fenqi.js';
    script.onload = () => resolve();
    script.onerror = () => reject(new Error('the script did not load'));
    document.head.append(script);
  });

let serial = 0;

/** A key of its own for each test, so that no test meets another's cached quotes. */
export const freshKey = (): string => `${KEY}_${(serial += 1)}`;

/** A fake gateway in the place of the network and an empty page. */
export const freshPage = (lang = 'zh-CN'): FakeGateway => {
  document.body.replaceChildren();
  document.documentElement.lang = lang;
  return new FakeGateway().install();
};

export const message = (attributes: Record<string, string | number> = {}): HTMLElement => {
  const element = document.createElement('fenqi-message');
  for (const [name, value] of Object.entries({ amount: 599_900, key: freshKey(), ...attributes })) {
    element.setAttribute(name, String(value));
  }
  const link = document.createElement('a');
  link.href = '/plans';
  link.textContent = '分期付款方案';
  element.append(link);
  return element;
};

/** The detail of the next event of that name on the node. */
export const next = <Detail = Record<string, unknown>>(node: EventTarget, name: string): Promise<Detail> =>
  new Promise((resolve) => {
    node.addEventListener(name, (event) => resolve((event as CustomEvent<Detail>).detail), { once: true });
  });

/** A message on the page, once it offers its plans. */
export const shown = async (attributes: Record<string, string | number> = {}): Promise<HTMLElement> => {
  const element = message(attributes);
  const ready = next(element, 'fenqi:ready');
  document.body.append(element);
  await ready;
  return element;
};

export const part = <Found extends HTMLElement = HTMLElement>(element: Element, name: string): Found =>
  element.shadowRoot!.querySelector<Found>(`[part~="${name}"]`)!;

export const parts = (element: Element, name: string): HTMLElement[] => [
  ...element.shadowRoot!.querySelectorAll<HTMLElement>(`[part~="${name}"]`),
];

/** The words of a node, white space folded. */
export const words = (node: Node): string => (node.textContent ?? '').replace(/\s+/g, ' ').trim();

/** The words of the price line. */
export const line = (element: Element): string => words(part(element, 'line'));

/** Whether the page's own link is what shows. */
export const showsFallback = (element: Element): boolean =>
  element.querySelector('a')!.checkVisibility() && part(element, 'line').children.length === 0;

/** What a press with the keyboard or a finger does: the control gets the focus, then the click. */
export const press = (control: HTMLElement): void => {
  control.focus();
  control.click();
};

/** Wait for a number of tasks, long enough for whatever should not happen. */
export const settle = (ms = 30): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export { json } from '../gateway.js';
