import { requirePrecision } from '../../config/precision.ts';
import { IncubateError, messageOf } from '../../util/errors.ts';
import type { HostTensor } from '../../util/tensor.ts';
import { checkFeeds, checkState, foreignState } from '../check-inputs.ts';
import { costOf } from '../cost.ts';
import { compileFailure, disposed, runFailure } from '../failures.ts';
import type { Graph } from '../graph.ts';
import { overwritableState } from '../in-place.ts';
import type { Engine, Executable, Program } from '../program.ts';
import { inPrecision } from '../rewrites/autocast.ts';
import { torchTreatments } from '../rewrites/autocast-kernels.ts';
import { fuseChannelPasses } from '../rewrites/channel-passes.ts';
import { moveFactorsToFilters } from '../rewrites/filter-factors.ts';
import { fused } from '../rewrites/fuse.ts';
import { traceFloat32 } from '../trace.ts';
import {
  loadAddon,
  type ProgramHandle,
  type TorchAddon,
  type TorchDevice,
  type TorchFault,
  type TorchTensor,
} from './addon.ts';
import { typeNumbers } from './code.ts';
import { lowerToTorch } from './lower.ts';
import { hostTensor, TorchState } from './torch-state.ts';

export interface TorchEngineOptions {
  /** Threads of an operation; one number for all engines of a process. */
  readonly threads: number;
  /** Where to compute; a GPU where PyTorch sees one, if absent. */
  readonly device?: TorchDevice;
}

/**
 * The engine `torch`: programs are traced and run as a whole by PyTorch's C++ library, on a thread of its own.
 *
 * @throws ENGINE_UNAVAILABLE where the addon was not built, PyTorch sees no GPU that is asked for, or the process computes
 *   with another number of threads already.
 */
export async function createTorchEngine({ threads, device }: TorchEngineOptions): Promise<Engine> {
  const { addon } = await loadAddon();
  try {
    addon.open(threads, device ?? (addon.devices() > 0 ? 'cuda' : 'cpu'));
  } catch (error) {
    throw new IncubateError('ENGINE_UNAVAILABLE', `the engine torch cannot be opened: ${messageOf(error)}`, {
      hint: 'A process has one number of threads; GPUs must be allowed by CUDA_VISIBLE_DEVICES.',
      cause: error,
    });
  }
  return {
    name: 'torch',
    createState: (tensors) => new TorchState(tensors, addon),
    async compile(program) {
      requirePrecision('torch', program.precision);
      const graph = traceFloat32(program);
      // What stands for several nodes is found before types are between them.
      const passes = fuseChannelPasses(moveFactorsToFilters(graph), false);
      const lean = inPrecision(fused(passes), program.precision, torchTreatments);
      const code = { ...lowerToTorch(lean, overwritableState(graph)), roundsProducts: program.precision === 'tf32' };
      try {
        const cost = costOf(inPrecision(graph, program.precision));
        return torchExecutable(program, lean, { addon, compiled: addon.compile(code), cost });
      } catch (error) {
        throw compileFailure(program, error);
      }
    },
  };
}

interface Compiled {
  readonly addon: TorchAddon;
  readonly compiled: ProgramHandle;
  readonly cost: Executable['cost'];
}

function torchExecutable(program: Program, graph: Graph, { addon, compiled: handle, cost }: Compiled): Executable {
  let compiled: ProgramHandle | null = handle;
  return {
    cost,
    async run(state, feeds) {
      const current = compiled;
      if (!current) throw disposed(program.name);
      if (!(state instanceof TorchState && state.addon === addon)) throw foreignState(program);
      checkFeeds(program, feeds);
      return state.use.lend(program.name, async () => {
        checkState(program, (name) => state.get(name));
        const states = [...graph.state.keys()].map((name) => state.get(name).handle);
        const fed = [...graph.feeds.keys()].map((name) => {
          const { dtype, shape, data } = feeds[name] as HostTensor;
          return [typeNumbers[dtype], shape, data] as const;
        });
        const results = await addon.run(current, states, fed).catch((error: TorchFault) => {
          throw runFailure(program, located(graph, error));
        });
        const names = [...graph.outputs.keys()];
        return Object.fromEntries(names.map((name, index) => [name, hostTensor(results[index] as TorchTensor)]));
      });
    },
    dispose() {
      compiled = null;
    },
  };
}

/** An error of torch with the node of the graph that it arose in, and without the places in its sources. */
function located({ nodes }: Graph, fault: TorchFault): Error {
  const node = nodes[fault.node];
  const operands = node?.inputs.map(({ dtype, shape }) => `${dtype} [${shape}]`).join(' and ');
  const where = node ? `${node.kernel} of ${operands}: ` : '';
  const [message = ''] = fault.message.split('\n');
  return new Error(`${where}${fault.memory ? 'out of memory: ' : ''}${message}`, { cause: fault });
}
