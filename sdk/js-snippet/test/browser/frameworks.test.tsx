/** The examples for React and Vue, with the real packages: what they show, and what they do with a choice. */
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApp, type App } from 'vue';
import { ProductPage as InReact } from '../../examples/react.js';
import { compilerOptions, ProductPage as InVue } from '../../examples/vue.js';
import { KEY } from '../gateway.js';
import { freshPage, line, part, press, settle } from './page.js';

const until = async (holds: () => unknown): Promise<void> => {
  for (let tries = 0; !holds() && tries < 200; tries += 1) await settle(10);
  expect(holds()).toBeTruthy();
};

const asked: (number | undefined)[] = [];
let amount = 599_900;
const props = () => ({
  amount,
  gateway: location.origin,
  publishableKey: KEY,
  createCheckout: async (term: number | undefined) => {
    asked.push(term);
    return `${location.origin}/checkout/chk_1/open/secret`;
  },
});

const stay = (event: Event) => event.preventDefault();
let unmount: () => void;
beforeEach(() => {
  freshPage();
  asked.length = 0;
  document.addEventListener('fenqi:checkout', stay);
});
afterEach(() => {
  unmount();
  document.removeEventListener('fenqi:checkout', stay);
});

const frameworks: Record<string, (place: HTMLElement) => (changed: number) => void> = {
  React: (place) => {
    const root = createRoot(place);
    root.render(<InReact {...props()} />);
    unmount = () => root.unmount();
    return (changed) => {
      amount = changed;
      root.render(<InReact {...props()} />);
    };
  },
  Vue: (place) => {
    const app: App = createApp(InVue, props());
    app.config.compilerOptions = compilerOptions;
    const page = app.mount(place);
    unmount = () => app.unmount();
    return (changed) => ((page.$ as unknown as { props: { amount: number } }).props.amount = changed);
  },
};

test.each(Object.keys(frameworks))('%s shows the price, follows it, and hands the chosen plan over', async (name) => {
  amount = 599_900;
  const place = document.createElement('div');
  document.body.append(place);
  const change = frameworks[name]!(place);
  await until(() => place.querySelector('fenqi-message')?.shadowRoot && line(place.querySelector('fenqi-message')!));
  const message = place.querySelector('fenqi-message')!;
  expect(line(message)).toContain('3/6/12 期');

  press(part(message, 'trigger'));
  press(part(message, 'dialog').querySelector('[value="6"]')!);
  await until(() => place.querySelector('button')!.textContent === '分 6 期付款');
  place.querySelector('button')!.click();
  await until(() => place.querySelector('output')!.textContent === 'redirected');
  expect(asked).toEqual([6]);

  change(700_000);
  await until(() => line(message).includes('¥2,333.33'));
});
