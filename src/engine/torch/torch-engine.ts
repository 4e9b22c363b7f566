import type { CudaGraphs } from '../../config/engines.ts';
import { requirePrecision } from '../../config/precision.ts';
import { IncubateError, messageOf } from '../../util/errors.ts';
import type { HostTensor } from '../../util/tensor.ts';
import { checkFeeds, checkState, foreignState } from '../check-inputs.ts';
import { costOf } from '../cost.ts';
import { compileFailure, disposed } from '../failures.ts';
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
  type Replay,
  type TorchAddon,
  type TorchDevice,
  type TorchFault,
  type TorchTensor,
} from './addon.ts';
import { typeNumbers } from './code.ts';
import { firstLine, torchFailure } from './failure.ts';
import { lowerToTorch } from './lower.ts';
import { hostTensor, TorchState } from './torch-state.ts';

export interface TorchEngineOptions {
  /** Threads of an operation; one number for all engines of a process. */
  readonly threads: number;
  /** Where to compute; a GPU where PyTorch sees one, if absent. */
  readonly device?: TorchDevice;
  /** Whether a GPU records steps and replays them; `auto`, if absent: where it can. */
  readonly cudaGraphs?: CudaGraphs;
  /** Whether programs run at fixed addresses; what `cudaGraphs` asks for, if absent. */
  readonly replay?: Replay;
  /** Which kernels compute where we have some of our own; these on a processor, if absent. */
  readonly kernels?: 'own' | 'torch';
  /** Told once of every program that is not recorded as it was meant to be. */
  readonly onWarning?: (message: string) => void;
}

/**
 * The engine `torch`: programs are traced and run as a whole by PyTorch's C++ library, on a thread of its own.
 *
 * @throws ENGINE_UNAVAILABLE where the addon was not built, PyTorch sees no GPU that is asked for, or the process computes
 *   with another number of threads already.
 */
export async function createTorchEngine(options: TorchEngineOptions): Promise<Engine> {
  const { addon } = await loadAddon();
  const device = options.device ?? (addon.devices() > 0 ? 'cuda' : 'cpu');
  const { threads, kernels = device === 'cpu' ? 'own' : 'torch', onWarning = () => {} } = options;
  const replay = options.replay ?? replayFor(options.cudaGraphs ?? 'auto', device);
  const ownKernels = kernels === 'own';
  try {
    addon.open(threads, device);
  } catch (error) {
    throw new IncubateError('ENGINE_UNAVAILABLE', `the engine torch cannot be opened: ${messageOf(error)}`, {
      hint: 'A process has one number of threads; GPUs must be allowed by CUDA_VISIBLE_DEVICES.',
      cause: error,
    });
  }
  return {
    name: 'torch',
    queuesRuns: true,
    createState: (tensors) => new TorchState(tensors, addon),
    async compile(program) {
      requirePrecision('torch', program.precision);
      const graph = traceFloat32(program);
      // What stands for several nodes is found before types are between them.
      const passes = fuseChannelPasses(moveFactorsToFilters(graph), false);
      const lean = inPrecision(fused(passes), program.precision, torchTreatments);
      const roundsProducts = program.precision === 'tf32';
      const code = lowerToTorch(lean, { donated: overwritableState(graph), ownKernels, roundsProducts });
      try {
        const compiled = addon.compile(code, replay, ownKernels);
        const cost = costOf(inPrecision(graph, program.precision));
        return torchExecutable(program, lean, { addon, compiled, cost, onWarning });
      } catch (error) {
        throw compileFailure(program, error);
      }
    },
  };
}

function replayFor(cudaGraphs: CudaGraphs, device: TorchDevice): Replay {
  if (cudaGraphs === 'on' && device === 'cpu') {
    throw new IncubateError(
      'ENGINE_UNAVAILABLE',
      'the engine torch computes on a processor, which has no CUDA graphs',
      {
        hint: 'Set devices.cudaGraphs (--cuda-graphs) to auto.',
      },
    );
  }
  if (cudaGraphs === 'on') return 'always';
  return cudaGraphs === 'auto' && device === 'cuda' ? 'try' : 'never';
}

interface Compiled {
  readonly addon: TorchAddon;
  readonly compiled: ProgramHandle;
  readonly cost: Executable['cost'];
  readonly onWarning: (message: string) => void;
}

function torchExecutable(program: Program, graph: Graph, use: Compiled): Executable {
  const { addon, cost, onWarning } = use;
  let compiled: ProgramHandle | null = use.compiled;
  let isWarned = false;
  return {
    cost,
    async run(state, feeds) {
      const current = compiled;
      if (!current) throw disposed(program.name);
      if (!(state instanceof TorchState && state.addon === addon)) throw foreignState(program);
      checkFeeds(program, feeds);
      return state.use.share(program.name, async () => {
        checkState(program, (name) => state.get(name));
        const states = [...graph.state.keys()].map((name) => state.get(name).handle);
        const fed = [...graph.feeds.keys()].map((name) => {
          const { dtype, shape, data } = feeds[name] as HostTensor;
          return [typeNumbers[dtype], shape, data] as const;
        });
        const results = await addon.run(current, states, fed).catch((error: TorchFault) => {
          throw torchFailure(program, graph, error);
        });
        const [, fault] = addon.recording(current);
        if (fault !== null && !isWarned) {
          isWarned = true;
          onWarning(`${program.name} is not recorded as a CUDA graph: ${firstLine(fault)}`);
        }
        const names = [...graph.outputs.keys()];
        return Object.fromEntries(names.map((name, index) => [name, hostTensor(results[index] as TorchTensor)]));
      });
    },
    dispose() {
      compiled = null;
    },
  };
}
