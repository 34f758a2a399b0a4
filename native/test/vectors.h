// What the tests against vectors have in common.
#pragma once

#include <dlfcn.h>

#include <string>
#include <vector>

#include "../openssl/openssl_api.h"
#include "fixtures.h"
#include "test.h"

namespace ktls::test {

inline Bytes Unhex(const char* text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (; text[0] != '\0'; text += 2) bytes.push_back(static_cast<uint8_t>(digit(text[0]) << 4 | digit(text[1])));
  return bytes;
}

// The system's libcrypto stands in for the one that Node carries. It stays loaded.
inline void* FindInLibcrypto(const char* name) {
  static void* const library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  return library == nullptr ? nullptr : dlsym(library, name);
}

// False: the running test is skipped, because this machine has no OpenSSL 3, or fails, because it lacks a function that
// the addon takes for granted.
inline bool HaveLibcrypto() {
  if (FindInLibcrypto("OpenSSL_version_num") == nullptr) {
    SkipUnlessExpected("there is no libcrypto.so.3");
    return false;
  }
  static const std::vector<std::string> missing = LoadLibcrypto(FindInLibcrypto);
  for (const std::string& name : missing) Fail(__FILE__, __LINE__, "libcrypto.so.3 lacks " + name);
  return missing.empty();
}

}  // namespace ktls::test

#define REQUIRE_LIBCRYPTO()       \
  do {                            \
    if (!HaveLibcrypto()) return; \
  } while (false)
