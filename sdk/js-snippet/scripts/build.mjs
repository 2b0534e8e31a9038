/**
 * Writes the package (`dist/`) and the copies that the gateway serves (`gateway/web/static/js/`),
 * and pins the newest one in the example shop.
 * With `--dist`, the package alone.
 * A released version never changes: other bytes under the same version are refused, unless `--unreleased` says that
 * nobody outside this repository has had it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { bundle, gzipped, integrity, LARGEST, root } from './bundle.mjs';

const pinned = `${root}../../examples/phones/snippet.json`;
const published = `${root}../../gateway/web/static/js/`;

const write = async (path, content) => {
  await mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  await writeFile(path, content);
};

const bySemver = (one, other) => one.localeCompare(other, 'en', { numeric: true });

const { version, script, module, modal, modalModule } = await bundle();
const versions = JSON.parse(await readFile(`${published}versions.json`, 'utf8').catch(() => '{}'));
const hash = integrity(script);

if (gzipped(script) > LARGEST || gzipped(module) > LARGEST) {
  throw new Error(`${gzipped(script)} and ${gzipped(module)} bytes gz; the limit is ${LARGEST}`);
}
if (versions[version] && versions[version] !== hash && !process.argv.includes('--unreleased')) {
  throw new Error(`${version} has other bytes: raise the version in package.json, or pass --unreleased`);
}

versions[version] = hash;
const ordered = Object.fromEntries(Object.entries(versions).sort(([one], [other]) => bySemver(one, other)));
const major = version.split('.')[0];
const latest = Object.keys(ordered).findLast((known) => known.startsWith(`${major}.`));

await write(`${root}dist/fenqi.js`, script);
await write(`${root}dist/index.js`, module);
await write(`${root}dist/modal.js`, modalModule);
await write(`${root}dist/react.js`, 'export {};\n');
await write(`${root}dist/types/react.d.ts`, await readFile(`${root}src/react.d.ts`));
await write(`${root}dist/integrity.json`, `${JSON.stringify(ordered, null, 2)}\n`);
if (!process.argv.includes('--dist')) {
  await write(`${published}v${version}/fenqi.js`, script);
  await write(`${published}v${version}/modal.js`, modal);
  if (latest === version) await write(`${published}v${major}/fenqi.js`, script);
  if (latest === version) await write(pinned, `${JSON.stringify({ version, integrity: hash }, null, 2)}\n`);
  await write(`${published}versions.json`, `${JSON.stringify(ordered, null, 2)}\n`);
}

console.log(`@fenqi/js ${version}: script ${gzipped(script)} bytes gz, module ${gzipped(module)} bytes gz\n${hash}`);
