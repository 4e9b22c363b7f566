import type { RunConfig } from '../config/schema.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import type { Architecture } from './architecture.ts';
import type { AuxiliaryPlace, AuxiliarySpec } from './auxiliary.ts';

export type ModelConfig = RunConfig['model'];

/** Settings of `model` that null leaves as the name says. */
export type ModelSetting = {
  [Key in keyof ModelConfig]: null extends ModelConfig[Key] ? Key : never;
}[keyof ModelConfig];

/** Architectures that are alike but for their dimensions. */
export interface Family<Shape = unknown> {
  /** For people, in the plural. */
  readonly title: string;
  readonly reads: 'images' | 'text';
  /** Whether it normalises by batches while it is trained, and so has running statistics. */
  readonly hasStatistics: boolean;
  /** Values of `model.name`. */
  readonly names: readonly string[];
  /** The settings that change a named size; others have no meaning here. */
  readonly settings: readonly ModelSetting[];
  /**
   * @param outputs numbers that the head gives: classes, or the tokens of a vocabulary
   * @throws CONFIG_MODEL where the dimensions do not fit together.
   */
  build(model: ModelConfig, outputs: number): Architecture<Shape>;
  /**
   * The meta model of a division: slice i has the interfaces of the target's slice i, and `metaDepth` blocks.
   *
   * @param width of what is within its blocks, relative to the target's
   * @throws CONFIG_MODEL where there is nothing within its blocks that could be of another width.
   */
  metaArchitecture(target: Architecture<Shape>, modules: readonly ModulePlan[], width: number): Architecture<Shape>;
  /** The part that a local loss puts on a block's output. */
  auxiliary(target: Architecture<Shape>, place: AuxiliaryPlace): AuxiliarySpec;
}
