/** One plan in one line, by the golden cases that the gateway's pages and the portal hold as well. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { speaker } from '../../src/catalog.js';
import { yuan } from '../../src/format.js';
import type { Plan } from '../../src/plan.js';
import { json, type FakeGateway } from '../gateway.js';
import cases from '../plan-summaries.json';
import phone from '../quote-599900.json';
import { freshPage, line, loadScript, shown } from './page.js';

let gateway: FakeGateway;
beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage('zh-CN');
});

test.each(cases)('$name', async ({ payments, summary }) => {
  const [template] = phone.plans as Plan[];
  const schedule = payments.map((payment, index) => ({
    ...template!.schedule[0]!,
    period: index + 1,
    principal: payment,
    payment,
  }));
  const regular = payments[Math.floor(payments.length / 2)]!;
  const plan: Plan = {
    ...template!,
    term: summary.term,
    interest_free: false,
    installment: { first: payments[0]!, regular, last: payments.at(-1)! },
    total_payment: summary.total,
    schedule,
  };
  gateway.answer = ({ searchParams }) =>
    json({ object: 'quote', currency: 'CNY', amount: Number(searchParams.get('amount')), plans: [plan], unavailable: [] });
  const money = (fen: number) => yuan(speaker('zh-CN'), fen);
  const text = line(await shown({ amount: `${summary.total}` }));
  const range = summary.low === summary.high ? money(summary.low) : `${money(summary.low)} – ${money(summary.high)}`;
  const first = summary.first === null ? '' : `首期 ${money(summary.first)}`;
  const last = summary.last === null ? '' : `末期 ${money(summary.last)}`;
  expect(text).toContain(`每期 ${range}${first}${last}年化`);
  expect(text).not.toContain('×');
  if (summary.even) expect(summary.term * summary.low).toBe(summary.total);
});
