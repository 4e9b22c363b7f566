// One thread that computes, beside JavaScript's.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

/** Something to be done by the worker, and afterwards by JavaScript's thread. */
struct Job {
  std::function<void()> work;
  std::function<void(napi_env)> settle;
};

/**
 * Runs jobs one after the other in a thread of its own. Threads of libuv would each bring up a pool of OpenMP, and share
 * their number with files and images.
 */
class Worker {
 public:
  explicit Worker(napi_env env);
  ~Worker();
  void add(std::unique_ptr<Job> job);

 private:
  void loop();
  static void settle(napi_env env, napi_value, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function settled_ = nullptr;
  /** Jobs that are not settled; as long as there are any, the process does not end by itself. */
  size_t pending_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool isEnding_ = false;
  std::thread thread_;
};
