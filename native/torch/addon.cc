// What JavaScript sees: tensors and programs behind handles, and runs as promises.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <atomic>
#include <cstring>
#include <unordered_map>

#include "lane.h"
#include "memory.h"
#include "napi-values.h"
#include "operations.h"
#include "program.h"
#include "replay.h"
#include "worker.h"

namespace addon {

/** What belongs to one environment of JavaScript. */
struct Instance {
  std::shared_ptr<Lane> lane = std::make_shared<Lane>(at::Device(at::kCPU));
  std::unique_ptr<Worker> worker;
};

/** A program, and how it is run. */
struct Compiled {
  Program program;
  /** Where it runs at fixed addresses; null where it never did, or could not be recorded. */
  std::unique_ptr<Replay> replay;
  /** Whether it must not run otherwise. */
  bool mustReplay = false;
  /** Why it is not recorded any more. */
  std::string fault;

  Download run(const Boxes& boxes, std::vector<at::Tensor> fed, Lane& lane) {
    if (!replay) return program.run(boxes, std::move(fed), lane);
    try {
      return replay->run(boxes, fed);
    } catch (const RecordingError& error) {
      if (mustReplay) throw;
      fault = error.what();
      replay.reset();
    }
    return program.run(boxes, std::move(fed), lane);
  }
};

/** Of the process: OpenMP's pool and the tensors are everybody's. */
std::atomic<int> threads{0};
std::atomic<int64_t> liveBoxes{0};

Instance& instanceOf(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  return *static_cast<Instance*>(data);
}

template <typename Held>
napi_value handleOf(napi_env env, std::shared_ptr<Held> held) {
  auto* owner = new std::shared_ptr<Held>(std::move(held));
  napi_value external;
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Held>*>(data); };
  check(env, napi_create_external(env, owner, drop, nullptr, &external));
  return external;
}

template <typename Held>
std::shared_ptr<Held> heldBy(napi_env env, napi_value external) {
  void* data = nullptr;
  check(env, napi_get_value_external(env, external, &data));
  return *static_cast<std::shared_ptr<Held>*>(data);
}

std::shared_ptr<Box> boxOf(at::Tensor tensor) {
  liveBoxes++;
  return std::shared_ptr<Box>(new Box{std::move(tensor)}, [](Box* box) {
    delete box;
    if (--liveBoxes == 0) returnFreedMemory();
  });
}

/** A copy of an array's elements, in a tensor of their number. */
at::Tensor filled(napi_env env, napi_value array, at::Tensor tensor) {
  const Bytes bytes = toBytes(env, array);
  if (bytes.length != tensor.nbytes()) throw std::invalid_argument("an array is not as long as its shape says");
  if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
  return tensor;
}

at::Tensor copyOf(napi_env env, napi_value array, at::ScalarType type, const std::vector<int64_t>& shape) {
  return filled(env, array, at::empty(shape, at::TensorOptions().dtype(type)));
}

/** `{type, shape, buffer}` of a dense tensor in ordinary memory, which the buffer keeps. */
napi_value hostTensorOf(napi_env env, const at::Tensor& tensor) {
  napi_value result;
  check(env, napi_create_object(env, &result));
  setProperty(env, result, "type", ofNumber(env, static_cast<double>(typeNumber(tensor.scalar_type()))));
  std::vector<napi_value> shape;
  for (const int64_t extent : tensor.sizes()) shape.push_back(ofNumber(env, static_cast<double>(extent)));
  setProperty(env, result, "shape", arrayOf(env, shape));
  napi_value buffer;
  if (tensor.nbytes() < 4096) {
    void* data = nullptr;
    check(env, napi_create_arraybuffer(env, tensor.nbytes(), &data, &buffer));
    if (tensor.nbytes() > 0) std::memcpy(data, tensor.data_ptr(), tensor.nbytes());
  } else {
    auto* kept = new at::Tensor(tensor);
    const auto drop = [](napi_env, void*, void* held) { delete static_cast<at::Tensor*>(held); };
    check(env, napi_create_external_arraybuffer(env, kept->data_ptr(), kept->nbytes(), drop, kept, &buffer));
  }
  setProperty(env, result, "buffer", buffer);
  return result;
}

napi_value hostTensorsOf(napi_env env, const std::vector<at::Tensor>& tensors) {
  std::vector<napi_value> results;
  for (const at::Tensor& tensor : tensors) results.push_back(hostTensorOf(env, tensor));
  return arrayOf(env, results);
}

