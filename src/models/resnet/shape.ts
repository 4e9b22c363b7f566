/** A residual block by its interfaces: what it takes and what it gives. */
export interface ResidualBlock {
  /** torchvision's name: stage from 1 on, index within the stage. */
  readonly name: `layer${number}.${number}`;
  /** Channels. */
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  /** Side of the input, pixels. */
  readonly side: number;
}

/** A residual network's dimensions (He et al., CVPR 2016). */
export interface ResnetShape {
  /** cifar: a 3×3 convolution; imagenet: a 7×7 convolution of stride 2 and max pooling of stride 2. */
  readonly stem: 'cifar' | 'imagenet';
  /** Whether blocks are 1×1, 3×3 and 1×1 convolutions, the stride on the 3×3 one (v1.5); otherwise two of 3×3. */
  readonly bottleneck: boolean;
  /** Channels of the stem. */
  readonly width: number;
  /** Channels between a block's convolutions, relative to those of the published network. */
  readonly innerWidth: number;
  readonly imageSize: number;
  readonly channels: number;
  readonly classes: number;
  readonly blocks: readonly ResidualBlock[];
}

/** Channels that a bottleneck gives for each of its 3×3 convolution's. */
export const EXPANSION = 4;

/** A published size: its stem, its kind of blocks, and how many of them each stage has. */
export interface NamedResnet extends Pick<ResnetShape, 'stem' | 'bottleneck' | 'width'> {
  readonly stages: readonly number[];
}

/** 6n + 2 layers: three stages of n blocks. */
const cifar = (blocks: number): NamedResnet => ({
  stem: 'cifar',
  bottleneck: false,
  width: 16,
  stages: [blocks, blocks, blocks],
});
const imageNet = (bottleneck: boolean, ...stages: readonly number[]): NamedResnet => ({
  stem: 'imagenet',
  bottleneck,
  width: 64,
  stages,
});

export const resnetShapes: Readonly<Record<string, NamedResnet>> = {
  'resnet-20': cifar(3),
  'resnet-32': cifar(5),
  'resnet-44': cifar(7),
  'resnet-56': cifar(9),
  'resnet-110': cifar(18),
  'resnet-18': imageNet(false, 2, 2, 2, 2),
  'resnet-34': imageNet(false, 3, 4, 6, 3),
  'resnet-50': imageNet(true, 3, 4, 6, 3),
  'resnet-101': imageNet(true, 3, 4, 23, 3),
};

/** A side after a convolution or pooling of this stride, whose padding keeps sides at stride 1. */
export function strided(side: number, stride: number): number {
  return Math.ceil(side / stride);
}

/** The side of what the stem gives. */
export function stemSide({ stem, imageSize }: Pick<ResnetShape, 'stem' | 'imageSize'>): number {
  return stem === 'cifar' ? imageSize : strided(strided(imageSize, 2), 2);
}

/** The blocks of all stages: each stage but the first begins with a stride of 2 and has twice the channels of the last. */
export function residualBlocks(named: NamedResnet, imageSize: number): ResidualBlock[] {
  const { stages, width, bottleneck } = named;
  let inputs = width;
  let side = stemSide({ ...named, imageSize });
  return stages.flatMap((count, stage) =>
    Array.from({ length: count }, (_, index): ResidualBlock => {
      const outputs = width * 2 ** stage * (bottleneck ? EXPANSION : 1);
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const block = { name: `layer${stage + 1}.${index}`, inputs, outputs, stride, side } as const;
      inputs = outputs;
      side = strided(side, stride);
      return block;
    }),
  );
}

/** Whether a block changes what passes through it, so that its shortcut is a projection. */
export function isTransition({ inputs, outputs, stride }: ResidualBlock): boolean {
  return inputs !== outputs || stride !== 1;
}
