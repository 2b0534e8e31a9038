import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import phone from '../quote-599900.json';
import type { FakeGateway } from '../gateway.js';
import { freshPage, json, line, loadScript, next, part, parts, press, settle, shown, words } from './page.js';

let gateway: FakeGateway;
beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage();
});

const opened = async (attributes: Record<string, string | number> = {}) => {
  const element = await shown(attributes);
  const open = next(element, 'fenqi:open');
  press(part(element, 'trigger'));
  expect(await open).toEqual({ reason: 'button' });
  return element;
};

const dialog = (element: Element) => element.shadowRoot!.querySelector('dialog')!;
const fen = (text: string) => Number(text.replace(/[^\d]/g, ''));

describe('the dialog', () => {
  test('is modal and named, and nothing in it is chosen beforehand', async () => {
    const element = await opened();
    expect(dialog(element).matches(':modal')).toBe(true);
    expect(dialog(element).getAttribute('aria-label')).toBe('分期付款方案');
    expect(parts(element, 'on')).toEqual([]);
    expect(dialog(element).querySelectorAll('input')).toHaveLength(0);
  });

  test('shows every plan with its payments, rate, total, interest and fee', async () => {
    const element = await opened();
    expect(parts(element, 'plan').map((plan) => words(plan).split('选择')[0])).toEqual([
      '3 期免息每期 ¥1,999.66末期 ¥1,999.68年化利率（单利）0%总费用最少，比一次付清多 ¥0.00应还总额¥5,999.00利息¥0.00手续费¥0.00',
      '6 期每期 ¥1,044.82末期 ¥1,044.86年化利率（单利）15.27%应还总额¥6,268.96利息¥0.00手续费¥269.96',
      '12 期每期 ¥549.99年化利率（单利）18.00%应还总额¥6,599.88利息¥600.88手续费¥0.00',
    ]);
  });

  test('begins with paying in full, and marks the plan that costs least beyond it', async () => {
    const element = await opened({ terms: '6,12' });
    const items = [...dialog(element).querySelectorAll('li')].map(words);
    expect(items).toHaveLength(3);
    expect(items[0]).toBe('¥5,999.00一次付清');
    expect(items.map((text) => /总费用最少，比一次付清多 (\S+?)应还/.exec(text)?.[1])).toEqual([undefined, '¥269.96', undefined]);
    expect(parts(element, 'on')).toEqual([]);
  });

  test('marks the shorter of two plans that cost the same, and none that stands alone', async () => {
    const [three, six] = phone.plans;
    const longer = { ...six!, total_payment: three!.total_payment, schedule: three!.schedule };
    gateway.answer = () => json({ ...phone, plans: [three, longer] });
    const marked = (element: Element) => parts(element, 'plan').map((plan) => words(plan).includes('总费用最少'));
    expect(marked(await opened())).toEqual([true, false]);
    document.body.replaceChildren();
    gateway.answer = () => json({ ...phone, plans: [six] });
    expect(marked(await opened())).toEqual([false]);
  });

  test('has a schedule for each plan whose payments add up to the total', async () => {
    const element = await opened();
    const schedules = parts(element, 'plan').map((plan) => {
      const rows = [...plan.querySelectorAll('tr')].slice(1).map((row) => [...row.cells].map(words));
      return { due: rows[0]![1], periods: rows.length, sum: rows.reduce((sum, row) => sum + fen(row[4]!), 0) };
    });
    expect(schedules).toEqual(
      phone.plans.map((plan) => ({ due: '2026-12-23', periods: plan.term, sum: plan.total_payment })),
    );
  });

  test('shows payments that fall as a range, with the first and the last', async () => {
    const rows = [440_000, 430_000, 420_000, 410_000].map((payment, index) => ({
      ...phone.plans[0]!.schedule[0]!,
      period: index + 1,
      payment,
    }));
    gateway.answer = () =>
      json({
        amount: 599_900,
        plans: [
          {
            ...phone.plans[1]!,
            term: 4,
            method: 'equal_principal',
            installment: { first: 440_000, regular: 420_000, last: 410_000 },
            total_payment: 1_700_000,
            schedule: rows,
          },
        ],
        unavailable: [],
      });
    expect(line(await shown())).toContain('每期 ¥4,200.00 – ¥4,300.00首期 ¥4,400.00末期 ¥4,100.00');
  });

  test('explains the terms that the amount does not reach', async () => {
    gateway.answer = () =>
      json({ ...phone, unavailable: [{ term: 24, reason: 'amount_below_minimum', min_amount: 800_000, max_amount: null }] });
    expect(words(dialog(await opened()))).toContain('24 期: 满 ¥8,000.00 可用分期付款');
  });

  test('begins with the plan of the card that was pressed', async () => {
    const element = await shown({ variant: 'cards' });
    press(parts(element, 'card')[2]!);
    expect(words(element.shadowRoot!.activeElement!)).toBe('选择 12 期');
  });
});

