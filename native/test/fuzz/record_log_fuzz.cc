// A libFuzzer target (https://llvm.org/docs/LibFuzzer.html): the record log, which reads what comes off OpenSSL's write
// side in pieces of any size. The first half of an input says what the records are, the second where they are cut; what
// the log says after each piece is what reading everything at once says. `make fuzz` builds it and runs it for a
// minute.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../kernel/tls_record.h"
#include "../../session/record_log.h"

namespace {

using ktls::RecordLog;

// The last record that has begun, in the simplest way.
struct Reading {
  size_t begin = 0;
  size_t size = 0;  // 0: none has begun
  bool at_border = true;
};

Reading Read(const std::vector<uint8_t>& stream) {
  Reading reading;
  for (size_t at = 0; at < stream.size();) {
    reading.begin = at;
    reading.at_border = false;
    if (stream.size() - at < ktls::kRecordHeaderSize) return reading;
    reading.size = ktls::kRecordHeaderSize + (size_t{stream[at + 3]} << 8 | stream[at + 4]);
    if (stream.size() - at < reading.size) return reading;
    reading.at_border = true;
    at += reading.size;
  }
  return reading;
}

void Must(bool holds) {
  if (!holds) std::abort();
}

void Compare(const RecordLog& log, const std::vector<uint8_t>& stream) {
  const Reading reading = Read(stream);
  Must(log.at_record_border() == reading.at_border);
  const bool is_kept = reading.at_border && reading.size > 0 && reading.size <= RecordLog::kKeptBytes;
  Must(log.has_last_record() == is_kept);
  if (is_kept) {
    Must(log.last_record_size() == reading.size);
    Must(memcmp(log.last_record(), stream.data() + reading.begin, reading.size) == 0);
  }
  uint64_t nonce = 0;
  const size_t prefix = ktls::kRecordHeaderSize + ktls::kExplicitNonceSize;
  const bool has_nonce = reading.at_border && reading.size >= prefix;
  Must(log.LastExplicitNonce(&nonce) == has_nonce);
  if (!has_nonce) return;
  uint64_t expected = 0;
  for (size_t i = ktls::kRecordHeaderSize; i < prefix; ++i) expected = expected << 8 | stream[reading.begin + i];
  Must(nonce == expected);
}

// Three bytes each: a whole record of up to twice what is kept, or a byte that may be anything.
std::vector<uint8_t> MakeRecords(const uint8_t* plan, size_t size) {
  std::vector<uint8_t> stream;
  for (size_t i = 0; i + 3 <= size; i += 3) {
    const size_t length = (size_t{plan[i + 1]} << 8 | plan[i + 2]) % (2 * RecordLog::kKeptBytes);
    if (plan[i] % 8 == 0) {
      stream.push_back(plan[i + 1]);
      continue;
    }
    stream.insert(stream.end(), {plan[i], 3, 3, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)});
    for (size_t at = 0; at < length; ++at) stream.push_back(static_cast<uint8_t>(at * 7 + plan[i]));
  }
  return stream;
}

// Of a square, so that single bytes are as likely as thousands.
size_t PieceSize(uint8_t plan) { return size_t{plan} * plan / 16 + 1; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t half = size / 2;
  if (half == 0) return 0;
  const std::vector<uint8_t> stream = MakeRecords(data, half);
  RecordLog log;
  std::vector<uint8_t> appended;
  for (size_t piece = 0; appended.size() < stream.size(); ++piece) {
    const size_t begin = appended.size();
    const size_t length = std::min(PieceSize(data[half + piece % half]), stream.size() - begin);
    log.Append(stream.data() + begin, length);
    appended.insert(appended.end(), stream.begin() + static_cast<ptrdiff_t>(begin),
                    stream.begin() + static_cast<ptrdiff_t>(begin + length));
    Compare(log, appended);
  }
  return 0;
}
