import type { SampleBatch } from '../data/dataset.ts';
import type { Engine, EngineState } from '../engine/program.ts';
import type { JobNetwork } from '../methods/method.ts';
import { modulePartsOf, statePartsOf } from '../methods/objective.ts';
import { flatten, unflatten } from '../training/layout.ts';
import { layoutsOf, type NetworkLayouts } from '../training/network-layouts.ts';
import { deserializeError } from '../util/errors.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { Gathering } from './gathering.ts';
import { type StageLink, startStage } from './link.ts';
import type { StageReply, StageSpec } from './messages.ts';
import { localObjective } from './stage.ts';

/** The state of all modules, which lies in their processes. */
export class ChainState implements EngineState {
  private readonly whole: NetworkLayouts;
  private readonly stages: readonly NetworkLayouts[];
  private readonly names: readonly string[];
  private readonly first: StageLink;
  private readonly steps = new Map<number, Gathering<number>>();
  private readonly reads = new Map<number, Gathering<HostTensors>>();
  private readonly onStepped: (index: number, peakBytes: number) => void;
  private requests = 0;
  private failure: Error | undefined;
  /** What is computed with here, where it is as in the processes. */
  private copy: EngineState | undefined;
  private isFresh = false;

  constructor(
    tensors: HostTensors,
    spec: StageSpec,
    { network, objective }: JobNetwork,
    onStepped: (index: number, peakBytes: number) => void,
  ) {
    this.whole = layoutsOf(statePartsOf(network, objective));
    this.stages = localObjective(objective).modules.map((module) => layoutsOf(modulePartsOf(module)));
    this.names = Object.keys(tensors);
    this.onStepped = onStepped;
    this.first = startStage(0, spec.devices[0] ?? '', (reply) => this.receive(reply));
    this.first.send({ type: 'open', index: 0, spec, states: this.divided(tensors) });
  }

  write(tensors: HostTensors): void {
    this.isFresh = false;
    this.first.send({ type: 'write', states: this.divided(tensors) });
  }

  async read(names: readonly string[] = this.names): Promise<Record<string, HostTensor>> {
    const request = this.requests++;
    const gathering = this.gathering(this.reads, request);
    this.first.send({ type: 'read', request, names });
    const parts = await gathering.done;
    return Object.fromEntries(names.map((name) => [name, this.joined(name, parts)]));
  }

  /** The loss of the last module; no number, or not finite, where that of another is not. */
  async step(batch: SampleBatch, step: number, lr: number): Promise<number> {
    this.isFresh = false;
    const gathering = this.gathering(this.steps, step);
    this.first.send({ type: 'step', step, lr, batch });
    const losses = await gathering.done;
    return losses.find((loss) => !Number.isFinite(loss)) ?? (losses.at(-1) as number);
  }

  /** The parameters and statistics as they are now. */
  async copyIn(engine: Engine): Promise<EngineState> {
    if (this.copy && this.isFresh) return this.copy;
    const tensors = await this.read(this.names.filter((name) => name === 'parameters' || name === 'statistics'));
    this.copy?.write(tensors);
    this.copy ??= engine.createState(tensors);
    this.isFresh = true;
    return this.copy;
  }

  dispose(): void {
    this.first.end();
    this.copy?.dispose();
  }

  private receive(reply: StageReply): void {
    if (reply.type === 'stepped') {
      this.steps.get(reply.step)?.add(reply.index, reply.loss);
      this.onStepped(reply.index, reply.peakBytes);
    } else if (reply.type === 'tensors') {
      this.reads.get(reply.request)?.add(reply.index, reply.tensors);
    } else {
      this.failure = deserializeError(reply.error);
      this.first.end();
      for (const { reject } of [...this.steps.values(), ...this.reads.values()]) reject(this.failure);
    }
  }

  private gathering<Part>(waiting: Map<number, Gathering<Part>>, key: number): Gathering<Part> {
    const gathering = new Gathering<Part>(this.stages.length);
    waiting.set(key, gathering);
    const forget = () => void waiting.delete(key);
    gathering.done.then(forget, forget);
    if (this.failure) gathering.reject(this.failure);
    return gathering;
  }

  private layout(name: string) {
    return (layouts: NetworkLayouts) => (name === 'statistics' ? layouts.statistics : layouts.trained);
  }

  /** Each stage's part of flat vectors. */
  private divided(tensors: HostTensors): HostTensors[] {
    const named = Object.entries(tensors).map(([name, vector]) => {
      const of = this.layout(name);
      return { name, of, tensors: unflatten(of(this.whole), vector as HostTensor<'float32'>) };
    });
    return this.stages.map((stage) =>
      Object.fromEntries(
        named
          .filter(({ of }) => of(stage).size > 0)
          .map(({ name, of, tensors }) => [name, flatten(of(stage), tensors)]),
      ),
    );
  }

  private joined(name: string, parts: readonly HostTensors[]): HostTensor {
    const of = this.layout(name);
    const tensors = this.stages.map((stage, index) => {
      const vector = parts[index]?.[name] as HostTensor<'float32'> | undefined;
      return vector ? unflatten(of(stage), vector) : {};
    });
    return flatten(of(this.whole), Object.assign({}, ...tensors));
  }
}
