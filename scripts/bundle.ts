/*
 * The last step of `npm run build`: the programs that users and the coordinator start, each with what it needs in few files.
 * Node takes far longer to load hundreds (see docs/benchmarks.md).
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'rolldown';

const workers = readdirSync('workers').map((file) => [basename(file, '.ts'), `workers/${file}`]);

await build({
  input: { main: 'src/cli/main.ts', ...Object.fromEntries(workers) },
  platform: 'node',
  // Packages with native parts, and tfjs, whose registries such share.
  external: /^(@tensorflow\/|onnxruntime-node|protobufjs|sharp)/,
  // Equal names in each build: a program that is running may load a chunk later.
  output: { dir: 'dist/programs', chunkFileNames: 'chunks/[name].js' },
});