/** What a job leaves for its promise. */
struct Outcome {
  Download download;
  std::string fault;
  int64_t node = -1;
  bool isFault = false;
  bool isMemory = false;
  bool isBroken = false;

  /** Does something, or keeps what is wrong with it. */
  template <typename Act>
  void attempt(Act act) {
    if (isFault) return;
    try {
      act();
      return;
    } catch (const NodeError& error) {
      fault = error.what();
      node = error.node;
      isMemory = error.isMemory;
    } catch (const c10::Error& error) {
      fault = error.what_without_backtrace();
      isMemory = isWantOfMemory(error);
    } catch (const std::bad_alloc&) {
      fault = "not enough memory";
      isMemory = true;
    } catch (const std::exception& error) {
      fault = error.what();
    }
    isFault = true;
  }
};

/**
 * An error with `node`, the index of the graph's node or -1, `memory`, whether it was want of memory, and `broken`, whether
 * this process can do nothing more on its GPU.
 */
napi_value errorOf(napi_env env, const Outcome& outcome) {
  napi_value error;
  check(env, napi_create_error(env, nullptr, ofString(env, outcome.fault), &error));
  setProperty(env, error, "node", ofNumber(env, static_cast<double>(outcome.node)));
  setProperty(env, error, "memory", ofBoolean(env, outcome.isMemory));
  setProperty(env, error, "broken", ofBoolean(env, outcome.isBroken));
  return error;
}

/** Has the worker compute tensors, and promises them; the next job begins while a GPU still computes. */
napi_value promised(napi_env env, std::function<Download()> compute) {
  napi_deferred deferred;
  napi_value promise;
  check(env, napi_create_promise(env, &deferred, &promise));
  auto outcome = std::make_shared<Outcome>();
  const auto lane = instanceOf(env).lane;
  auto job = std::make_unique<Job>();
  job->work = [outcome, lane, compute = std::move(compute)]() mutable {
    outcome->attempt([&] {
      const Lane::Turn turn = lane->turn();
      outcome->download = compute();
    });
    // What the computation holds is given back before anybody goes on.
    compute = nullptr;
    return outcome->isFault || outcome->download.written != nullptr;
  };
  job->wait = [outcome, lane] {
    outcome->attempt([&] { outcome->download.wait(); });
    if (outcome->isFault) outcome->isBroken = lane->isBroken();
  };
  job->settle = [outcome, deferred](napi_env settled) {
    if (outcome->isFault) napi_reject_deferred(settled, deferred, errorOf(settled, *outcome));
    else napi_resolve_deferred(settled, deferred, hostTensorsOf(settled, outcome->download.tensors));
  };
  instanceOf(env).worker->add(std::move(job));
  return promise;
}

/** open(threads, device): fixes the number of threads of this process, and where it computes; `cpu` or `cuda`. */
napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const auto arguments = argumentsOf(env, info, 2);
    const int wanted = static_cast<int>(toNumber(env, arguments[0]));
    const std::string device = toString(env, arguments[1]);
    if (wanted < 1) throw std::invalid_argument("at least one thread");
    int expected = 0;
    if (!threads.compare_exchange_strong(expected, wanted) && expected != wanted)
      throw std::invalid_argument("this process computes with " + std::to_string(expected) + " threads already");
    Instance& instance = instanceOf(env);
    if (device == "cuda") {
      if (!torch::cuda::is_available()) throw std::invalid_argument("torch sees no GPU");
      if (!instance.lane->isGpu()) instance.lane = std::make_shared<Lane>(at::Device(at::kCUDA, 0));
    }
    if (!instance.worker) {
      keepFreedMemory();
      instance.worker = std::make_unique<Worker>(env);
      auto job = std::make_unique<Job>();
      // Threads of OpenMP begin as copies of the one that starts them, so all of them flush denormals.
      job->work = [wanted] {
        at::globalContext().setFlushDenormal(true);
        at::set_num_threads(wanted);
        return false;
      };
      job->settle = [](napi_env) {};
      instance.worker->add(std::move(job));
    }
    return nullptr;
  });
}

/** devices(): how many GPUs torch can use. */
napi_value devices(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return ofNumber(env, static_cast<double>(torch::cuda::device_count())); });
}

