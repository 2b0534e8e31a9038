/** The two files of this package, built in memory: the same sources always give the same bytes. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { minify } from 'rolldown/utils';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Browsers with constructable style sheets and `<dialog>`; older ones keep the merchant's fallback link. */
const target = ['chrome94', 'firefox101', 'safari16.4'];

/** What the element classes share among themselves is no interface: short names keep pages from leaning on it. */
const mangleProps = /^(shadow|emit|report|choice|speakIn|update|waiting|chosen|say|unfold|take)$/;

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

const bundled = async (entry, format, version, modal = '') => {
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
    define: { FENQI_VERSION: JSON.stringify(version), FENQI_MODAL: JSON.stringify(modal), FENQI_STANDALONE: String(format === 'iife') },
    external: ['./modal.js'],
    globalName: entry === 'modal' ? 'FenqiModal' : undefined,
  });
  const banner = `/*! @fenqi/js ${version} */`;
  const { code, errors } = await minify('fenqi.js', outputFiles[0].text, { compress: { target }, module: format === 'esm' });
  if (errors.length) throw new Error(JSON.stringify(errors));
  return Buffer.from(banner + code);
};

/** The `integrity` of a file. */
export const integrity = (bytes, method = 'sha384') => `${method}-${createHash(method).update(bytes).digest('base64')}`;

/**
 * `script`: what `<script src>` loads, and `modal`: what that loads when a checkout opens in a dialog, by its hash.
 * `module`, `modalModule`: what merchants import.
 */
export const bundle = async () => {
  const version = await packageVersion();
  const modal = await bundled('modal', 'iife', version);
  return {
    version,
    modal,
    script: await bundled('script', 'iife', version, integrity(modal, 'sha256')),
    module: await bundled('index', 'esm', version),
    modalModule: await bundled('modal', 'esm', version),
  };
};

/** What the price line may weigh over the wire, in bytes, as script and as module. */
export const LARGEST = 6144;

/** Bytes over the wire. */
export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
