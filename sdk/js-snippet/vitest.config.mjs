import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { bundle } from './scripts/bundle.mjs';

const define = { FENQI_VERSION: '"1.0.0"', FENQI_STANDALONE: 'false' };

/** The browser tests load what merchants load: the built script, from the path where a gateway serves it. */
const gateway = {
  name: 'gateway',
  async configureServer(server) {
    const { script } = await bundle();
    server.middlewares.use('/js/v1/fenqi.js', (_request, response) => {
      response.setHeader('Content-Type', 'text/javascript; charset=utf-8').end(script);
    });
  },
};

export default defineConfig({
  test: {
    projects: [
      { define, test: { name: 'node', include: ['test/node/*.test.ts'], environment: 'node' } },
      {
        plugins: [gateway],
        optimizeDeps: { include: ['axe-core'] },
        test: {
          name: 'browser',
          include: ['test/browser/*.test.ts'],
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
