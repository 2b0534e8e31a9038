import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
// @ts-expect-error plain JavaScript, shared with the build
import { bundle, gzipped, integrity, LARGEST, root } from '../../scripts/bundle.mjs';

const published = `${root}../../gateway/web/static/js/`;
const { version, script, module, modal } = await bundle();

describe('the built files', () => {
  test('are the ones that the gateway serves, byte for byte', () => {
    expect(readFileSync(`${published}v${version}/fenqi.js`).equals(script)).toBe(true);
    expect(readFileSync(`${published}v${version}/modal.js`).equals(modal)).toBe(true);
    expect(readFileSync(`${published}v1/fenqi.js`).equals(script)).toBe(true);
  });

  test('have the published integrity', () => {
    const versions = JSON.parse(readFileSync(`${published}versions.json`, 'utf8'));
    expect(versions[version]).toBe(integrity(script));
    for (const [known, hash] of Object.entries(versions)) {
      expect(integrity(readFileSync(`${published}v${known}/fenqi.js`))).toBe(hash);
    }
  });

  test('name the dialog of a checkout by its hash', () => {
    expect(script.toString()).toContain(integrity(modal, 'sha256'));
    expect(module.toString()).not.toContain('sha256');
  });

  test('come out the same when built again', async () => {
    const again = await bundle();
    expect(integrity(again.script)).toBe(integrity(script));
    expect(integrity(again.module)).toBe(integrity(module));
  });

  test(`weigh at most ${LARGEST} bytes over the wire`, () => {
    expect(gzipped(script)).toBeLessThanOrEqual(LARGEST);
    expect(gzipped(module)).toBeLessThanOrEqual(LARGEST);
  });

  test('contain no markup parsing and no address of anybody', () => {
    for (const file of [script, module, modal].map(String)) {
      expect(file).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
      expect(file).not.toMatch(/https?:\/\/\w/);
    }
  });
});

describe('the module', () => {
  test('does nothing when a server imports it', () => {
    const source = `import('data:text/javascript;base64,${module.toString('base64')}').then((fenqi) => console.log(Object.keys(fenqi).join()))`;
    const names = execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
    expect(names.trim()).toBe('FenqiButton,FenqiMessage,openCheckout,quote,redirectToCheckout,version');
  });

  test('carries the version of the package', () => {
    expect(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version).toBe(version);
    expect(module.toString()).toContain(`@fenqi/js ${version}`);
  });
});

describe('the package', () => {
  test('needs nothing at run time', () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined]);
  });

  test('locks versions and hashes, and names no registry', () => {
    const lock = readFileSync(`${root}package-lock.json`, 'utf8');
    const { packages } = JSON.parse(lock) as { packages: Record<string, { resolved?: string; integrity?: string }> };
    const locked = Object.entries(packages).filter(([path]) => path);
    expect(locked.filter(([, one]) => one.resolved)).toEqual([]);
    expect(locked.filter(([, one]) => !one.integrity)).toEqual([]);
  });

  test('that npm packs holds what is built, its types, hashes and licence, and works where it is installed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fenqi-'));
    const run = (command: string, ...words: string[]) =>
      execFileSync(command, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      run('npm', '--prefix', root, 'run', '--silent', 'build:dist');
      const [packed] = JSON.parse(run('npm', 'pack', root, '--json', '--ignore-scripts'));
      const files: string[] = packed.files.map(({ path }: { path: string }) => path).sort();
      const types = ['index', 'modal', 'react', 'message-element', 'button-element'].map((one) => `dist/types/${one}.d.ts`);
      const own = ['LICENSE', 'README.md', 'package.json'].concat(
        ['fenqi.js', 'index.js', 'modal.js', 'react.js', 'integrity.json'].map((name) => `dist/${name}`),
      );
      expect(files).toEqual(expect.arrayContaining([...own, ...types]));
      expect(files.filter((path) => !own.includes(path) && !/^dist\/types\/[\w-]+\.d\.ts$/.test(path))).toEqual([]);
      expect(packed.size).toBeLessThan(50_000);

      const place = join(folder, 'node_modules', '@fenqi', 'js');
      mkdirSync(place, { recursive: true });
      run('tar', 'xzf', packed.filename, '--strip-components=1', '-C', place);
      const inside = (name: string) => readFileSync(join(place, name));
      expect(inside('dist/index.js').equals(module)).toBe(true);
      expect(inside('dist/fenqi.js').equals(script)).toBe(true);
      expect(inside('LICENSE').equals(readFileSync(`${root}../../LICENSE`))).toBe(true);
      expect(JSON.parse(inside('dist/integrity.json').toString())[version]).toBe(integrity(script));

      const shop = [
        `import { openCheckout, version, type CheckoutResult, type Plan } from '@fenqi/js';`,
        `const status = async (url: string): Promise<CheckoutResult['status']> => (await openCheckout({ url, mode: 'modal' })).status;`,
        `const total = (plan: Plan): number => plan.total_payment;`,
        `console.log(version, typeof status, typeof total);`,
      ];
      writeFileSync(join(folder, 'shop.mts'), shop.join('\n'));
      writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
      const tsc = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable', '--types', ''];
      run(process.execPath, `${root}node_modules/typescript/bin/tsc`, ...tsc, 'shop.mts');
      expect(run(process.execPath, 'shop.mjs').trim()).toBe(`${version} function function`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