describe('closing the dialog', () => {
  test.each([
    ['button', (element: Element) => press(part(element, 'close'))],
    ['escape', () => userEvent.keyboard('{Escape}')],
    ['backdrop', (element: Element) => dialog(element).click()],
  ] as const)('by %s tells the page why and gives the focus back', async (reason, leave) => {
    const element = await opened();
    const close = next(element, 'fenqi:close');
    await leave(element);
    expect(await close).toEqual({ reason });
    expect(dialog(element)).toBeNull();
    expect(element.shadowRoot!.activeElement).toBe(part(element, 'trigger'));
  });

  test('happens when the amount changes, for what it shows is no longer offered', async () => {
    const element = await opened();
    const close = next(element, 'fenqi:close');
    element.setAttribute('amount', '700000');
    expect(await close).toEqual({ reason: 'update' });
  });

  test('leaves nothing behind when the element goes', async () => {
    const element = await opened();
    element.remove();
    await settle();
    expect(dialog(element)).toBeNull();
    document.body.append(element);
    await next(element, 'fenqi:ready');
    press(part(element, 'trigger'));
    expect(dialog(element).open).toBe(true);
  });
});

describe('choosing a plan', () => {
  const choose = (element: Element, term: number) => press(part(element, 'dialog').querySelector(`[value="${term}"]`)!);

  test('tells the page, shows the plan in the line and keeps the focus on the trigger', async () => {
    const element = await opened();
    const selected = next(element, 'fenqi:select');
    const closed = next(element, 'fenqi:close');
    await choose(element, 6);
    expect(await selected).toEqual({
      term: 6,
      amount: 599_900,
      per_term: 104_482,
      total: 626_896,
      apr: '0.1526794063',
    });
    expect(await closed).toEqual({ reason: 'select' });
    expect(line(element)).toBe('分期付款 6 期查看方案每期 ¥1,044.82末期 ¥1,044.86年化利率（单利）15.27%');
    expect(element.shadowRoot!.activeElement).toBe(part(element, 'trigger'));
  });

  test('is marked when the dialog opens again', async () => {
    const element = await opened();
    await choose(element, 12);
    await settle();
    press(part(element, 'trigger'));
    expect(parts(element, 'on').map((plan) => words(plan).slice(0, 7))).toEqual(['已选 12 期']);
  });

  test('lets the shopper pay in full after all', async () => {
    const element = await opened();
    const button = document.createElement('fenqi-button');
    document.body.append(button);
    await choose(element, 6);
    await settle();
    expect(words(button.shadowRoot!)).toContain('6 期');
    press(part(element, 'trigger'));
    const selected = next(element, 'fenqi:select');
    press(dialog(element).querySelector('li button')!);
    expect(await selected).toEqual({ term: undefined, amount: 599_900, per_term: 599_900, total: 599_900, apr: '0' });
    await settle();
    expect([line(element).includes('3/6/12 期'), words(button.shadowRoot!)]).toEqual([true, '分期付款']);
  });

  test('can be prevented: the dialog stays', async () => {
    const element = await opened();
    element.addEventListener('fenqi:select', (event) => event.preventDefault());
    await choose(element, 6);
    await settle();
    expect(dialog(element).open).toBe(true);
    expect(line(element)).toContain('3/6/12 期');
  });

  test('outlives a new amount that still has the term, and no other', async () => {
    const element = await opened();
    await choose(element, 3);
    element.setAttribute('amount', '700000');
    await next(element, 'fenqi:ready');
    expect(line(element)).toContain('3 期');
    element.setAttribute('terms', '6');
    element.setAttribute('amount', '599900');
    await next(element, 'fenqi:ready');
    element.removeAttribute('terms');
    await next(element, 'fenqi:ready');
    expect(line(element)).toContain('3/6/12 期');
  });
});
