import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { freshPage, loadScript, next, part, press, settle, shown, words } from './page.js';

beforeAll(() => loadScript());
beforeEach(() => void freshPage());

/** A form with the instalment button and one to pay in full; resolves each submission to its entries. */
const form = (attributes = '') => {
  const host = document.createElement('form');
  host.innerHTML = `<input name="order" value="42"><fenqi-button ${attributes}></fenqi-button><button name="full" value="1">全款</button>`;
  document.body.append(host);
  const submitted = () =>
    new Promise<Record<string, unknown>>((resolve) => {
      host.addEventListener(
        'submit',
        (event) => {
          event.preventDefault();
          resolve(Object.fromEntries(new FormData(host, (event as SubmitEvent).submitter)));
        },
        { once: true },
      );
    });
  return { host, submitted, button: host.querySelector('fenqi-button')! };
};

const pressed = (button: Element) => press(part(button, 'pay'));

describe('the instalment button', () => {
  test('submits its form with the term', async () => {
    const { submitted, button } = form('term="6"');
    await settle();
    expect(words(part(button, 'pay'))).toBe('分期付款 · 6 期');
    const entries = submitted();
    pressed(button);
    expect(await entries).toEqual({ order: '42', fenqi_term: '6' });
  });

  test('submits an empty term while none is chosen', async () => {
    const { submitted, button } = form();
    const entries = submitted();
    pressed(button);
    expect(await entries).toEqual({ order: '42', fenqi_term: '' });
  });

  test('adds nothing when the shopper pays in full', async () => {
    const { host, submitted, button } = form('term="6"');
    const first = submitted();
    pressed(button);
    await first;
    await settle();
    const entries = submitted();
    press(host.querySelector('button')!);
    expect(await entries).toEqual({ order: '42', full: '1' });
  });

  test.each([
    ['', '12'],
    ['amount="599900"', '12'],
    ['amount="1000"', null],
  ])('with %j takes the term chosen for 5,999.00 yuan: %j', async (attributes, term) => {
    const { button } = form(attributes);
    const element = await shown();
    press(part(element, 'trigger'));
    press(part(element, 'dialog').querySelector('[value="12"]')!);
    expect(button.getAttribute('term')).toBe(term);
  });

  test('can be disabled, alone or with its fieldset', async () => {
    const { host, button } = form();
    const inner = part<HTMLButtonElement>(button, 'pay');
    button.disabled = true;
    expect([inner.disabled, button.hasAttribute('disabled')]).toEqual([true, true]);
    button.disabled = false;
    const fieldset = document.createElement('fieldset');
    host.append(fieldset);
    fieldset.append(button);
    expect(inner.disabled).toBe(false);
    fieldset.disabled = true;
    expect(inner.disabled).toBe(true);
  });

  test('names a wrong term and submits none', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { host, submitted, button } = form();
    const failed = next(host, 'fenqi:error');
    button.setAttribute('term', 'soon');
    expect(await failed).toMatchObject({ code: 'invalid_attribute' });
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('<fenqi-button> term="soon"'));
    const entries = submitted();
    pressed(button);
    expect(await entries).toEqual({ order: '42', fenqi_term: '' });
  });
});
