import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { speaker } from '../../src/catalog.js';
import { percent, yuan } from '../../src/format.js';

const zh = speaker('zh-CN');

describe('money', () => {
  test.each([
    [1, '¥0.01'],
    [99, '¥0.99'],
    [100, '¥1.00'],
    [99_999, '¥999.99'],
    [100_000, '¥1,000.00'],
    [599_900, '¥5,999.00'],
    [123_456_789, '¥1,234,567.89'],
  ])('%i fen is %s', (fen, text) => {
    expect(yuan(zh, fen)).toBe(text);
    expect(yuan(speaker('en'), fen)).toBe(`CN${text}`);
  });

  test('loses no fen anywhere up to 100,000 yuan', () => {
    for (let fen = 1; fen <= 10_000_000; fen += 997) {
      expect(Number(yuan(zh, fen).replace(/\D/g, ''))).toBe(fen);
    }
  });
});

describe('annual rates', () => {
  test.each([
    ['0.0000000000', '0%'],
    ['0E-10', '0%'],
    ['0.1800060335', '18.00%'],
    ['0.1234500000', '12.35%'],
    ['0.1234499999', '12.34%'],
    ['0.2395000000', '23.95%'],
  ])('%s is %s', (rate, text) => {
    expect(percent(Number(rate))).toBe(text);
  });

  const root = process.env.FENQI_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url));
  const vectors = `${root}/vectors/schedules.json`;

  test.skipIf(!existsSync(vectors))('round as the golden vectors do (skipped without them)', () => {
    type Vector = { kind: string; expected: { apr_nominal: string; apr_nominal_pct: string } };
    const cases = (JSON.parse(readFileSync(vectors, 'utf8')).vectors as Vector[]).filter(({ kind }) => kind === 'schedule');
    expect(cases.length).toBeGreaterThan(10);
    for (const { expected } of cases) {
      expect(percent(Number(expected.apr_nominal)).replace(/^0%$/, '0.00%')).toBe(`${expected.apr_nominal_pct}%`);
    }
  });
});
