import type { Gpu, GpuSurvey } from './gpus.ts';

/**
 * The GPUs that a user who set CUDA_VISIBLE_DEVICES leaves to us, in the order of that list.
 *
 * As CUDA reads it: entries are indices or (abbreviated) UUIDs of cards and of their instances (MIG), an empty list hides
 * all, and the first entry that names nothing, or something again, hides itself and all after it.
 *
 * @param instances parts of cards that may be named, but are not used where they are not
 */
export function restrictToVisible(
  survey: GpuSurvey,
  visible: string | undefined,
  instances: readonly Gpu[] = [],
): GpuSurvey {
  if (visible === undefined || survey.gpus.length === 0) return survey;
  const chosen: Gpu[] = [];
  for (const entry of visible.split(',').map((part) => part.trim())) {
    const gpu = findGpu([...survey.gpus, ...instances], entry);
    if (!gpu || chosen.includes(gpu)) break;
    chosen.push(gpu);
  }
  if (chosen.length > 0) return { gpus: chosen };
  return { gpus: [], reason: `CUDA_VISIBLE_DEVICES='${visible}' hides every GPU` };
}

/** The GPU that an index or the beginning of a UUID names; undefined when none or more than one does. */
export function findGpu(gpus: readonly Gpu[], name: string | number): Gpu | undefined {
  if (/^\d+$/.test(String(name))) return gpus.find((gpu) => gpu.index === Number(name) && gpu.mig === undefined);
  const named = gpus.filter((gpu) => String(name).length > 4 && gpu.uuid.startsWith(String(name)));
  return named.length === 1 ? named[0] : undefined;
}
