import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { catalogs, speaker, Text } from '../../src/catalog.js';

const folder = fileURLToPath(new URL('../../src/', import.meta.url));
const source = readFileSync(`${folder}catalog.ts`, 'utf8');
const [names, ...blocks] = [/enum Text \{([^}]*)\}/, /const zh = \[([^\]]*)\]/, /const en = \[([^\]]*)\]/].map(
  (pattern) => pattern.exec(source)![1]!,
);
const keys = names!.match(/\w+/g)!;

describe.each([
  ['zh-CN', blocks[0]!],
  ['en', blocks[1]!],
] as const)('the catalogue of %s', (locale, block) => {
  test('has every text, in the order of the keys', () => {
    expect([...block.matchAll(/\/\* (\w+) \*\//g)].map(([, key]) => key)).toEqual(keys);
    expect(catalogs[locale]).toHaveLength(keys.length);
    expect(catalogs[locale].filter((text) => !text.trim())).toEqual([]);
  });

  test('never promises a lowest price alone', () => {
    expect(catalogs[locale].join('\n')).not.toMatch(/低至|起\b|最低|as low as|only|just /i);
  });
});

test('both languages take a value in the same texts', () => {
  const values = (locale: 'zh-CN' | 'en') => catalogs[locale].map((text) => text.split('#').length - 1);
  expect(values('en')).toEqual(values('zh-CN'));
});

test('every text is in use', () => {
  const code = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && file !== 'catalog.ts')
    .map((file) => readFileSync(folder + file, 'utf8'))
    .join('\n');
  expect(keys.filter((key) => !new RegExp(`Text\\.${key}\\b`).test(code))).toEqual([]);
});

test('a text takes its value', () => {
  expect(speaker('zh-CN')(Text.Months, 12)).toBe('12 期');
  expect(speaker('en')(Text.Months, '3/6')).toBe('3/6 months');
});
