// A graph as instructions on numbered slots, and how it is run.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lane.h"

class Call;
using Operation = void (*)(Call&);

/** The operation of a name; throws std::invalid_argument for one that there is none of. */
Operation operationNamed(const std::string& name);

struct Instruction {
  Operation operation;
  /** Index of the graph's node that it is part of, for messages. */
  int64_t node;
  std::vector<int64_t> inputs;
  std::vector<int64_t> outputs;
  std::vector<double> arguments;
  /** Whether an input is used here for the last time. */
  std::vector<bool> isLast;
  /** Slots that nothing reads afterwards. */
  std::vector<int64_t> dead;
};

/** A tensor that JavaScript holds. */
struct Box {
  at::Tensor tensor;
};

using Boxes = std::vector<std::shared_ptr<Box>>;

/** What a run computes with: a tensor for every slot, and whether its memory may be written over at its last use. */
struct Slots {
  std::vector<at::Tensor> tensors;
  std::vector<uint8_t> isDonated;
};

/** A value from outside: where it goes, and of what type it is there. */
struct Input {
  int64_t slot;
  at::ScalarType type;
};

struct Program {
  std::vector<Instruction> instructions;
  int64_t slotCount = 0;
  /** Constants, of which uniform ones are one number in memory, and their slots. */
  std::vector<std::pair<int64_t, at::Tensor>> constants;
  std::vector<Input> states;
  std::vector<Input> feeds;
  /** States that are replaced: index in `states`, slot of the new value. */
  std::vector<std::pair<int64_t, int64_t>> next;
  /** Whether a state's memory may be written over at its last use. */
  std::vector<bool> isDonated;
  std::vector<int64_t> outputs;
  /** Whether products of float32 may round their operands on GPUs that are faster so (TF32). */
  bool roundsProducts = false;

  /** Fills in where slots are used for the last time. */
  void findLastUses();
  /** Whether products, attention and the optimiser are ours where we have them; torch's operations otherwise. */
  bool usesOwnKernels = true;
  /** Name of an operation that reads values in the middle of a step or whose work depends on them; empty where there is none. */
  std::string dependent;

  /** Runs once; replaces the tensors of the boxes that have new values. Feeds are where the program computes. */
  Download run(const Boxes& boxes, std::vector<at::Tensor> fed, const Lane& lane) const;

  /** The parts of a run: slots with what is given, all instructions, and results of types that host tensors have. */
  Slots begin(const Boxes& boxes, std::vector<at::Tensor> fed) const;
  void compute(Slots& slots) const;
  std::vector<at::Tensor> results(const Slots& slots) const;
};

/** Whether an error of torch is want of memory, on whatever device. */
bool isWantOfMemory(const c10::Error& error);

/** An error in an instruction of a node. */
struct NodeError : std::runtime_error {
  NodeError(int64_t at, bool memory, const std::string& message)
      : std::runtime_error(message), node(at), isMemory(memory) {}
  int64_t node;
  bool isMemory;
};

/** What an operation sees of the instruction that it runs for. */
class Call {
 public:
  Call(Slots& slots, bool usesOwnKernels)
      : slots_(slots.tensors), donated_(slots.isDonated), usesOwnKernels_(usesOwnKernels) {}
  void enter(const Instruction& instruction) { instruction_ = &instruction; }

  size_t inputCount() const { return instruction_->inputs.size(); }
  const at::Tensor& in(size_t index = 0) const { return slots_[instruction_->inputs[index]]; }
  void out(at::Tensor tensor, size_t index = 0) { slots_[instruction_->outputs[index]] = std::move(tensor); }

  /** What `out` has put. */
  const at::Tensor& result() const { return slots_[instruction_->outputs[0]]; }

  size_t argumentCount() const { return instruction_->arguments.size(); }
  double number(size_t index) const { return instruction_->arguments[index]; }
  int64_t integer(size_t index) const { return static_cast<int64_t>(instruction_->arguments[index]); }
  bool flag(size_t index) const { return instruction_->arguments[index] != 0; }
  at::ScalarType type(size_t index) const;
  /** The arguments from an index on as whole numbers. */
  std::vector<int64_t> integers(size_t from, size_t count = SIZE_MAX) const;

  /** Whether nothing else will see an input's memory, so that the result may be written there. */
  bool isReusable(size_t index) const;
  /** Whether a tensor is one that kernels of ours are for: of float32 on a processor. */
  bool isOurs(const at::Tensor& tensor) const {
    return usesOwnKernels_ && tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
  }

 private:
  std::vector<at::Tensor>& slots_;
  const std::vector<uint8_t>& donated_;
  const bool usesOwnKernels_;
  const Instruction* instruction_ = nullptr;
};

/** Element types by the numbers that src/engine/torch/code.ts gives them. */
at::ScalarType scalarType(int64_t number);
int64_t typeNumber(at::ScalarType type);
