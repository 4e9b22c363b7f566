#include "replay.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/InferenceMode.h>

namespace {

constexpr int64_t WARM_UPS = 3;

bool isSameKind(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes();
}

/** Whether two tensors are the same elements in the same order. */
bool isSameMemory(const at::Tensor& a, const at::Tensor& b) {
  return isSameKind(a, b) && a.data_ptr() == b.data_ptr() && a.strides() == b.strides();
}

/** New values in their boxes' own tensors; what shares memory with one that is written is copied before. */
void store(const std::vector<std::pair<int64_t, at::Tensor>>& next, const Boxes& boxes) {
  std::vector<std::pair<at::Tensor, at::Tensor>> writes;
  for (const auto& [state, value] : next) {
    const at::Tensor& place = boxes[state]->tensor;
    if (isSameMemory(place, value)) continue;
    bool isShared = false;
    for (const auto& box : boxes) isShared |= box->tensor.is_alias_of(value);
    writes.emplace_back(place, isShared ? value.clone() : value);
  }
  for (auto& [place, value] : writes) place.copy_(value);
}

}  // namespace

bool Replay::fits(const Boxes& boxes, const std::vector<at::Tensor>& fed) const {
  if (addresses_.size() != boxes.size() || feeds_.size() != fed.size()) return false;
  for (size_t index = 0; index < boxes.size(); index++) {
    if (boxes[index]->tensor.data_ptr() != addresses_[index]) return false;
  }
  for (size_t index = 0; index < fed.size(); index++) {
    if (!isSameKind(feeds_[index], fed[index])) return false;
  }
  return true;
}

Download Replay::run(const Boxes& boxes, const std::vector<at::Tensor>& fed) {
  const c10::InferenceMode inference;
  if (!fits(boxes, fed)) {
    recording_.reset();
    results_.clear();
    addresses_.clear();
    feeds_.clear();
    warmUps_ = replays_ = 0;
    for (const auto& box : boxes) addresses_.push_back(box->tensor.data_ptr());
    for (const at::Tensor& feed : fed)
      feeds_.push_back(at::empty_like(feed, feed.options().device(lane_.device()), at::MemoryFormat::Contiguous));
  }
  for (size_t index = 0; index < fed.size(); index++) feeds_[index].copy_(fed[index], /*non_blocking=*/true);
  if (warmUps_ < WARM_UPS) {
    warmUps_++;
    compute(boxes);
  } else {
    boxes_ = &boxes;
    if (!recording_) record();
    recording_->replay();
    replays_++;
  }
  return lane_.download(results_);
}

void Replay::compute(const Boxes& boxes) {
  Slots slots = program_.begin(boxes, feeds_);
  program_.compute(slots);
  results_.clear();
  // Copies, since the state that a result may share is written over.
  for (const at::Tensor& result : program_.results(slots)) results_.push_back(result.clone(at::MemoryFormat::Contiguous));
  std::vector<std::pair<int64_t, at::Tensor>> next;
  for (const auto& [state, slot] : program_.next) next.emplace_back(state, slots.tensors[slot]);
  store(next, boxes);
}

void Replay::record() {
  auto recording = recordingOn(lane_.device());
  try {
    recording->record([this] { compute(*boxes_); });
  } catch (const std::exception& error) {
    throw RecordingError(error.what());
  }
  recording_ = std::move(recording);
}
