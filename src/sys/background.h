// Background: a thread, or a few, for slow jobs, so that the loop never waits for them. Jobs are begun in order; answers are fetched
// by the loop, which watches fd(). A job that runs when the owner goes is left to end by itself: background_left() then says that
// the process must leave by _Exit, since the job may still be inside a library.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sys/fd.h"
#include "sys/signals.h"

namespace gossip::sys {

void wake_pipe(Fd& read, Fd& write);
void wake(int write_fd);
void drain(int read_fd);
void note_background_left();
bool background_left();

template <class Job, class Answer>
class Background {
 public:
  // `work` runs in the threads, touches nothing of the owner's, and does not throw.
  explicit Background(std::function<Answer(const Job&)> work, std::size_t threads = 1) : shared_(std::make_shared<Shared>()) {
    shared_->work = std::move(work);
    wake_pipe(shared_->read, shared_->write);
    SignalsBlocked blocked;
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([shared = shared_] { shared->run(); });
  }
  Background(const Background&) = delete;
  ~Background() {
    bool busy;
    {
      std::lock_guard lock(shared_->mutex);
      shared_->stop = true;
      busy = shared_->busy > 0;
    }
    shared_->changed.notify_all();
    if (busy) note_background_left();
    for (std::thread& thread : threads_) busy ? thread.detach() : thread.join();
  }
  void post(Job job) {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->jobs.push_back(std::move(job));
    }
    shared_->changed.notify_one();
  }
  int fd() const { return shared_->read.get(); }
  std::optional<Answer> take() {
    drain(shared_->read.get());
    std::lock_guard lock(shared_->mutex);
    if (shared_->answers.empty()) return std::nullopt;
    auto out = std::make_optional<Answer>(std::move(shared_->answers.front()));  // an Answer may be an optional itself
    shared_->answers.pop_front();
    if (!shared_->answers.empty()) wake(shared_->write.get());
    return out;
  }

 private:
  struct Shared {
    std::function<Answer(const Job&)> work;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    std::deque<Answer> answers;
    bool stop = false;
    std::size_t busy = 0;
    Fd read, write;

    void run() {
      std::unique_lock lock(mutex);
      for (;;) {
        changed.wait(lock, [this] { return stop || !jobs.empty(); });
        if (stop) return;
        Job job = std::move(jobs.front());
        jobs.pop_front();
        ++busy;
        lock.unlock();
        Answer answer = work(job);
        lock.lock();
        --busy;
        answers.push_back(std::move(answer));
        wake(write.get());
      }
    }
  };

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace gossip::sys
