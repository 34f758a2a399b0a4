// Write keys for tests: number 1, 2 and so on, each all of one byte.
#pragma once

#include "../send/key_change.h"

namespace ktls::test {

class FakeKeys : public KeySource {
 public:
  explicit FakeKeys(Cipher cipher = Cipher::kAes128Gcm, TlsVersion version = TlsVersion::kTls13)
      : cipher_(cipher), version_(version) {}

  static void Fill(uint8_t number, TransmitKeys* keys) {
    keys->key.fill(number);
    keys->iv.fill(static_cast<uint8_t>(number + 1));
    keys->record_sequence = 0;
  }

  bool Next(TransmitKeys* keys) override {
    if (++number_ >= fails_from_) return false;
    keys->version = version_;
    keys->cipher = cipher_;
    Fill(number_, keys);
    return true;
  }

  void FailFrom(uint8_t number) { fails_from_ = number; }

 private:
  const Cipher cipher_;
  const TlsVersion version_;
  uint8_t number_ = 0;
  uint8_t fails_from_ = 0xff;
};

// A session whose keys may change.
inline KeyChange ChangeableKeys(uint64_t records_per_key = KeyChange::kRecordsPerKey) {
  return {std::make_unique<FakeKeys>(), records_per_key};
}

}  // namespace ktls::test