/** tensor(type, shape, array): a handle of a copy where programs compute. */
napi_value tensor(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const c10::InferenceMode inference;
    const auto arguments = argumentsOf(env, info, 3);
    const auto type = scalarType(static_cast<int64_t>(toNumber(env, arguments[0])));
    const at::Tensor copy = copyOf(env, arguments[2], type, toIntegers(env, arguments[1]));
    Lane& lane = *instanceOf(env).lane;
    const Lane::Turn turn = lane.turn();
    return handleOf(env, boxOf(copy.to(lane.device())));
  });
}

/** read(handles): promises copies in ordinary memory. */
napi_value read(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    Boxes boxes;
    for (const napi_value handle : elementsOf(env, argumentsOf(env, info, 1)[0]))
      boxes.push_back(heldBy<Box>(env, handle));
    return promised(env, [boxes = std::move(boxes), lane = instanceOf(env).lane] {
      const c10::InferenceMode inference;
      std::vector<at::Tensor> tensors;
      for (const auto& box : boxes) tensors.push_back(box->tensor);
      return lane->download(tensors);
    });
  });
}

/** release(handle): gives the tensor's memory back before the handle is collected, after the runs that use it. */
napi_value release(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    void* data = nullptr;
    check(env, napi_get_value_external(env, argumentsOf(env, info, 1)[0], &data));
    static_cast<std::shared_ptr<Box>*>(data)->reset();
    return nullptr;
  });
}

std::vector<Input> inputsOf(napi_env env, napi_value list) {
  std::vector<Input> inputs;
  for (const napi_value entry : elementsOf(env, list)) {
    const auto numbers = toIntegers(env, entry);
    inputs.push_back({numbers.at(0), scalarType(numbers.at(1))});
  }
  return inputs;
}

/** Instructions as src/engine/torch/code.ts writes them: operation, node, inputs, outputs, arguments; lists with lengths. */
std::vector<Instruction> instructionsOf(napi_env env, napi_value code, const std::vector<Operation>& operations) {
  const Bytes bytes = toBytes(env, code);
  const auto* word = static_cast<const double*>(bytes.data);
  const auto* end = word + bytes.length / sizeof(double);
  const auto next = [&] {
    if (word == end) throw std::invalid_argument("the code ends within an instruction");
    return *word++;
  };
  const auto list = [&] {
    std::vector<int64_t> numbers(static_cast<size_t>(next()));
    for (int64_t& number : numbers) number = static_cast<int64_t>(next());
    return numbers;
  };
  std::vector<Instruction> instructions;
  while (word != end) {
    Instruction instruction;
    instruction.operation = operations.at(static_cast<size_t>(next()));
    instruction.node = static_cast<int64_t>(next());
    instruction.inputs = list();
    instruction.outputs = list();
    instruction.arguments.resize(static_cast<size_t>(next()));
    for (double& argument : instruction.arguments) argument = next();
    instructions.push_back(std::move(instruction));
  }
  return instructions;
}

/** What keeps a program from being recorded; empty where nothing does. */
std::string obstacleOf(const Program& program, const Lane& lane) {
  if (!program.dependent.empty()) return program.dependent + " reads values in the middle of it";
  if (lane.isGpu() && !hasGraphs) return "the addon was built without the headers of CUDA, or for a PyTorch before 2.1";
  return "";
}

