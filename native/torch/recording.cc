#include "recording.h"

#include <torch/version.h>

#include <stdexcept>

// Before, a capture forbids whatever any thread of the process does meanwhile.
#if defined(INCUBATE_CUDA) && (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1))
#define INCUBATE_GRAPHS
#include <ATen/cuda/CUDAGraph.h>
#endif

namespace {

class Repetition : public Recording {
 public:
  void record(std::function<void()> work) override { work_ = std::move(work); }
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

#ifdef INCUBATE_GRAPHS
class Graph : public Recording {
 public:
  void record(std::function<void()> work) override {
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      abandon();
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  /** Leaves the stream as it was, and no error for the next call to find. */
  void abandon() noexcept {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {
    }
    cudaGetLastError();
  }

  at::cuda::CUDAGraph graph_;
};
#endif

}  // namespace

#ifdef INCUBATE_GRAPHS
const bool hasGraphs = true;
#else
const bool hasGraphs = false;
#endif

std::unique_ptr<Recording> recordingOn(at::Device place) {
  if (place.is_cpu()) return std::make_unique<Repetition>();
#ifdef INCUBATE_GRAPHS
  return std::make_unique<Graph>();
#else
  throw std::runtime_error("the addon was compiled without CUDA's headers");
#endif
}
