// What waits in a socket's queue. Everything here belongs to whoever holds the queue's write side (queue_state.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "../kernel/kernel_tls.h"
#include "../kernel/unique_fd.h"
#include "completion.h"

namespace ktls {

using Clock = std::chrono::steady_clock;

// Plaintext that was read from a file for want of a sendfile that works, and is not all taken yet.
struct ReadBuffer {
  std::vector<uint8_t> bytes;
  size_t begin = 0;
  size_t end = 0;
};

// A sendfile of so little that is not told of more closes a record that stands open.
constexpr size_t kBytesToCloseRecord = 1;

struct RangeItem {
  std::shared_ptr<const UniqueFd> file;  // shared with who reads it from the disk
  uint64_t offset = 0;                   // of the next byte to be sent
  uint64_t remaining = 0;                // bytes that were not taken yet
  // The last sendfile took less than asked, so kernel TLS may hold a record open that only a sendfile may go on with
  // (CVE-2024-0646: before Linux 6.7 a plain send is copied into the file's own pages).
  bool record_may_be_open = false;
  uint64_t in_memory_until = 0;        // up to this offset no disk is waited for any more
  std::unique_ptr<ReadBuffer> buffer;  // set: sendfile is given up for this range

  std::chrono::milliseconds progress_interval{0};
  Clock::time_point progress_reported;
  uint64_t progress_taken = 0;  // of the item, then
};

struct BytesItem {
  std::vector<uint8_t> bytes;
  size_t begin = 0;  // of what is not taken yet
};

struct ControlItem {
  uint8_t content_type = 0;
  std::vector<uint8_t> bytes;
  std::unique_ptr<TransmitKeys> next_keys;  // a KeyUpdate: set right behind the record
};

struct Item {
  ItemId id = 0;
  bool begun = false;
  uint64_t taken = 0;  // plaintext bytes
  std::variant<RangeItem, BytesItem, ControlItem> content;
};

// An item that the kernel has taken whole, or that is settled otherwise: it waits for TCP to accept everything up to
// its end, so that completions keep the order of the bytes.
struct TakenItem {
  ItemId id;
  uint64_t taken;
  uint64_t target;  // Acceptance: complete when this much is accepted
  int32_t outcome;  // kComplete, or the -errno to be told then
};

}  // namespace ktls
