import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { bundle, root } from './scripts/bundle.mjs';

const built = await bundle();

/** Servers at origins of their own, until the tests end. */
const serve = (answer) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => answer(new URL(request.url, 'http://127.0.0.1'), response));
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.unref().address().port}`));
  });

const script = (response, text) =>
  response
    .setHeader('Content-Type', 'text/javascript; charset=utf-8')
    .setHeader('Access-Control-Allow-Origin', '*')
    .end(text);

/**
 * A gateway of another origin: the file with the dialog, and the pages of a checkout with the very script that a
 * gateway serves. As there, only a page whose origin is registered may show them: here, that of the tests.
 */
const gateway = await serve(async ({ pathname, searchParams }, response) => {
  if (pathname.endsWith('/modal.js')) return script(response, built.modal);
  if (pathname.endsWith('/frame.js')) return script(response, await readFile(`${root}../../gateway/web/static/frame.js`));
  const [parent, channel] = ['parent', 'channel'].map((name) => searchParams.get(name) ?? '');
  const registered = parent.startsWith('http://localhost:') && !pathname.includes('unregistered');
  response.setHeader('Content-Security-Policy', `frame-ancestors ${registered ? parent : "'none'"}`);
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(
    '<!doctype html><html lang="zh-CN"><title>分期</title>' +
      `<meta name="fenqi-frame" data-parent="${parent}" data-channel="${channel}">` +
      `<script src="/static/frame.js" defer></script><body><main data-status="${searchParams.get('status') ?? ''}"` +
      `${searchParams.has('error') ? ' data-error="wrong_state"' : ''}>` +
      `<p style="height:${Number(searchParams.get('tall') ?? 300)}px">${searchParams.get('lang')}</p></main></body></html>`,
  );
});
const tampered = await serve((_address, response) => script(response, `${built.modal};window.tampered = true`));

const define = {
  FENQI_VERSION: JSON.stringify(built.version),
  FENQI_MODAL: '""',
  FENQI_STANDALONE: 'false',
};

/** What bundlers find in the package. */
const modules = {
  '@fenqi/js': built.module.toString(),
  '@fenqi/js/react': 'export {}',
  './modal.js': built.modalModule.toString(),
};

/** The browser tests load what merchants load: the built script, from the path where a gateway serves it. */
const page = {
  name: 'page',
  enforce: 'pre',
  resolveId: (name, from) => (modules[name] && (name.startsWith('@') || from === '\0@fenqi/js') ? `\0${name}` : null),
  load: (name) => (name.startsWith('\0') ? modules[name.slice(1)] : null),
  configureServer(server) {
    server.middlewares.use('/js/v1/fenqi.js', (_request, response) => script(response, built.script));
    server.middlewares.use('/gateways.json', (_request, response) => {
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ gateway, tampered }));
    });
  },
};

export default defineConfig({
  test: {
    projects: [
      { define, test: { name: 'node', include: ['test/node/*.test.ts'], environment: 'node' } },
      {
        plugins: [page],
        resolve: { alias: [{ find: /^vue$/, replacement: 'vue/dist/vue.esm-browser.js' }] },
        oxc: { jsx: { runtime: 'automatic', importSource: 'react' } },
        optimizeDeps: { include: ['axe-core', 'react', 'react-dom/client', 'react/jsx-dev-runtime', 'vue'] },
        test: {
          name: 'browser',
          include: ['test/browser/*.test.{ts,tsx}'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            viewport: { width: 1280, height: 900 },
            instances: [{ browser: 'chromium' }],
            provider: playwright({
              launchOptions: {
                executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
                args: ['--no-sandbox', '--disable-gpu'],
              },
            }),
          },
        },
      },
    ],
  },
});
