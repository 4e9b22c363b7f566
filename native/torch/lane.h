// Where programs compute, and in which order it does what it is told.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

/** Copies in ordinary memory, some of which a GPU may still be writing. */
struct Download {
  std::vector<at::Tensor> tensors;
  /** Recorded behind the copies; null where they are complete. */
  std::shared_ptr<c10::Event> written;

  /** Returns when the copies are complete; throws c10::Error where the GPU failed before. */
  void wait() const;
};

/**
 * A device as one environment of JavaScript uses it. A processor does everything at once. A GPU computes in a stream of ours,
 * since work in the default one cannot be recorded, and takes uploads in another, beside what it computes.
 */
class Lane {
 public:
  explicit Lane(at::Device device);
  at::Device device() const { return device_; }
  bool isGpu() const { return !device_.is_cpu(); }

  /** As long as this lives, the calling thread alone tells the GPU what to do, in the stream that computes. */
  struct Turn {
    std::unique_lock<std::mutex> lock;
    std::optional<c10::StreamGuard> guard;
    Turn(std::mutex& telling, const std::optional<c10::Stream>& stream) {
      if (!stream) return;
      lock = std::unique_lock<std::mutex>(telling);
      guard.emplace(*stream);
    }
  };
  Turn turn() { return Turn(telling_, computing_); }

  /** Memory for what is uploaded with every run; page-locked for a GPU, so that the copy need not be waited for. */
  at::Tensor feedBuffer(const std::vector<int64_t>& shape, at::ScalarType type) const;
  /** A copy on the GPU, which work that is told later waits for, and nothing else; on a processor the tensor itself. */
  at::Tensor upload(const at::Tensor& host) const;
  /** Copies of tensors in ordinary memory; of small ones a GPU does them behind what it was told before. */
  Download download(const std::vector<at::Tensor>& tensors) const;

  /** Whether a GPU does nothing any more after an error, whatever it is told. */
  bool isBroken();
  /** The most memory that tensors on a GPU have taken; -1 where nobody counts. */
  int64_t peakBytes() const;

 private:
  at::Device device_;
  std::mutex telling_;
  std::optional<c10::Stream> computing_, uploading_;
};
