// Runs of a program at fixed addresses, so that they can be recorded.
#pragma once

#include "lane.h"
#include "program.h"
#include "recording.h"

/** That a step cannot be recorded; nothing of it was done. */
struct RecordingError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/**
 * Runs a program with feeds copied to tensors of its own and new state written to the boxes' own tensors: a few times as it
 * is, since libraries choose algorithms and take memory then, and from then on as a recording. Other states, or feeds of
 * another shape, are recorded anew.
 */
class Replay {
 public:
  Replay(const Program& program, Lane& lane) : program_(program), lane_(lane) {}
  /** As Program::run; throws RecordingError besides. */
  Download run(const Boxes& boxes, const std::vector<at::Tensor>& fed);
  /** Runs of the present recording so far. */
  int64_t replays() const { return replays_; }

 private:
  bool fits(const Boxes& boxes, const std::vector<at::Tensor>& fed) const;
  void compute(const Boxes& boxes);
  void record();

  const Program& program_;
  Lane& lane_;
  /** Where the states lie that the recording is of; their memory is their boxes' alone. */
  std::vector<void*> addresses_;
  /** Of the run that is going on. */
  const Boxes* boxes_ = nullptr;
  std::vector<at::Tensor> feeds_, results_;
  std::unique_ptr<Recording> recording_;
  int64_t warmUps_ = 0, replays_ = 0;
};
