/** The two files of this package, built in memory: the same sources always give the same bytes. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Browsers with constructable style sheets and `<dialog>`; older ones keep the merchant's fallback link. */
const target = ['chrome94', 'firefox101', 'safari16.4'];

/** What the element classes share among themselves is no interface: short names keep pages from leaning on it. */
const mangleProps = /^(shadow|emit|report|choice|speakIn|update|waiting|chosen|say)$/;

const raw = {
  name: 'raw',
  setup(bundle) {
    bundle.onResolve({ filter: /\?raw$/ }, ({ path }) => ({ path: `${root}src/${path.slice(2, -4)}`, namespace: 'raw' }));
    bundle.onLoad({ filter: /\.css$/, namespace: 'raw' }, async ({ path }) => {
      const { code } = await transform(await readFile(path), { loader: 'css', minify: true, target, charset: 'utf8' });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

export const packageVersion = async () => JSON.parse(await readFile(`${root}package.json`)).version;

const bundled = async (entry, format, version) => {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    minify: true,
    write: false,
    format,
    target,
    mangleProps,
    charset: 'utf8',
    plugins: [raw],
    tsconfigRaw: { compilerOptions: { target: 'es2022', useDefineForClassFields: true } },
    define: { FENQI_VERSION: JSON.stringify(version), FENQI_STANDALONE: String(format === 'iife') },
    banner: { js: `/*! @fenqi/js ${version} Apache-2.0 */` },
  });
  return Buffer.from(outputFiles[0].contents);
};

/** `script`: what `<script src>` loads. `module`: what merchants import. */
export const bundle = async () => {
  const version = await packageVersion();
  return { version, script: await bundled('script', 'iife', version), module: await bundled('index', 'esm', version) };
};

/** The `integrity` of a file. */
export const integrity = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;

/** What either file may weigh over the wire, in bytes. */
export const LARGEST = 6000;

/** Bytes over the wire. */
export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
