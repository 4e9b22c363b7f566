import type { ImitationLoss } from '../config/methods.ts';
import type { AuxiliaryPart, Network, StatePart } from '../models/network.ts';
import type { TensorSpec } from '../util/tensor.ts';

/** What the steps of a job minimise, and by which parameters; `training/objectives` computes it. */
export type Objective = TaskObjective | ImitationObjective | LocalObjective;

/** The task's loss of what the network gives, by its trainable parts. */
export interface TaskObjective {
  readonly kind: 'task';
}

/** How far what a module gives is from what its meta slice gives, both for what the meta slices before them give. */
export interface ImitationObjective {
  readonly kind: 'imitation';
  readonly upstream: Network;
  readonly module: Network;
  /** Frozen; computed as in evaluation. */
  readonly slice: Network;
  readonly loss: ImitationLoss;
}

/** Modules in a row, each with a loss of its own; features pass on without gradients. */
export interface LocalObjective {
  readonly kind: 'local';
  readonly modules: readonly LocalModule[];
  /** Where other programs train those before and after them. */
  readonly stage?: StageEnds;
}

/** How modules that a program trains by themselves meet those before and after them. */
export interface StageEnds {
  /** What the module before gives, which the program is fed; absent where they are the first. */
  readonly features?: TensorSpec;
  /** Whether what the last of them gives is an output of the program. */
  readonly passesOn: boolean;
}

export interface LocalModule {
  readonly network: Network;
  /** What its loss is made of; null in the last module, which has the task's loss of what it gives. */
  readonly terms: readonly LocalTerm[] | null;
}

/** One term of a local loss, of what an auxiliary part makes of the module's features. */
export interface LocalTerm {
  readonly part: AuxiliaryPart;
  /** The task's loss of the part's output; supervised contrast of it; or of the image that it makes, its reconstruction. */
  readonly loss: 'task' | 'contrast' | 'reconstruction';
  readonly weight: number;
}

export const taskObjective: TaskObjective = { kind: 'task' };

/**
 * All parts with tensors of their own while a network is trained to an objective: the network's, and what the objective
 * needs beside it. Modules with losses of their own come one after the other, each with its auxiliary parts.
 */
export function statePartsOf(network: Network, objective: Objective): readonly StatePart[] {
  switch (objective.kind) {
    case 'task':
      return network;
    case 'imitation':
      return [...network, ...objective.slice];
    case 'local':
      return objective.modules.flatMap(modulePartsOf);
  }
}

/** The parts of a module with a loss of its own, auxiliary ones included. */
export function modulePartsOf({ network, terms }: LocalModule): readonly StatePart[] {
  return [...network, ...(terms ?? []).map(({ part }) => part)];
}
