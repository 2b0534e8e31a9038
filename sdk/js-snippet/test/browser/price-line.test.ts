import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { page } from 'vitest/browser';
import type { FakeGateway } from '../gateway.js';
import { freshPage, line, loadScript, message, next, part, parts, settle, showsFallback, shown, words } from './page.js';

let gateway: FakeGateway;
beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage('zh-CN');
});


describe('the price line', () => {
  test('shows both ends of payments and annual rates, with the basis of the rate', async () => {
    const element = await shown();
    expect(line(element)).toBe(
      '分期付款 3/6/12 期3 期 免息查看方案每期 ¥549.99 – ¥1,999.68年化利率（单利）0% – 18.00%',
    );
    expect(line(element)).not.toMatch(/起|低至|仅需/);
  });

  test('speaks English on an English page', async () => {
    freshPage('en-GB');
    const element = await shown();
    expect(line(element)).toBe(
      'Pay in instalments 3/6/12 months3 months interest-freeSee plansMonthly CN¥549.99 – CN¥1,999.68' +
        'Annual rate (simple) 0% – 18.00%',
    );
    expect(part(element, 'line').lang).toBe('en');
  });

  test('takes its own locale before the language of the page', async () => {
    expect(line(await shown({ locale: 'en' }))).toContain('Annual rate (simple)');
  });

  test('of one plan names the payment that differs, so that the sum is what it costs', async () => {
    const element = await shown({ terms: '3' });
    expect(line(element)).toBe('分期付款 3 期免息查看方案每期 ¥1,999.66末期 ¥1,999.68年化利率（单利）0%');
    expect(gateway.asked[0]!.search).toContain('terms=3');
  });

  test('says interest-free for no plan that costs anything', async () => {
    expect(line(await shown({ terms: '6,12' }))).not.toContain('免息');
  });

  test('gives the rate at least the size and weight of the payment', async () => {
    const [payment, rate] = [...part(await shown(), 'line').querySelectorAll('.row:last-child b')].map((node) =>
      getComputedStyle(node),
    );
    expect([rate!.fontSize, rate!.fontWeight, rate!.color]).toEqual([
      payment!.fontSize,
      payment!.fontWeight,
      payment!.color,
    ]);
  });

  test('as a badge is one button with the terms and the rate', async () => {
    const element = await shown({ variant: 'badge' });
    expect(parts(element, 'pill').map(words)).toEqual(['分期付款 3/6/12 期年化利率（单利）0% – 18.00%']);
  });

  test('as cards shows each plan with its rate and chooses none', async () => {
    const element = await shown({ variant: 'cards' });
    expect(parts(element, 'card').map(words)).toEqual([
      '3 期免息每期 ¥1,999.66末期 ¥1,999.68年化利率（单利）0%',
      '6 期每期 ¥1,044.82末期 ¥1,044.86年化利率（单利）15.27%',
      '12 期每期 ¥549.99年化利率（单利）18.00%',
    ]);
    expect(parts(element, 'on')).toEqual([]);
  });
});

describe('the fallback link', () => {
  test('shows until the first quote has come, then makes room for it', async () => {
    gateway.delay = () => 20;
    const element = message();
    document.body.append(element);
    expect(showsFallback(element)).toBe(true);
    await next(element, 'fenqi:ready');
    expect(element.querySelector('a')!.checkVisibility()).toBe(false);
  });

  test.each([390, 1280])('keeps the room that the line takes at %i px, so that nothing moves', async (width) => {
    await page.viewport(width, 900);
    gateway.delay = () => 20;
    const element = message();
    document.body.append(element);
    await settle(1);
    const before = element.offsetHeight;
    await next(element, 'fenqi:ready');
    expect(Math.abs(element.offsetHeight - before)).toBeLessThanOrEqual(1);
    await page.viewport(1280, 900);
  });

  test('comes back when a later quote fails, and no old figure stays', async () => {
    const element = await shown();
    gateway.answer = () => new Response('<h1>Bad Gateway</h1>', { status: 502 });
    element.setAttribute('amount', '700000');
    await next(element, 'fenqi:error');
    expect(showsFallback(element)).toBe(true);
  });
});

describe('an amount that no plan takes', () => {
  test('is explained by the limit it misses', async () => {
    expect(line(await shown({ amount: 5_000 }))).toBe('满 ¥600.00 可用分期付款');
    expect(line(await shown({ amount: 10_000_001 }))).toBe('¥100,000.00 以内可用分期付款');
  });

  test('without a limit is said to have no plan', async () => {
    gateway.answer = () =>
      Response.json({
        amount: 599_900,
        plans: [],
        unavailable: [{ term: 9, reason: 'cost_above_ceiling', min_amount: null, max_amount: null }],
      });
    expect(line(await shown())).toBe('此金额暂不支持分期付款');
  });

  test('can be hidden or left to the link', async () => {
    const hidden = await shown({ amount: 5_000, 'when-ineligible': 'hide' });
    expect([line(hidden), showsFallback(hidden)]).toEqual(['', false]);
    const linked = await shown({ amount: 5_000, 'when-ineligible': 'link' });
    expect([line(linked), showsFallback(linked)]).toEqual(['', true]);
  });

  test('still tells the page that the quote has come', async () => {
    const element = message({ amount: 5_000 });
    const ready = next(element, 'fenqi:ready');
    document.body.append(element);
    expect(await ready).toEqual({ plans: [], amount: 5_000, cached: false });
  });
});

describe('themes', () => {
  const surface = (element: HTMLElement) => getComputedStyle(parts(element, 'pill')[0]!).backgroundColor;

  test('are light by default and dark on demand', async () => {
    expect(surface(await shown({ variant: 'badge' }))).toBe('rgb(255, 255, 255)');
    expect(surface(await shown({ variant: 'badge', theme: 'dark' }))).toBe('rgb(29, 32, 37)');
  });

  test('give way to the colours of the page', async () => {
    const element = await shown();
    element.style.setProperty('--fq-accent', 'rgb(1, 2, 3)');
    expect(getComputedStyle(part(element, 'trigger')).color).toBe('rgb(1, 2, 3)');
  });

  test('change without another request', async () => {
    const element = await shown();
    element.setAttribute('theme', 'auto');
    await settle();
    expect(gateway.asked).toHaveLength(1);
  });
});
