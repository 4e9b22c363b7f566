import { InferenceSession } from 'onnxruntime-node';
import type { OnnxModel } from './onnx-format.ts';
import { type Tuning, tuned } from './onnx-tuning.ts';
import type { Provider } from './providers.ts';

/** ONNX Runtime reports its use to its makers unless told otherwise before its first session. */
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** Optimisations for models that no graph of ours is like: quantised ones, and networks exported by name. A sixth of opening. */
const FOREIGN_OPTIMISATIONS = [
  'DoubleQDQPairsRemover',
  'EnsureUniqueDQForNodeUnit',
  'QDQFinalCleanupTransformer',
  'QDQPropagationTransformer',
  'QDQS8ToU8Transformer',
  'QDQSelectorActionTransformer',
  'WeightBiasQuantization',
  'WhereDummyDq',
  'MatMulNBitsFusion',
  'MatMulIntegerToFloatFusion',
  'DynamicQuantizeMatMulFusion',
  'MatMulActivationFusion',
  'AttentionFusion',
  'GroupQueryAttentionFusion',
  'GroupQueryAttentionPreNormFusion',
  'EmbedLayerNormFusion',
  'FastGeluFusion',
  'QuickGeluFusion',
  'GatherSliceToSplitFusion',
  'GatherToSliceFusion',
  'SliceConcatToSpaceToDepthFusion',
  'BiasDropoutFusion',
];

export interface SessionOptions {
  readonly provider: Provider;
  readonly threads: number;
  readonly tuning?: Tuning;
  /** Whether only the optimisations that take little time are made. */
  readonly basicOptimisation?: boolean;
  /** Outputs that stay in the device's memory, by name; others are read back. */
  readonly onDevice?: readonly string[];
  /** Whether equal operations are left apart: merged, a copy that was made twice to save memory lives from first to last. */
  readonly repeatsCasts?: boolean;
  /**
   * Whether transposes stay where they are. ONNX Runtime moves them as a whole graph suggests, so that sums over images are
   * taken in an order that depends on the rest of the graph: a recomputed block would have other bits than a kept one.
   */
  readonly keepsLayout?: boolean;
  /** Whether a node that the provider cannot run is an error; otherwise the CPU runs it, between copies. */
  readonly deviceOnly?: boolean;
}

/** A session of ONNX Runtime. @throws Error as ONNX Runtime words it. */
export function openSession(model: OnnxModel, options: SessionOptions): Promise<InferenceSession> {
  const { provider, threads, onDevice = [], tuning = tuned } = options;
  const spin = tuning.spinMicroseconds;
  const settings = {
    set_denormal_as_zero: tuning.flushDenormals ? '1' : '0',
    intra_op: { allow_spinning: spin > 0 ? '1' : '0', ...(spin > 0 ? { spin_duration_us: String(spin) } : {}) },
  };
  const disabled = [
    // Lowerings say which operands are read transposed.
    'MatmulTransposeFusion',
    ...FOREIGN_OPTIMISATIONS,
    ...(options.repeatsCasts ? ['CommonSubexpressionElimination'] : []),
    ...(options.keepsLayout ? ['TransposeOptimizer', 'TransposeOptimizer_CPUExecutionProvider'] : []),
  ];
  const optimization = { disable_specified_optimizers: disabled.join(';') };
  const fallback = options.deviceOnly ? { disable_cpu_ep_fallback: '1' } : {};
  return InferenceSession.create(model.bytes, {
    executionProviders: [provider.name],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableMemPattern: tuning.memoryPattern,
    enableCpuMemArena: tuning.arena,
    graphOptimizationLevel: options.basicOptimisation ? 'basic' : 'all',
    externalData: model.external,
    ...(onDevice.length === 0 ? {} : { preferredOutputLocation: outputLocations(model, onDevice) }),
    // 3: errors. Warnings are about initialisers that nothing uses after optimisation, and nodes left to the CPU.
    logSeverityLevel: 3,
    extra: { session: { ...settings, ...fallback }, optimization },
  });
}

/** The binding wants to be told of every output. */
function outputLocations({ outputs }: OnnxModel, onDevice: readonly string[]) {
  return Object.fromEntries(outputs.map((name) => [name, onDevice.includes(name) ? 'gpu-buffer' : 'cpu'] as const));
}
