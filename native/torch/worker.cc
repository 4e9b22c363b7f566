#include "worker.h"

Queue::Queue(std::function<void(std::unique_ptr<Job>)> take) : take_(std::move(take)) {
  thread_ = std::thread([this] { loop(); });
}

Queue::~Queue() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isEnding_ = true;
    jobs_.clear();
  }
  changed_.notify_one();
  thread_.join();
}

void Queue::add(std::unique_ptr<Job> job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void Queue::loop() {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return isEnding_ || !jobs_.empty(); });
      if (isEnding_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    take_(std::move(job));
  }
}

Worker::Worker(napi_env env) : env_(env) {
  napi_value name;
  napi_create_string_utf8(env, "incubate torch", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &settled_);
  napi_unref_threadsafe_function(env, settled_);
  waiting_ = std::make_unique<Queue>([this](std::unique_ptr<Job> job) {
    job->wait();
    finish(std::move(job));
  });
  working_ = std::make_unique<Queue>([this](std::unique_ptr<Job> job) {
    if (job->work()) waiting_->add(std::move(job));
    else finish(std::move(job));
  });
}

Worker::~Worker() {
  // Who works adds to who waits.
  working_.reset();
  waiting_.reset();
  napi_release_threadsafe_function(settled_, napi_tsfn_abort);
}

void Worker::add(std::unique_ptr<Job> job) {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, settled_);
  working_->add(std::move(job));
}

void Worker::finish(std::unique_ptr<Job> job) {
  Job* done = job.release();
  if (napi_call_threadsafe_function(settled_, done, napi_tsfn_blocking) != napi_ok) delete done;
}

void Worker::settle(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  // The environment is ending.
  if (env == nullptr) return;
  auto* worker = static_cast<Worker*>(context);
  job->settle(env);
  if (--worker->pending_ == 0) napi_unref_threadsafe_function(env, worker->settled_);
}
