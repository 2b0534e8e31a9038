export type ProblemCode = 'invalid_attribute' | 'quote_failed' | 'network' | 'timeout' | 'blocked';

/** What `Fenqi.*` promises reject with and `fenqi:error` reports: `code` is stable, `message` is for developers. */
export type FenqiError = Error & { code: ProblemCode };

export const problem = (code: ProblemCode, message: string): FenqiError => Object.assign(Error(message), { code });

/** Scheme and host of an http(s) address. */
export const ORIGIN = /^https?:\/\/[^/?#\s]+/;

/** The part of the value that has the wanted form. Throws `FenqiError` naming the attribute or option when none has. */
export const checked = (name: string, value: unknown, form: RegExp): string => {
  const text = `${value ?? ''}`;
  const found = form.exec(text);
  if (found) return found[0];
  throw problem('invalid_attribute', `${name}="${text}" does not match ${form}`);
};
