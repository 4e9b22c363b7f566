/** A command-line flag that sets one setting. Free of imports: `--help` needs nothing else. */
export interface ConfigFlag {
  /** As commander names the option's value. */
  readonly name: string;
  readonly flag: string;
  readonly argument: string;
  readonly key: string;
  readonly description: string;
}

export const configFlags: readonly ConfigFlag[] = [
  {
    name: 'model',
    flag: '--model',
    argument: '<name>',
    key: 'model.name',
    description: 'architecture, such as vit-base or resnet-110',
  },
  {
    name: 'method',
    flag: '--method',
    argument: '<name>',
    key: 'method.name',
    description: 'incubation, imitation, e2e, infopro, dgl, greedy or gstack',
  },
  { name: 'modules', flag: '--modules', argument: '<k>', key: 'division.modules', description: 'number of modules' },
  {
    name: 'depths',
    flag: '--depths',
    argument: '<list>',
    key: 'division.depths',
    description: 'blocks of each module: 4,3,3,2',
  },
  {
    name: 'data',
    flag: '--data',
    argument: '<source>',
    key: 'data.source',
    description: 'image folder or other data set, text, or shapes',
  },
  {
    name: 'subset',
    flag: '--subset',
    argument: '<size>',
    key: 'data.trainLimit',
    description: 'part of the training images, class-balanced, or of the text: 500 or 25%',
  },
  {
    name: 'shots',
    flag: '--shots',
    argument: '<n>',
    key: 'data.shots',
    description: 'training images of every class',
  },
  {
    name: 'batchSize',
    flag: '--batch-size',
    argument: '<n>',
    key: 'training.batchSize',
    description: 'images, or sequences of text, per optimiser step',
  },
  { name: 'seed', flag: '--seed', argument: '<n>', key: 'seed', description: 'seed of every random decision' },
  {
    name: 'engine',
    flag: '--engine',
    argument: '<name>',
    key: 'devices.engine',
    description: 'what computes: auto, cpu, webgpu, cuda, tfjs or torch',
  },
  {
    name: 'precision',
    flag: '--precision',
    argument: '<name>',
    key: 'training.precision',
    description: 'what products and activations are computed in: fp32, tf32, bf16 or fp16',
  },
  {
    name: 'gpus',
    flag: '--gpus',
    argument: '<list>',
    key: 'devices.gpus',
    description: 'GPUs to use: auto, none, or 0,1,…',
  },
  {
    name: 'jobsPerGpu',
    flag: '--jobs-per-gpu',
    argument: '<n>',
    key: 'devices.jobsPerGpu',
    description: 'jobs that share a GPU',
  },
  { name: 'threads', flag: '--threads', argument: '<n>', key: 'devices.threads', description: 'CPU threads to use' },
  {
    name: 'cudaGraphs',
    flag: '--cuda-graphs',
    argument: '<when>',
    key: 'devices.cudaGraphs',
    description: 'record steps of torch on a GPU: auto, on or off',
  },
  {
    name: 'retries',
    flag: '--retries',
    argument: '<n>',
    key: 'execution.retries',
    description: 'further attempts of a job that failed',
  },
];
