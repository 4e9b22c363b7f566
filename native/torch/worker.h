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
  /** Returns whether there is something to wait for. */
  std::function<bool()> work;
  /** Waits for a device, beside the work of later jobs. */
  std::function<void()> wait;
  std::function<void(napi_env)> settle;
};

/** A thread that takes jobs one after the other. */
class Queue {
 public:
  explicit Queue(std::function<void(std::unique_ptr<Job>)> take);
  /** Ends the thread after the job that it is at; jobs behind it are dropped. */
  ~Queue();
  void add(std::unique_ptr<Job> job);

 private:
  void loop();

  std::function<void(std::unique_ptr<Job>)> take_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool isEnding_ = false;
  std::thread thread_;
};

/**
 * Runs jobs one after the other in a thread of its own, and has another wait. Threads of libuv would each bring up a pool of
 * OpenMP, and share their number with files and images.
 */
class Worker {
 public:
  explicit Worker(napi_env env);
  ~Worker();
  void add(std::unique_ptr<Job> job);

 private:
  void finish(std::unique_ptr<Job> job);
  static void settle(napi_env env, napi_value, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function settled_ = nullptr;
  /** Jobs that are not settled; as long as there are any, the process does not end by itself. */
  size_t pending_ = 0;
  std::unique_ptr<Queue> waiting_, working_;
};
