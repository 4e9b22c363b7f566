/** What can compute a run; which of them work depends on the machine. */
export const engineNames = ['cpu', 'webgpu', 'cuda', 'tfjs', 'torch'] as const;

export type EngineName = (typeof engineNames)[number];

/** Whether steps are recorded as CUDA graphs; `auto`: where the engine, the device and the program can. */
export const cudaGraphs = ['auto', 'on', 'off'] as const;

export type CudaGraphs = (typeof cudaGraphs)[number];

/** How to get the engines that do not come with the package. */
export const engineHints: { readonly [Name in EngineName]: string } = {
  cpu: 'Run `npm ci` again.',
  webgpu: 'WebGPU needs a GPU with a driver for Vulkan (with libvulkan1 on Debian), Metal or Direct3D 12.',
  cuda: 'Run `ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node` on a machine with an NVIDIA driver, CUDA 12 and cuDNN 9.',
  torch:
    'Install PyTorch (`pip install torch`, or `apt-get install libtorch-dev` on Debian) and a C++ compiler, then run `incubate engine build torch`.',
  tfjs: 'Run `npm install @tensorflow/tfjs-node-gpu`, which brings libtensorflow, on a machine with CUDA 11.2 and cuDNN 8.',
};
