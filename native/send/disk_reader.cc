#include "disk_reader.h"

#include <pthread.h>

#include <memory>
#include <utility>

#include "detached_thread.h"

namespace ktls {

DiskReader& DiskReader::Instance() {
  // Never destroyed: transfers may be in flight while the process exits.
  static DiskReader* const instance = std::make_unique<DiskReader>().release();
  return *instance;
}

int DiskReader::Read(FileWindow window, std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  if (jobs_.size() >= idle_ && threads_ < kMaxThreads) {
    const int error = StartDetachedThread(Main, this);
    if (error && threads_ == 0) return error;
    if (!error) ++threads_;
  }
  jobs_.push_back({std::move(window), std::move(done)});
  work_.notify_one();
  return 0;
}

void* DiskReader::Main(void* disk_reader) {
  pthread_setname_np(pthread_self(), "ktls-disk");
  static_cast<DiskReader*>(disk_reader)->Run();
}

void DiskReader::Run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    ++idle_;
    work_.wait(lock, [this] { return !jobs_.empty(); });
    --idle_;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();

    ReadIn(job.window);
    job.done();
  }
}

}  // namespace ktls
