import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { rolldown } from 'rolldown';
import type { EngineName } from '../../src/config/engines.ts';
import type { GivenAs } from '../../src/engine/lazy-backend.ts';

const root = join(import.meta.dirname, '../..');
const tfjsCore = join(root, 'node_modules/@tensorflow/tfjs-core/dist');

export interface Spec {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'pending';
  /** What went wrong. */
  readonly message: string;
}

/** tfjs-core's specs, bundled with our engines: as modules of their own they cannot be loaded by Node. */
export interface SpecBundle {
  run(engine: EngineName, givenAs: GivenAs): Promise<readonly Spec[]>;
  remove(): Promise<void>;
}

export async function bundleSpecs(): Promise<SpecBundle> {
  // Within the checkout, so that what is not bundled is found.
  await mkdir(join(root, '.scratch'), { recursive: true });
  const folder = await mkdtemp(join(root, '.scratch/conformance-'));
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'specs.ts'),
    platform: 'node',
    external: [/^onnxruntime-node/, /^jasmine-core/, /^@tensorflow\/tfjs-node/],
    resolve: {
      alias: { '@tensorflow/tfjs-core/dist': tfjsCore, '@tensorflow/tfjs-core$': join(tfjsCore, 'index.js') },
      mainFields: ['module', 'main'],
    },
    treeshake: false,
    logLevel: 'silent',
  });
  await bundle.write({ dir: folder, format: 'esm' });
  await bundle.close();
  return {
    async run(engine, givenAs) {
      const { stdout } = await execa(process.execPath, [join(folder, 'specs.js'), engine, givenAs], { cwd: root });
      return stdout.split('\n').map((line) => JSON.parse(line) as Spec);
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
