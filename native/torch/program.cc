#include "program.h"

#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>

#include <new>

namespace {

const at::ScalarType types[] = {at::kFloat, at::kInt, at::kBool, at::kHalf, at::kBFloat16, at::kByte};

/** A tensor that is alone in its memory and dense there. */
at::Tensor owned(at::Tensor tensor) {
  if (!tensor.is_contiguous()) return tensor.contiguous();
  const bool isAlone = tensor.use_count() == 1 && tensor.storage().use_count() == 1 &&
                       tensor.storage().nbytes() == static_cast<size_t>(tensor.numel()) * tensor.element_size();
  return isAlone ? tensor : tensor.clone();
}

}  // namespace

bool isWantOfMemory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string message = error.what_without_backtrace();
  return message.find("not enough memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos ||
         message.find("out of memory") != std::string::npos || message.find("STATUS_ALLOC_FAILED") != std::string::npos;
}

at::ScalarType scalarType(int64_t number) {
  if (number < 0 || number >= static_cast<int64_t>(std::size(types))) throw std::invalid_argument("unknown type");
  return types[number];
}

int64_t typeNumber(at::ScalarType type) {
  for (size_t number = 0; number < std::size(types); number++) {
    if (types[number] == type) return static_cast<int64_t>(number);
  }
  throw std::invalid_argument(std::string("a result has the type ") + c10::toString(type));
}

at::ScalarType Call::type(size_t index) const { return scalarType(integer(index)); }

std::vector<int64_t> Call::integers(size_t from, size_t count) const {
  const auto& arguments = instruction_->arguments;
  const size_t end = count == SIZE_MAX ? arguments.size() : from + count;
  std::vector<int64_t> numbers;
  numbers.reserve(end - from);
  for (size_t index = from; index < end; index++) numbers.push_back(static_cast<int64_t>(arguments[index]));
  return numbers;
}

bool Call::isReusable(size_t index) const {
  if (!instruction_->isLast[index]) return false;
  const int64_t slot = instruction_->inputs[index];
  const at::Tensor& tensor = slots_[slot];
  // A donated state is held by its box as well.
  const size_t holders = donated_[slot] ? 2 : 1;
  return tensor.use_count() == holders && tensor.storage().use_count() == 1 && tensor.is_non_overlapping_and_dense();
}

void Program::findLastUses() {
  std::vector<uint8_t> isUsed(slotCount, 0);
  for (const int64_t slot : outputs) isUsed[slot] = 1;
  for (const auto& [state, slot] : next) isUsed[slot] = 1;
  for (auto instruction = instructions.rbegin(); instruction != instructions.rend(); ++instruction) {
    instruction->dead.clear();
    instruction->isLast.clear();
    for (const int64_t slot : instruction->outputs) {
      if (!isUsed[slot]) instruction->dead.push_back(slot);
    }
    for (const int64_t slot : instruction->inputs) instruction->isLast.push_back(!isUsed[slot]);
    for (const int64_t slot : instruction->inputs) {
      if (!isUsed[slot]) instruction->dead.push_back(slot);
      isUsed[slot] = 1;
    }
  }
}

Slots Program::begin(const Boxes& boxes, std::vector<at::Tensor> fed) const {
  Slots slots{std::vector<at::Tensor>(slotCount), std::vector<uint8_t>(slotCount, 0)};
  for (const auto& [slot, tensor] : constants) slots.tensors[slot] = tensor;
  for (size_t index = 0; index < states.size(); index++) {
    const auto& [slot, type] = states[index];
    const at::Tensor& given = boxes[index]->tensor;
    slots.tensors[slot] = given.scalar_type() == type ? given : given.to(type);
    slots.isDonated[slot] = isDonated[index] && given.scalar_type() == type;
  }
  for (size_t index = 0; index < feeds.size(); index++) {
    slots.tensors[feeds[index].slot] = fed[index].to(feeds[index].type);
    fed[index].reset();
  }
  return slots;
}

void Program::compute(Slots& slots) const {
  at::globalContext().setAllowTF32CuBLAS(roundsProducts);
  at::globalContext().setAllowTF32CuDNN(roundsProducts);
  Call call(slots, usesOwnKernels);
  for (const Instruction& instruction : instructions) {
    call.enter(instruction);
    try {
      instruction.operation(call);
    } catch (const c10::Error& error) {
      throw NodeError(instruction.node, isWantOfMemory(error), error.what_without_backtrace());
    } catch (const std::bad_alloc&) {
      throw NodeError(instruction.node, true, "not enough memory");
    } catch (const std::exception& error) {
      throw NodeError(instruction.node, false, error.what());
    }
    for (const int64_t slot : instruction.dead) slots.tensors[slot].reset();
  }
}

std::vector<at::Tensor> Program::results(const Slots& slots) const {
  std::vector<at::Tensor> results;
  for (const int64_t slot : outputs) {
    // Host tensors know no booleans.
    const at::Tensor& value = slots.tensors[slot];
    results.push_back(value.scalar_type() == at::kBool ? value.to(at::kByte) : value);
  }
  return results;
}

Download Program::run(const Boxes& boxes, std::vector<at::Tensor> fed, const Lane& lane) const {
  const c10::InferenceMode inference;
  Slots slots = begin(boxes, std::move(fed));
  compute(slots);
  Download download = lane.download(results(slots));
  std::vector<at::Tensor> replaced;
  for (const auto& [state, slot] : next) {
    const at::ScalarType type = boxes[state]->tensor.scalar_type();
    const at::Tensor& value = slots.tensors[slot];
    replaced.push_back(value.scalar_type() == type ? value : value.to(type));
  }
  slots.tensors.clear();
  for (size_t index = 0; index < next.size(); index++) {
    Box& box = *boxes[next[index].first];
    at::Tensor& value = replaced[index];
    // What was computed in place is the box's own already.
    if (value.is_same(box.tensor)) value.reset();
    else value = owned(std::move(value));
  }
  for (size_t index = 0; index < next.size(); index++) {
    if (replaced[index].defined()) boxes[next[index].first]->tensor = std::move(replaced[index]);
  }
  return download;
}
