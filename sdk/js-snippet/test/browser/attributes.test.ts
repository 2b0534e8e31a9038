import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FakeGateway } from '../gateway.js';
import { freshKey, freshPage, line, loadScript, message, next, settle, showsFallback, shown } from './page.js';

let gateway: FakeGateway;
const warn = vi.spyOn(console, 'warn');
const thrown: unknown[] = [];
window.addEventListener('error', (event) => thrown.push(event.error));
window.addEventListener('unhandledrejection', (event) => thrown.push(event.reason));

beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage();
  warn.mockReset().mockImplementation(() => {});
});
afterEach(() => expect(thrown).toEqual([]));

describe('a wrong attribute', () => {
  test.each([
    ['amount', '5999.00'],
    ['amount', '0'],
    ['amount', '-1'],
    ['amount', '9999999999999999'],
    ['key', 'sk_test_secret'],
    ['key', ''],
    ['terms', '3;6'],
    ['category', 'a b'],
    ['gateway', 'javascript:alert(1)'],
  ])('%s=%j is named on the console and in an event, and nothing is asked', async (name, value) => {
    const element = message({ [name]: value });
    const failed = next(element, 'fenqi:error');
    document.body.append(element);
    expect(await failed).toMatchObject({ code: 'invalid_attribute', message: expect.stringContaining(`${name}="${value}"`) });
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`<fenqi-message> ${name}=`));
    expect(gateway.asked).toHaveLength(0);
    expect(showsFallback(element)).toBe(true);
  });

  test.each([
    ['locale', 'de', '年化利率'],
    ['variant', 'banner', '查看方案'],
    ['theme', 'blue', '查看方案'],
    ['when-ineligible', 'shout', '查看方案'],
  ])('%s=%j is named too, and the usual one taken', async (name, value, expected) => {
    expect(line(await shown({ [name]: value }))).toContain(expected);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`<fenqi-message> ${name}="${value}"`));
  });

  test('heals when it is put right', async () => {
    const element = message({ amount: '5999.00' });
    document.body.append(element);
    await next(element, 'fenqi:error');
    element.setAttribute('amount', '599900');
    await next(element, 'fenqi:ready');
    expect(showsFallback(element)).toBe(false);
  });
});

describe('properties', () => {
  type Message = HTMLElementTagNameMap['fenqi-message'];

  test('stand for the attributes', async () => {
    const element = (await shown()) as Message;
    element.amount = 700_000;
    element.whenIneligible = 'hide';
    expect([element.getAttribute('amount'), element.amount, element.getAttribute('when-ineligible')]).toEqual([
      '700000',
      '700000',
      'hide',
    ]);
    element.terms = null;
    expect(element.hasAttribute('terms')).toBe(false);
    await next(element, 'fenqi:ready');
  });

  test('set before the element is on the page are taken', async () => {
    const element = document.createElement('fenqi-message');
    Object.assign(element, { amount: 599_900, publishableKey: freshKey() });
    const ready = next(element, 'fenqi:ready');
    document.body.append(element);
    expect(await ready).toMatchObject({ amount: 599_900 });
    expect(gateway.asked).toHaveLength(1);
  });

  test('publishable-key is the key for frameworks that keep the name key', async () => {
    const key = freshKey();
    const element = message();
    element.removeAttribute('key');
    element.setAttribute('publishable-key', key);
    document.body.append(element);
    await next(element, 'fenqi:ready');
    expect(gateway.asked.map(({ searchParams }) => searchParams.get('key'))).toEqual([key]);
  });
});

test('events cross shadow roots and reach the document', async () => {
  const host = document.createElement('div');
  const element = message();
  host.attachShadow({ mode: 'open' }).append(element);
  const ready = next(document, 'fenqi:ready');
  document.body.append(host);
  expect(await ready).toMatchObject({ amount: 599_900, cached: false });
  await settle();
});
