// The log of what OpenSSL wrote: however the bytes arrive, the last whole record is the one it tells of.
#include "../session/record_log.h"

#include <algorithm>

#include "fixtures.h"
#include "test.h"

namespace ktls::test {
namespace {

Bytes Record(uint8_t type, const Bytes& payload) {
  Bytes record = {type, 3, 3, static_cast<uint8_t>(payload.size() >> 8), static_cast<uint8_t>(payload.size())};
  record.insert(record.end(), payload.begin(), payload.end());
  return record;
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes joined;
  for (const Bytes& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

void Append(RecordLog* log, const Bytes& bytes) { log->Append(bytes.data(), bytes.size()); }

bool LastIs(const RecordLog& log, const Bytes& record) {
  return log.has_last_record() && log.last_record_size() == record.size() &&
         std::equal(record.begin(), record.end(), log.last_record());
}

uint64_t NonceOf(const Bytes& record) {
  uint64_t nonce = 0;
  for (size_t i = 5; i < 13; ++i) nonce = nonce << 8 | record[i];
  return nonce;
}

TEST(NothingWritten, "record log: before the first byte there is no record") {
  const RecordLog log;
  uint64_t nonce = 0;
  EXPECT(log.at_record_border());
  EXPECT(!log.has_last_record());
  EXPECT(!log.LastExplicitNonce(&nonce));
}

TEST(Split, "record log: records split at every byte are put together again") {
  const std::vector<Bytes> records = {Record(22, Pattern(40, 1)), Record(20, {1}), Record(23, Pattern(13, 2)),
                                      Record(23, {}), Record(23, Pattern(300, 3))};
  const Bytes stream = Join(records);
  std::vector<size_t> borders;  // offsets at which a record ends
  borders.reserve(records.size());
  for (const Bytes& record : records) borders.push_back((borders.empty() ? 0 : borders.back()) + record.size());
  for (size_t split = 0; split <= stream.size(); ++split) {
    RecordLog log;
    log.Append(stream.data(), split);
    const auto ended = std::find(borders.begin(), borders.end(), split);
    EXPECT_EQ(log.at_record_border(), split == 0 || ended != borders.end());
    EXPECT_EQ(log.has_last_record(), ended != borders.end());
    if (ended != borders.end()) EXPECT(LastIs(log, records[static_cast<size_t>(ended - borders.begin())]));
    log.Append(stream.data() + split, stream.size() - split);
    EXPECT(LastIs(log, records.back()));
  }
}

TEST(ByteByByte, "record log: single bytes do as well, and each border is seen") {
  const std::vector<Bytes> records = {Record(22, Pattern(64, 1)), Record(23, {}), Record(23, Pattern(9, 2))};
  RecordLog log;
  for (const Bytes& record : records) {
    for (size_t i = 0; i < record.size(); ++i) {
      EXPECT_EQ(log.at_record_border(), i == 0);
      log.Append(&record[i], 1);
    }
    EXPECT(LastIs(log, record));
  }
}

TEST(Several, "record log: of several records in one append the last is kept") {
  const Bytes longer = Record(22, Pattern(500, 1));
  const Bytes last = Record(23, Pattern(24, 2));
  RecordLog log;
  Append(&log, Join({longer, longer, last}));
  EXPECT(LastIs(log, last));
  uint64_t nonce = 0;
  EXPECT(log.LastExplicitNonce(&nonce));
  EXPECT_EQ(nonce, NonceOf(last));
  Append(&log, Join({last, longer}));
  EXPECT(LastIs(log, longer));
  log.Append(nullptr, 0);
  EXPECT(LastIs(log, longer));
}

TEST(Begun, "record log: while a record is under way there is no last one") {
  const Bytes record = Record(23, Pattern(24));
  RecordLog log;
  Append(&log, record);
  for (size_t begun = 1; begun < record.size(); ++begun) {
    log.Append(&record[begun - 1], 1);
    uint64_t nonce = 0;
    EXPECT(!log.at_record_border());
    EXPECT(!log.has_last_record());
    EXPECT(!log.LastExplicitNonce(&nonce));
  }
}

TEST(LongRecords, "record log: a record that is too long is not kept, but followed to its end") {
  const Bytes fits = Record(23, Pattern(RecordLog::kKeptBytes - 5));
  const Bytes too_long = Record(23, Pattern(RecordLog::kKeptBytes - 4));
  const Bytes longest = Record(23, Pattern(16384 + 256, 7));
  const Bytes shorter = Record(23, Pattern(30));
  for (const size_t piece : {size_t{1}, size_t{1000}, RecordLog::kKeptBytes, size_t{1} << 20}) {
    const auto append = [piece](RecordLog* log, const Bytes& bytes) {
      for (size_t i = 0; i < bytes.size(); i += piece) log->Append(&bytes[i], std::min(piece, bytes.size() - i));
    };
    RecordLog log;
    append(&log, fits);
    EXPECT(LastIs(log, fits));
    for (const Bytes& record : {too_long, longest}) {
      append(&log, record);
      EXPECT(log.at_record_border());
      EXPECT(!log.has_last_record());
      EXPECT_EQ(log.last_record_size(), record.size());
      uint64_t nonce = 0;
      EXPECT(log.LastExplicitNonce(&nonce));
      EXPECT_EQ(nonce, NonceOf(record));
      append(&log, shorter);
      EXPECT(LastIs(log, shorter));
    }
    append(&log, Join({longest, longest, shorter}));
    EXPECT(LastIs(log, shorter));
  }
}

TEST(ExplicitNonce, "record log: the explicit nonce is big-endian, and needs eight bytes") {
  RecordLog log;
  uint64_t nonce = 0;
  Append(&log, Record(23, {1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT(log.LastExplicitNonce(&nonce));
  EXPECT_EQ(nonce, uint64_t{0x0102030405060708});
  Append(&log, Record(23, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x55}));
  EXPECT(log.LastExplicitNonce(&nonce));
  EXPECT_EQ(nonce, ~uint64_t{1});
  // Not of an older record, either.
  Append(&log, Record(20, {1}));
  EXPECT(!log.LastExplicitNonce(&nonce));
  Append(&log, Record(21, {1, 2, 3, 4, 5, 6, 7}));
  EXPECT(!log.LastExplicitNonce(&nonce));
}

}  // namespace
}  // namespace ktls::test
