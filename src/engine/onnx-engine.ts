import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { requirePrecision } from '../config/precision.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { channelBlock } from './channel-block.ts';
import { checkFeeds, checkState, foreignState } from './check-inputs.ts';
import { costOf } from './cost.ts';
import { canReside, deviceMemory } from './device-memory.ts';
import { compileFailure, disposed, runFailure } from './failures.ts';
import { type Graph, reducedTypeOf } from './graph.ts';
import { overwritableState } from './in-place.ts';
import { families } from './kernels/table.ts';
import { FEED_PREFIX, lowerToOnnx, nextState, OUTPUT_PREFIX, STATE_PREFIX } from './lower-to-onnx.ts';
import { openSession } from './onnx-session.ts';
import { fromOnnx, OnnxState, release, toOnnx } from './onnx-state.ts';
import { type Tuning, tuned } from './onnx-tuning.ts';
import type { Engine, Executable, Program } from './program.ts';
import { type Provider, type ProviderName, providers } from './providers.ts';
import { fuseChannelPasses } from './rewrites/channel-passes.ts';
import { moveFactorsToFilters } from './rewrites/filter-factors.ts';
import { traceProgram } from './trace.ts';

export interface OnnxEngineOptions {
  /** Threads of an operator. Results are bit-identical between runs with equal numbers of threads. */
  readonly threads: number;
  /** What computes; `cpu` where absent. */
  readonly provider?: ProviderName;
  /** Whether programs with nodes that the provider cannot run are refused; otherwise the CPU runs those. */
  readonly deviceOnly?: boolean;
  /** Whether precisions that the provider does not have are computed in float32, with every result rounded: for tests. */
  readonly emulate?: boolean;
  /** How programs are compiled and run, for benchmarks. */
  readonly tuning?: Tuning;
}

/** The engines `cpu`, `webgpu` and `cuda`: programs are traced, lowered to ONNX and run as a whole by ONNX Runtime. */
export function createOnnxEngine(options: OnnxEngineOptions): Engine {
  const { threads, provider: name = 'cpu', deviceOnly = false, emulate = false, tuning = tuned } = options;
  const provider = tuning.fuseTransposes ? providers[name] : withoutFusedProducts(providers[name]);
  const memory = provider.stateLocation === 'cpu' ? null : deviceMemory(provider);
  return {
    name,
    createState: (tensors) => new OnnxState(tensors, provider, memory),
    async compile(program) {
      if (!emulate) requirePrecision(name, program.precision);
      // CUDA's libraries read it when they are loaded; ONNX Runtime would round operands of products otherwise.
      if (name === 'cuda' && program.precision !== 'tf32') process.env.NVIDIA_TF32_OVERRIDE ??= '0';
      const graph = traceProgram(program);
      const block = await blockOf(provider, program, graph, tuning);
      const model = lowerToOnnx(block > 1 ? fuseChannelPasses(moveFactorsToFilters(graph)) : graph, program, {
        provider,
        block,
      });
      const resident = [...graph.nextState].filter(([, value]) => memory && canReside(value.dtype));
      const session = await openSession(model, {
        provider,
        threads,
        tuning,
        basicOptimisation: graph.nodes.length > tuning.fullOptimisationNodes,
        onDevice: resident.map(([key]) => nextState(key)),
        deviceOnly,
        repeatsCasts: reducedTypeOf(program.precision) !== null,
        keepsLayout: hasConvolutions(graph),
      }).catch((error: unknown) => {
        throw compileFailure(program, error);
      });
      // A device's memory is written anew.
      const overwritten = memory || !tuning.writeInPlace ? new Set<string>() : overwritableState(graph);
      return onnxExecutable(program, session, costOf(graph), { provider, overwritten });
    },
  };
}

/** Channels in a block of the program's images; 1 where it has none, or none that are kept in blocks. */
async function blockOf(provider: Provider, program: Program, graph: Graph, tuning: Tuning): Promise<number> {
  const isFloat32 = reducedTypeOf(program.precision) === null;
  return provider.blocksChannels && tuning.blockChannels && isFloat32 && hasConvolutions(graph) ? channelBlock() : 1;
}

function hasConvolutions({ nodes }: Graph): boolean {
  return nodes.some(({ kernel }) => kernel in families.convolutions);
}

function withoutFusedProducts(provider: Provider): Provider {
  return { ...provider, lacks: new Set([...provider.lacks, 'FusedMatMul']) };
}

function onnxExecutable(
  program: Program,
  session: InferenceSession,
  cost: Executable['cost'],
  { provider, overwritten }: { readonly provider: Provider; readonly overwritten: ReadonlySet<string> },
): Executable {
  let isDisposed = false;
  let runs = 0;
  return {
    cost,
    async run(state, feeds) {
      if (isDisposed) throw disposed(program.name);
      if (!(state instanceof OnnxState && state.provider === provider)) throw foreignState(program);
      checkFeeds(program, feeds);
      runs += 1;
      try {
        return await state.use.lend(program.name, () => {
          checkState(program, (name) => {
            const { type, dims } = state.get(name);
            return { dtype: type, shape: dims };
          });
          return compute(program, session, { state, feeds, overwritten });
        });
      } catch (error) {
        throw runFailure(program, error);
      } finally {
        runs -= 1;
        if (isDisposed && runs === 0) await session.release();
      }
    },
    dispose() {
      if (!isDisposed && runs === 0) void session.release();
      isDisposed = true;
    },
  };
}

interface Inputs {
  readonly state: OnnxState;
  readonly feeds: HostTensors;
  /** State tensors that are written over in place. */
  readonly overwritten: ReadonlySet<string>;
}

async function compute(program: Program, session: InferenceSession, { state, feeds, overwritten }: Inputs) {
  const inputs: Record<string, Tensor> = {};
  for (const name of Object.keys(program.state)) inputs[STATE_PREFIX + name] = await state.resident(name);
  for (const [name, tensor] of Object.entries(feeds)) inputs[FEED_PREFIX + name] = toOnnx(tensor);
  // The binding computes on this thread, from a macrotask of its own, so timers and messages are served in between.
  const results = await session.run(inputs, fetches(session, inputs, overwritten));
  const outputs: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    const [kind, key] = [name.slice('next '.length), name.slice(name.indexOf(':') + 1)];
    if (kind.startsWith(OUTPUT_PREFIX)) outputs[key] = fromOnnx(tensor);
    // The binding hands out a copy of what it wrote over the state.
    else if (overwritten.has(key)) release(tensor);
    else state.replace(key, tensor);
  }
  return outputs;
}

/** Where each output goes: over the old value of the state, or, where null, to memory of its own. */
function fetches(session: InferenceSession, inputs: Record<string, Tensor>, overwritten: ReadonlySet<string>) {
  const places = new Map([...overwritten].map((name) => [nextState(name), inputs[STATE_PREFIX + name] as Tensor]));
  return Object.fromEntries(session.outputNames.map((name) => [name, places.get(name) ?? null]));
}
