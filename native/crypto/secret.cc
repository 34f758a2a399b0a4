#include "secret.h"

#include <string.h>
#include <sys/mman.h>

#include <memory>
#include <mutex>
#include <vector>

namespace ktls {

namespace {

constexpr size_t kPageSize = 4096;

// Pages of slots, shared by all threads; they stay mapped for the life of the process.
class Pool {
 public:
  uint8_t* Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty() && !AddPage()) return nullptr;
    uint8_t* slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void GiveBack(uint8_t* slot) {
    const std::lock_guard lock(mutex_);
    free_.push_back(slot);
  }

 private:
  bool AddPage() {
    void* page = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    // Precautions: a kernel that knows neither still keeps the secrets where they are.
    ::madvise(page, kPageSize, MADV_DONTDUMP);
#ifdef MADV_WIPEONFORK
    ::madvise(page, kPageSize, MADV_WIPEONFORK);
#endif
    for (size_t at = 0; at < kPageSize; at += Secret::kMaxSize) free_.push_back(static_cast<uint8_t*>(page) + at);
    return true;
  }

  std::mutex mutex_;
  std::vector<uint8_t*> free_;  // under mutex_
};

// Never destroyed: sessions are freed late, when static destructors may have run.
Pool& Slots() {
  static Pool* const pool = std::make_unique<Pool>().release();
  return *pool;
}

}  // namespace

bool Secret::Set(const uint8_t* bytes, size_t size) {
  Wipe();
  if (size == 0 || size > kMaxSize) return false;
  bytes_ = Slots().Take();
  if (bytes_ == nullptr) return false;
  ::memcpy(bytes_, bytes, size);
  size_ = size;
  return true;
}

void Secret::Wipe() {
  if (bytes_ == nullptr) return;
  ::explicit_bzero(bytes_, kMaxSize);
  Slots().GiveBack(bytes_);
  bytes_ = nullptr;
  size_ = 0;
}

}  // namespace ktls
