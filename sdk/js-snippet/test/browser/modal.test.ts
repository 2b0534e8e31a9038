/** The checkout in a dialog of the page: the built files, and the script of the real checkout page at another origin. */
import axe from 'axe-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { loadScript, next, settle } from './page.js';

/** Gateways of other origins: a right one, and one whose file with the dialog is not the one that was built. */
let GATEWAY: string;
let TAMPERED: string;

type Result = { status: string; checkout_id?: string };
const CHECKOUT = '/checkout/chk_1/open/secret';
const open = (path = CHECKOUT, gateway = GATEWAY): Promise<Result> =>
  window.Fenqi!.openCheckout({ url: gateway + path, mode: 'modal' });

const host = () => [...document.body.children].find((one) => one.shadowRoot?.querySelector('iframe'));
const dialog = () => host()?.shadowRoot!.querySelector('dialog');
const frame = () => host()!.shadowRoot!.querySelector('iframe')!;
const channel = () => new URL(frame().src).searchParams.get('channel');

const until = async (holds: () => unknown): Promise<void> => {
  for (let tries = 0; !holds() && tries < 300; tries += 1) await settle(10);
  expect(holds()).toBeTruthy();
};
const shown = () => until(() => dialog()?.matches('.ready'));
const close = () => dialog()!.querySelector<HTMLButtonElement>('.close')!.click();

/** What a page says to itself, as the checkout would. */
const forge = (data: object, source: Window = window, origin = GATEWAY): boolean =>
  window.dispatchEvent(new MessageEvent('message', { data, source, origin }));

let redirects: string[];
const stay = (event: Event) => {
  const { mode, url } = (event as CustomEvent).detail;
  if (mode === 'redirect') {
    redirects.push(url);
    event.preventDefault();
  }
};

beforeAll(async () => {
  await loadScript();
  ({ gateway: GATEWAY, tampered: TAMPERED } = await (await fetch('/gateways.json')).json());
});
beforeEach(() => {
  document.body.replaceChildren();
  document.documentElement.lang = 'zh-CN';
  redirects = [];
  document.addEventListener('fenqi:checkout', stay);
});
afterEach(() => {
  document.removeEventListener('fenqi:checkout', stay);
  expect(host()).toBeUndefined();
});

