import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes a configuration whose run takes seconds: four blocks in two modules, small generated images. */
export async function smallTraining(folder: string, metaEpochs = 2): Promise<string> {
  const path = join(folder, 'small training 🐣.yaml');
  await writeFile(
    path,
    `
model: { name: vit-tiny, width: 16, depth: 4, heads: 2, patch: 4, imageSize: 16 }
division: { modules: 2 }
data: { shapes: { train: 200, validation: 50 } }
training: { batchSize: 10, referenceBatch: null }
phases: { meta: { epochs: ${metaEpochs} }, incubate: { epochs: 1 }, finetune: { epochs: 1 } }
devices: { gpus: none, slots: 2, threads: 2 }
`,
  );
  return path;
}
