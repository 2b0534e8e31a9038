import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import phone from '../quote-599900.json';
import type { FakeGateway } from '../gateway.js';
import { freshKey, freshPage, json, line, loadScript, message, next, settle, showsFallback, shown } from './page.js';

let gateway: FakeGateway;
beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage();
});

const api = () => (window as unknown as { Fenqi: typeof import('../../src/index.js') }).Fenqi;

describe('requests', () => {
  test('go to the origin of the script with the publishable key and nothing about the person', async () => {
    const key = freshKey();
    await shown({ key, terms: '3,6', category: '3c' });
    const [asked] = gateway.asked;
    expect(asked!.href).toBe(`${location.origin}/v1/plans?key=${key}&amount=599900&terms=3,6&category=3c`);
  });

  test('go to the named gateway instead', async () => {
    await shown({ gateway: 'https://pay.example/somewhere' });
    expect(gateway.asked[0]!.origin + gateway.asked[0]!.pathname).toBe('https://pay.example/v1/plans');
  });

  test('are one for ten tags of the same amount', async () => {
    const key = freshKey();
    const tags = Array.from({ length: 10 }, () => message({ key }));
    const all = Promise.all(tags.map((tag) => next<{ cached: boolean }>(tag, 'fenqi:ready')));
    document.body.append(...tags);
    expect((await all).map(({ cached }) => cached)).toEqual([false, ...Array(9).fill(true)]);
    expect(gateway.asked).toHaveLength(1);
    expect(new Set(tags.map(line)).size).toBe(1);
  });

  test('are one for several attributes changed in one task', async () => {
    const element = await shown();
    element.setAttribute('amount', '700000');
    element.setAttribute('terms', '3');
    element.setAttribute('locale', 'en');
    await next(element, 'fenqi:ready');
    expect(gateway.asked.map(({ searchParams }) => searchParams.get('amount'))).toEqual(['599900', '700000']);
  });

  test('are kept for a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const key = freshKey();
      const first = api().quote({ key, amount: 599_900 });
      await vi.advanceTimersByTimeAsync(1);
      await first;
      await vi.advanceTimersByTimeAsync(59_000);
      await api().quote({ key, amount: 599_900 });
      expect(gateway.asked).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(2_000);
      const late = api().quote({ key, amount: 599_900 });
      await vi.advanceTimersByTimeAsync(1);
      await late;
      expect(gateway.asked).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a new amount', () => {
  test('aborts the question before it, and its late answer is never shown', async () => {
    gateway.delay = (amount) => (amount === 700_000 ? 60 : 5);
    const element = await shown();
    const seen: number[] = [];
    element.addEventListener('fenqi:ready', (event) => seen.push((event as CustomEvent).detail.amount));
    element.setAttribute('amount', '700000');
    await settle(10);
    element.setAttribute('amount', '800000');
    await settle(100);
    expect(gateway.aborted).toBe(1);
    expect(seen).toEqual([800_000]);
    expect(line(element)).toContain('¥2,666.66');
  });

  test('does not abort what another tag still waits for, nor shows that answer when it comes late', async () => {
    gateway.delay = (amount) => (amount === 599_900 ? 30 : 5);
    const key = freshKey();
    const [leaves, stays] = [message({ key }), message({ key })];
    const ready = next(stays, 'fenqi:ready');
    document.body.append(leaves, stays);
    await settle(5);
    leaves.setAttribute('amount', '700000');
    await ready;
    await vi.waitFor(() => expect(line(leaves)).toContain('¥2,333.33'));
    await settle(40); // the late answer has come by then
    expect(gateway.aborted).toBe(0);
    expect(line(stays)).toContain('¥549.99');
    expect(line(leaves)).toContain('¥2,333.33');
  });

  test('hides the old figures while it waits, without moving the page', async () => {
    const element = await shown();
    const height = element.offsetHeight;
    gateway.delay = () => 40;
    element.setAttribute('amount', '700000');
    await settle(5);
    const amounts = [...element.shadowRoot!.querySelectorAll('b')];
    expect(amounts.map((node) => node.checkVisibility({ visibilityProperty: true }))).not.toContain(true);
    expect(element.offsetHeight).toBe(height);
  });

  test('is not asked for by an element that has left the page', async () => {
    const element = await shown();
    element.remove();
    element.setAttribute('amount', '700000');
    await settle();
    expect(gateway.asked).toHaveLength(1);
  });
});

describe('an answer that cannot be used', () => {
  const failing = async (attributes: Record<string, string | number> = {}) => {
    const element = message(attributes);
    const failed = next(element, 'fenqi:error');
    document.body.append(element);
    const detail = await failed;
    expect(showsFallback(element)).toBe(true);
    return detail;
  };

  test('with a problem document passes its code and words on', async () => {
    gateway.answer = () => json({ code: 'unauthenticated', detail: 'No such key.' }, 401);
    expect(await failing()).toEqual({ code: 'quote_failed', message: 'unauthenticated: No such key.' });
  });

  test.each([
    ['is no JSON', () => new Response('<h1>Bad Gateway</h1>', { status: 502 })],
    ['is another thing', () => json({ data: [] })],
    ['is for another amount', () => json({ ...phone, amount: 1 })],
    ['has a schedule that misses its total', () => json({ ...phone, plans: [{ ...phone.plans[0], total_payment: 599_901 }] })],
    ['has no annual rate', () => json({ ...phone, plans: [{ ...phone.plans[0], annual_rate: {} }] })],
  ])('that %s is refused', async (_what, answer) => {
    gateway.answer = answer;
    expect(await failing()).toMatchObject({ code: 'quote_failed' });
  });

  test('that never comes is a network failure, and is asked for again next time', async () => {
    gateway.answer = () => Promise.reject(new TypeError('Failed to fetch'));
    const key = freshKey();
    expect(await failing({ key })).toEqual({ code: 'network', message: 'Failed to fetch' });
    await failing({ key });
    expect(gateway.asked).toHaveLength(2);
  });

  test('that comes after eight seconds is a timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      gateway.delay = () => 60_000;
      const failed = api().quote({ key: freshKey(), amount: 599_900 }).catch((error) => error.code);
      await vi.advanceTimersByTimeAsync(8_001);
      expect(await failed).toBe('timeout');
      expect(gateway.aborted).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('Fenqi', () => {
  test('knows its version and quotes plans', async () => {
    expect(api().version).toBe('1.1.0');
    const plans = await api().quote({ key: freshKey(), amount: 599_900, terms: [3, 12] });
    expect(plans.map((plan) => plan.term)).toEqual([3, 12]);
  });

  test('rejects wrong options by name and asks nobody', async () => {
    await expect(api().quote({ key: 'sk_live_secret', amount: 1 })).rejects.toMatchObject({
      code: 'invalid_attribute',
      message: expect.stringContaining('key='),
    });
    await expect(api().quote({ key: freshKey(), amount: 59.99 })).rejects.toMatchObject({ code: 'invalid_attribute' });
    expect(gateway.asked).toHaveLength(0);
  });

  test('redirects to a checkout unless the page prevents it', async () => {
    const asked = next(document, 'fenqi:checkout');
    document.addEventListener('fenqi:checkout', (event) => event.preventDefault(), { once: true });
    await api().redirectToCheckout({ url: 'https://pay.example/checkout/chk_1' });
    expect(await asked).toEqual({ url: 'https://pay.example/checkout/chk_1', mode: 'redirect' });
  });

  test.each(['javascript:alert(1)', '//pay.example', 'checkout', ''])('does not go to %j', async (url) => {
    await expect(api().redirectToCheckout({ url })).rejects.toMatchObject({ code: 'invalid_attribute' });
  });

  test('is the same after the script has run twice', async () => {
    const before = api();
    await loadScript();
    expect(api()).toBe(before);
    await shown();
  });
});
