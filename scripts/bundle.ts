/*
 * The last step of `npm run build`: the programs that users and the coordinator start, each with what it needs in few files.
 * Node takes far longer to load hundreds (see docs/benchmarks.md).
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build, type Plugin } from 'rolldown';

const workers = readdirSync('workers').map((file) => [basename(file, '.ts'), `workers/${file}`]);

/** Packages with native parts, and tfjs, whose registries such share. */
const kept = /^(@tensorflow\/|onnxruntime-node|protobufjs|sharp)/;
const REQUIRED = '\0required:';

/**
 * Has the packages that are kept outside loaded by `require`, as they are CommonJS: to import such a file Node parses it twice
 * more, for what kind of module it is and what it exports, which for tfjs takes a sixth of a worker's start.
 */
const required: Plugin = {
  name: 'required',
  resolveId(source, importer) {
    if (!kept.test(source)) return null;
    return importer?.startsWith(REQUIRED) ? { id: source, external: true } : REQUIRED + source;
  },
  load: (id) => (id.startsWith(REQUIRED) ? `module.exports = require('${id.slice(REQUIRED.length)}')` : null),
};

await build({
  input: { main: 'src/cli/main.ts', ...Object.fromEntries(workers) },
  platform: 'node',
  plugins: [required],
  // Equal names in each build: a program that is running may load a chunk later.
  output: { dir: 'dist/programs', chunkFileNames: 'chunks/[name].js' },
});

// Tests build again where a source is newer than this.
writeFileSync('dist/.built', '');
