#include "lane.h"

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#ifdef INCUBATE_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#endif

#include <chrono>
#include <thread>

namespace {

/** How long to leave a GPU alone before it is asked again: waiting must not take a core from who prepares batches. */
constexpr std::chrono::microseconds PAUSE(20);

/** Larger results are copied to pageable memory, which JavaScript may keep for as long as it likes. */
constexpr size_t MOST_LOCKED_BYTES = 1 << 20;

}  // namespace

void Download::wait() const {
  if (!written) return;
  while (!written->query()) std::this_thread::sleep_for(PAUSE);
}

Lane::Lane(at::Device device) : device_(device) {
  if (!isGpu()) return;
  // The first tensor on a GPU is what makes torch ready for it.
  at::empty({1}, at::TensorOptions().device(device));
  const c10::impl::VirtualGuardImpl guard(device.type());
  computing_ = guard.getStreamFromGlobalPool(device, false);
  uploading_ = guard.getStreamFromGlobalPool(device, true);
}

at::Tensor Lane::feedBuffer(const std::vector<int64_t>& shape, at::ScalarType type) const {
  return at::empty(shape, at::TensorOptions().dtype(type).pinned_memory(isGpu()));
}

at::Tensor Lane::upload(const at::Tensor& host) const {
  if (!isGpu()) return host;
  c10::Event arrived(device_.type());
  at::Tensor copy;
  {
    const c10::StreamGuard beside(*uploading_);
    copy = host.to(at::TensorOptions().device(device_), /*non_blocking=*/true, /*copy=*/true);
    arrived.record(*uploading_);
  }
  arrived.block(*computing_);
  // The memory is of the stream that uploads: it must not be given to the next upload while work reads it.
  copy.record_stream(*computing_);
  return copy;
}

Download Lane::download(const std::vector<at::Tensor>& tensors) const {
  Download download;
  bool isPending = false;
  for (const at::Tensor& tensor : tensors) {
    const bool isBeside = isGpu() && tensor.nbytes() <= MOST_LOCKED_BYTES;
    isPending |= isBeside;
    const auto options = at::TensorOptions().dtype(tensor.scalar_type()).pinned_memory(isBeside);
    at::Tensor copy = at::empty(tensor.sizes(), options);
    copy.copy_(tensor, isBeside);
    download.tensors.push_back(std::move(copy));
  }
  if (isPending) {
    download.written = std::make_shared<c10::Event>(device_.type());
    download.written->record(*computing_);
  }
  return download;
}

bool Lane::isBroken() {
  if (!isGpu()) return false;
  const Turn told = turn();
  const c10::impl::VirtualGuardImpl guard(device_.type());
  // What one operation did wrong is told once; of what the GPU will not recover from, every call tells.
  for (int times = 0; times < 2; times++) {
    try {
      guard.synchronizeStream(*computing_);
      return false;
    } catch (const std::exception&) {
    }
  }
  return true;
}

int64_t Lane::peakBytes() const {
#ifdef INCUBATE_CUDA
  if (isGpu()) return c10::cuda::CUDACachingAllocator::getDeviceStats(device_.index()).allocated_bytes[0].peak;
#endif
  return -1;
}