describe('the dialog of a checkout', () => {
  test('is modal and named, names the page and a channel of its own, and gives the frame the focus', async () => {
    const ended = open();
    await shown();
    expect(dialog()!.matches(':modal')).toBe(true);
    expect([dialog()!.ariaLabel, frame().title]).toEqual(['分期付款', '分期付款']);
    const { searchParams } = new URL(frame().src);
    expect([searchParams.get('parent'), searchParams.get('lang')]).toEqual([location.origin, 'zh-CN']);
    expect(channel()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect([frame().allow, frame().referrerPolicy, frame().sandbox.length]).toEqual(['payment', 'origin', 0]);
    expect(host()!.shadowRoot!.activeElement).toBe(frame());
    close();
    expect(await ended).toEqual({ status: 'closed' });
    expect(redirects).toEqual([]);
  });

  test.each([
    ['button', close],
    ['escape', () => userEvent.keyboard('{Escape}')],
  ])('closed by %s gives the focus back, and the checkout stays open', async (_how, leave) => {
    const button = document.createElement('button');
    document.body.append(button);
    button.focus();
    const ended = open();
    await shown();
    dialog()!.querySelector<HTMLElement>('.close')!.focus();
    await leave();
    expect(await ended).toEqual({ status: 'closed' });
    expect(document.activeElement).toBe(button);
  });

  test('closed after the answer still tells it, once the dialog is gone', async () => {
    let gone: boolean | undefined;
    const complete = next(document, 'fenqi:complete');
    document.addEventListener('fenqi:complete', () => (gone = !host()), { once: true });
    const ended = open(`${CHECKOUT}?status=approved`);
    await shown();
    close();
    const result = { status: 'approved', checkout_id: 'chk_1' };
    expect([await ended, await complete, gone]).toEqual([result, result, true]);
  });

  test('of an order that the shopper cancels ends by itself', async () => {
    expect(await open(`${CHECKOUT}?status=canceled`)).toEqual({ status: 'canceled' });
  });

  test('grows with its page, up to nine tenths of the window', async () => {
    const heights = [];
    for (const tall of [10, 400, 5000]) {
      const ended = open(`${CHECKOUT}?tall=${tall}`);
      await shown();
      await until(() => frame().style.height);
      await settle();
      heights.push(frame().offsetHeight);
      close();
      await ended;
    }
    expect(heights[0]).toBe(240);
    expect(heights[1]).toBeGreaterThanOrEqual(400);
    expect(heights[1]).toBeLessThan(500);
    expect(heights[2]).toBe(Math.floor(innerHeight * 0.9) - 48);
  });

  test('tells the page of an error, and leaves its text to be read', async () => {
    const failed = next(document, 'fenqi:error');
    const ended = open(`${CHECKOUT}?error=1`);
    expect(await failed).toMatchObject({ code: 'wrong_state' });
    expect(dialog()!.open).toBe(true);
    close();
    await ended;
  });

  test('is not opened where a listener prevents it', async () => {
    document.addEventListener('fenqi:checkout', (event) => event.preventDefault(), { once: true });
    expect(await open()).toEqual({ status: 'redirected' });
    expect(redirects).toEqual([]);
  });

  test.each([320, 390, 1280])('has no fault that axe finds at %i px, and is not wider than the page', async (width) => {
    await page.viewport(width, 844);
    const ended = open();
    await shown();
    dialog()!.getAnimations().forEach((animation) => animation.finish());
    const { violations } = await axe.run(dialog()!, { resultTypes: ['violations'], iframes: false });
    expect(violations.map(({ id }) => id)).toEqual([]);
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
    expect(dialog()!.querySelector('.close')!.getBoundingClientRect().width).toBeGreaterThanOrEqual(44);
    close();
    await ended;
    await page.viewport(1280, 900);
  });
});

describe('the whole window takes over', () => {
  test.each(['MicroMessenger/8.0', 'AlipayClient/10.5'])('in the browser of %s', async (name) => {
    const agent = Object.getOwnPropertyDescriptor(Navigator.prototype, 'userAgent')!;
    Object.defineProperty(navigator, 'userAgent', { configurable: true, value: `Mozilla/5.0 ${name}` });
    expect(await open()).toEqual({ status: 'redirected' });
    Object.defineProperty(navigator, 'userAgent', agent);
    expect(redirects).toEqual([GATEWAY + CHECKOUT]);
  });

  test.each([
    ['the gateway does not know this page', '/checkout/chk_1/open/unregistered', () => GATEWAY],
    ['the file with the dialog has other bytes', CHECKOUT, () => TAMPERED],
    ['the gateway does not answer', CHECKOUT, () => 'http://127.0.0.1:9'],
  ])('when %s', async (_why, path, gateway) => {
    expect(await open(path, gateway())).toEqual({ status: 'redirected' });
    expect(redirects).toEqual([gateway() + path]);
    expect('tampered' in window).toBe(false);
  });
});

describe('a hostile page', () => {
  test('cannot end the checkout by messages of another origin, window, version or channel', async () => {
    let told = 0;
    document.addEventListener('fenqi:complete', () => (told += 1), { once: true });
    const ended = open();
    await shown();
    const other = document.createElement('iframe');
    document.body.append(other);
    const right = { v: 1, channel: channel(), type: 'complete', status: 'approved', checkout_id: 'chk_1' };
    const child = frame().contentWindow!;
    forge(right, child, 'https://evil.example');
    forge(right, child, `${GATEWAY}.evil.example`);
    forge(right, child, 'null');
    forge(right, window);
    forge(right, other.contentWindow!);
    forge({ ...right, channel: crypto.randomUUID?.() ?? 'x' }, child);
    forge({ ...right, channel: undefined }, child);
    forge({ ...right, v: 2 }, child);
    forge({ ...right, type: 'constructor' }, child);
    forge({ ...right, status: { toString: () => 'approved' } }, child);
    for (const height of [-1, Number.NaN, '9999', Infinity, null]) forge({ ...right, type: 'resize', height }, child);
    window.postMessage(right, '*');
    await settle();
    expect([dialog()!.open, told]).toEqual([true, 0]);
    expect(frame().offsetHeight).toBeLessThanOrEqual(innerHeight * 0.9);
    close();
    expect(await ended).toEqual({ status: 'closed' });
  });

  test('hears nothing that it is not named for, and nothing of the order', async () => {
    const heard: MessageEvent[] = [];
    const listen = (event: MessageEvent) => event.origin === GATEWAY && heard.push(event);
    window.addEventListener('message', listen);
    const stranger = document.createElement('iframe');
    const address = `${GATEWAY}${CHECKOUT}?parent=http://localhost:1&channel=${crypto.randomUUID?.() ?? 'x'}&status=approved`;
    stranger.src = address;
    document.body.append(stranger);
    await new Promise((resolve) => stranger.addEventListener('load', resolve, { once: true }));
    await settle(100);
    expect(heard).toEqual([]);
    stranger.remove();
    const ended = open(`${CHECKOUT}?status=approved`);
    await shown();
    close();
    await ended;
    window.removeEventListener('message', listen);
    expect(new Set(heard.flatMap(({ data }) => Object.keys(data)))).toEqual(
      new Set(['v', 'channel', 'type', 'height', 'status', 'checkout_id']),
    );
  });

  test('that closes the frame in the name of another channel is not answered', async () => {
    const ended = open(`${CHECKOUT}?status=approved`);
    await shown();
    for (const data of [
      { v: 1, channel: 'another', type: 'close' },
      { v: 2, channel: channel(), type: 'close' },
      { v: 1, channel: channel(), type: 'complete' },
    ])
      frame().contentWindow!.postMessage(data, GATEWAY);
    await settle(100);
    expect(dialog()!.open).toBe(true);
    close();
    expect((await ended).status).toBe('approved');
  });

  test('that leads the frame elsewhere is told nothing from there', async () => {
    const ended = open();
    await shown();
    frame().src = '/plans';
    const { contentWindow } = frame();
    await settle(100);
    forge({ v: 1, channel: channel(), type: 'complete', status: 'approved' }, contentWindow!, location.origin);
    await settle();
    expect(dialog()!.open).toBe(true);
    close();
    expect(await ended).toEqual({ status: 'closed' });
  });
});
