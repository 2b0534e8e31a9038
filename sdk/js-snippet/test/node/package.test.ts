import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
// @ts-expect-error plain JavaScript, shared with the build
import { bundle, gzipped, integrity, LARGEST, root } from '../../scripts/bundle.mjs';

const published = `${root}../../gateway/web/static/js/`;
const { version, script, module } = await bundle();

describe('the built files', () => {
  test('are the ones that the gateway serves, byte for byte', () => {
    expect(readFileSync(`${published}v${version}/fenqi.js`).equals(script)).toBe(true);
    expect(readFileSync(`${published}v1/fenqi.js`).equals(script)).toBe(true);
  });

  test('have the published integrity', () => {
    const versions = JSON.parse(readFileSync(`${published}versions.json`, 'utf8'));
    expect(versions[version]).toBe(integrity(script));
    for (const [known, hash] of Object.entries(versions)) {
      expect(integrity(readFileSync(`${published}v${known}/fenqi.js`))).toBe(hash);
    }
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
    expect(script.toString()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
    expect(script.toString()).not.toMatch(/https?:\/\/\w/);
  });
});

describe('the module', () => {
  test('does nothing when a server imports it', () => {
    const source = `import('data:text/javascript;base64,${module.toString('base64')}').then((fenqi) => console.log(Object.keys(fenqi).join()))`;
    const names = execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
    expect(names.trim()).toBe('FenqiButton,FenqiMessage,quote,redirectToCheckout,version');
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
});