/** compile(program, replay, ownKernels): a handle; see `TorchCode` and `Replay` in src/engine/torch. */
napi_value compile(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const c10::InferenceMode inference;
    const auto arguments = argumentsOf(env, info, 3);
    const napi_value given = arguments[0];
    const std::string replay = toString(env, arguments[1]);
    const auto lane = instanceOf(env).lane;
    auto compiled = std::make_shared<Compiled>();
    Program& program = compiled->program;
    program.usesOwnKernels = toBoolean(env, arguments[2]);
    std::vector<Operation> operations;
    for (const napi_value name : elementsOf(env, property(env, given, "operations"))) {
      operations.push_back(operationNamed(toString(env, name)));
      if (isDependent(toString(env, name))) program.dependent = toString(env, name);
    }
    program.instructions = instructionsOf(env, property(env, given, "code"), operations);
    program.slotCount = static_cast<int64_t>(toNumber(env, property(env, given, "slots")));
    for (const napi_value constant : elementsOf(env, property(env, given, "constants"))) {
      const auto slot = static_cast<int64_t>(toNumber(env, property(env, constant, "slot")));
      const auto type = scalarType(static_cast<int64_t>(toNumber(env, property(env, constant, "type"))));
      const auto held = toIntegers(env, property(env, constant, "held"));
      const auto storage = scalarType(static_cast<int64_t>(toNumber(env, property(env, constant, "storage"))));
      const at::Tensor copy = copyOf(env, property(env, constant, "data"), storage, held);
      const Lane::Turn turn = lane->turn();
      program.constants.emplace_back(
          slot, copy.to(lane->device(), type).expand(toIntegers(env, property(env, constant, "shape"))));
    }
    program.states = inputsOf(env, property(env, given, "states"));
    program.feeds = inputsOf(env, property(env, given, "feeds"));
    for (const napi_value pair : elementsOf(env, property(env, given, "next"))) {
      const auto numbers = toIntegers(env, pair);
      program.next.emplace_back(numbers.at(0), numbers.at(1));
    }
    program.isDonated.assign(program.states.size(), false);
    for (const int64_t state : toIntegers(env, property(env, given, "donated"))) program.isDonated.at(state) = true;
    program.outputs = toIntegers(env, property(env, given, "outputs"));
    program.roundsProducts = toBoolean(env, property(env, given, "roundsProducts"));
    program.findLastUses();
    if (replay != "never") {
      compiled->mustReplay = replay == "always";
      const std::string obstacle = obstacleOf(program, *lane);
      if (obstacle.empty()) compiled->replay = std::make_unique<Replay>(program, *lane);
      else if (compiled->mustReplay) throw std::invalid_argument("it cannot be recorded: " + obstacle);
    }
    // What reading it took lies between what stays.
    returnFreedMemory();
    return handleOf(env, std::move(compiled));
  });
}

/** run(program, states, feeds): promises the outputs; feeds are `[type, shape, array]`. */
napi_value run(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const c10::InferenceMode inference;
    const auto arguments = argumentsOf(env, info, 3);
    auto compiled = heldBy<Compiled>(env, arguments[0]);
    Boxes boxes;
    for (const napi_value handle : elementsOf(env, arguments[1])) boxes.push_back(heldBy<Box>(env, handle));
    const auto lane = instanceOf(env).lane;
    std::vector<at::Tensor> fed;
    for (const napi_value feed : elementsOf(env, arguments[2])) {
      const auto parts = elementsOf(env, feed);
      const auto type = scalarType(static_cast<int64_t>(toNumber(env, parts.at(0))));
      fed.push_back(filled(env, parts.at(2), lane->feedBuffer(toIntegers(env, parts.at(1)), type)));
    }
    return promised(env, [compiled = std::move(compiled), boxes = std::move(boxes), fed = std::move(fed), lane]() mutable {
      const c10::InferenceMode within;
      for (at::Tensor& feed : fed) feed = lane->upload(feed);
      return compiled->run(boxes, std::move(fed), *lane);
    });
  });
}

/** recording(program): `[runs of its recording, why it is not recorded any more or null]`. */
napi_value recording(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto compiled = heldBy<Compiled>(env, argumentsOf(env, info, 1)[0]);
    napi_value fault;
    check(env, napi_get_null(env, &fault));
    if (!compiled->fault.empty()) fault = ofString(env, compiled->fault);
    const int64_t replays = compiled->replay ? compiled->replay->replays() : 0;
    return arrayOf(env, {ofNumber(env, static_cast<double>(replays)), fault});
  });
}

/** peakBytes(): the most memory that tensors on the GPU have taken; -1 where there is none or nobody counts. */
napi_value peakBytes(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return ofNumber(env, static_cast<double>(instanceOf(env).lane->peakBytes())); });
}

/** live(): how many tensors JavaScript holds. */
napi_value live(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return ofNumber(env, static_cast<double>(liveBoxes.load())); });
}

napi_value initialise(napi_env env, napi_value exports) {
  return guarded(env, [&] {
    const auto drop = [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); };
    check(env, napi_set_instance_data(env, new Instance, drop, nullptr));
    const std::pair<const char*, napi_callback> functions[] = {
        {"open", open},       {"devices", devices}, {"tensor", tensor},       {"read", read},
        {"release", release}, {"compile", compile}, {"run", run},             {"live", live},
        {"recording", recording}, {"peakBytes", peakBytes},
    };
    for (const auto& [name, callback] : functions) {
      napi_value function;
      check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
      setProperty(env, exports, name, function);
    }
    setProperty(env, exports, "version", ofString(env, TORCH_VERSION));
    setProperty(env, exports, "graphs", ofBoolean(env, hasGraphs));
    return exports;
  });
}

}  // namespace addon

NAPI_MODULE(incubate_torch, addon::initialise)
