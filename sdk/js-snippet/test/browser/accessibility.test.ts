import axe from 'axe-core';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { page } from 'vitest/browser';
import { FakeGateway } from '../gateway.js';
import { freshPage, line, loadScript, message, next, part, settle, shown } from './page.js';

let gateway: FakeGateway;
beforeAll(() => loadScript());
beforeEach(() => {
  gateway = freshPage();
});

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const violations = async (): Promise<string[]> => {
  const { violations: found } = await axe.run(document, {
    runOnly: RULES,
    rules: { region: { enabled: false }, 'landmark-one-main': { enabled: false }, 'page-has-heading-one': { enabled: false } },
    resultTypes: ['violations'],
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
};

type Attributes = Record<string, string>;

/** Every state that a shopper can meet. */
const states: Record<string, (attributes: Attributes) => Promise<unknown>> = {
  loading: async (attributes) => {
    const element = await shown(attributes);
    gateway.delay = () => 60_000;
    element.setAttribute('amount', '700000');
    await settle(1);
  },
  ready: async (attributes) => {
    for (const variant of ['text', 'badge', 'cards']) await shown({ ...attributes, variant });
    const form = document.createElement('form');
    const button = document.createElement('fenqi-button');
    for (const [name, value] of Object.entries(attributes)) button.setAttribute(name, value);
    form.append(button);
    document.body.append(form);
    await settle(1);
  },
  ineligible: (attributes) => shown({ ...attributes, amount: 5_000 }),
  error: async (attributes) => {
    gateway.answer = () => new Response(null, { status: 503 });
    const element = message(attributes);
    document.body.append(element);
    await next(element, 'fenqi:error');
  },
  'dialog open': async (attributes) => {
    const element = await shown(attributes);
    part(element, 'trigger').click();
    const dialog = part<HTMLDialogElement>(element, 'dialog');
    dialog.querySelector('details')!.open = true;
    dialog.getAnimations().forEach((animation) => animation.finish());
  },
};

describe.each([320, 390, 1280])('at %i px', (width) => {
  beforeAll(() => page.viewport(width, 900));

  describe.each(['zh-CN', 'en'])('in %s', (locale) => {
    describe.each(['light', 'dark'])('%s', (theme) => {
      test.each(Object.keys(states))('axe finds nothing when %s, and nothing is wider than the page', async (state) => {
        document.documentElement.lang = locale;
        document.body.style.background = theme === 'dark' ? '#121417' : '#fff';
        document.documentElement.style.colorScheme = theme;
        await states[state]!({ locale, theme });
        expect(await violations()).toEqual([]);
        expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
        for (const dialog of [...document.querySelectorAll('fenqi-message')].map((one) => part(one, 'dialog'))) {
          if (dialog) expect(dialog.scrollWidth).toBeLessThanOrEqual(dialog.clientWidth);
        }
      });
    });
  });
});

test('axe looks into the elements: an accent without contrast is found', async () => {
  const element = await shown();
  element.style.setProperty('--fq-accent', '#bcd');
  expect((await violations()).join()).toContain('color-contrast');
});

test('every control is at least 24 px high, and those in the dialog 44', async () => {
  const element = await shown();
  const heights = (root: Element) => [...root.querySelectorAll('button, summary')].map((node) => node.getBoundingClientRect().height);
  expect(Math.min(...heights(part(element, 'line')))).toBeGreaterThanOrEqual(24);
  part(element, 'trigger').click();
  expect(Math.min(...heights(part(element, 'dialog')))).toBeGreaterThanOrEqual(44);
});

test('text stays inherited from the page: its font and its size', async () => {
  document.body.style.fontSize = '20px';
  const element = await shown();
  expect(getComputedStyle(part(element, 'line')).fontSize).toBe('20px');
  expect(line(element)).not.toBe('');
  document.body.style.fontSize = '';
});
