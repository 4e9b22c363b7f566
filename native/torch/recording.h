// Work that is told once and done many times.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

/** Work at fixed addresses. */
class Recording {
 public:
  virtual ~Recording() = default;
  /** Takes down what `work` does; nothing is done yet. Throws where it cannot be recorded, and then nothing was done. */
  virtual void record(std::function<void()> work) = 0;
  /** Does it. */
  virtual void replay() = 0;
};

/** Whether this addon can record on a GPU: it was compiled with the headers of CUDA, for a PyTorch of version 2.1 or later. */
extern const bool hasGraphs;

/** CUDA's graphs on a GPU; a processor does the same work again. */
std::unique_ptr<Recording> recordingOn(at::Device place);
