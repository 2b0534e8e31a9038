/** The snippet inside pages with a strict Content-Security-Policy, each a frame of its own. */
import { afterEach, expect, test } from 'vitest';
import { FakeGateway } from '../gateway.js';
import { freshKey, line, next, part } from './page.js';

let frame: HTMLIFrameElement;
afterEach(() => frame.remove());

const pageWith = async (policy: string): Promise<{ page: Document; violations: string[] }> => {
  frame = document.createElement('iframe');
  frame.srcdoc =
    `<!doctype html><html lang="zh-CN"><meta http-equiv="Content-Security-Policy" content="${policy}">` +
    `<script src="/js/v1/fenqi.js"></script><body>`;
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument!;
  const violations: string[] = [];
  page.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
  return { page, violations };
};

const messageIn = (page: Document): HTMLElement => {
  const element = page.createElement('fenqi-message');
  element.setAttribute('amount', '599900');
  element.setAttribute('key', freshKey());
  page.body.append(element);
  return element;
};

test('works under default-src none and Trusted Types none, without a violation', async () => {
  const { page, violations } = await pageWith(
    `default-src 'none'; script-src ${location.origin}; connect-src ${location.origin}; style-src 'self'; ` +
      `require-trusted-types-for 'script'; trusted-types 'none'`,
  );
  new FakeGateway().install(frame.contentWindow!);
  const element = messageIn(page);
  await next(element, 'fenqi:ready');
  part(element, 'trigger').click();
  expect(page.defaultView!.getComputedStyle(part(element, 'dialog')).borderRadius).toMatch(/^16px/);
  expect(line(element)).toContain('年化利率（单利）');
  expect(violations).toEqual([]);
  expect(() => (page.body.innerHTML = 'the policy is in force')).toThrow(/TrustedHTML/);
});

test('says so when the policy lets no quote through', async () => {
  const { page } = await pageWith(`script-src ${location.origin}; connect-src 'none'`);
  const element = messageIn(page);
  const failed = next(element, 'fenqi:error');
  expect(await failed).toMatchObject({ code: 'blocked' });
});
