#include "openssl_api.h"

#include <dlfcn.h>

namespace ktls {

OpenSslApi openssl;

namespace {

template <typename Function>
void Resolve(FindSymbol find, const char* name, Function* slot, std::vector<std::string>* missing) {
  *slot = reinterpret_cast<Function>(find(name));
  if (*slot == nullptr) missing->emplace_back(name);
}

// The global scope only: a libssl that another addon loaded privately (RTLD_LOCAL) is not the one that Node uses.
void* FindInProcess(const char* name) { return dlsym(RTLD_DEFAULT, name); }

std::vector<std::string> LoadAll() {
  std::vector<std::string> missing = LoadLibcrypto(FindInProcess);
#define KTLS_RESOLVE(name, result, parameters) Resolve(FindInProcess, #name, &openssl.name, &missing);
  KTLS_LIBSSL_FUNCTIONS(KTLS_RESOLVE)
#undef KTLS_RESOLVE
  std::vector<std::string> dispensable;
#define KTLS_RESOLVE(name, result, parameters) Resolve(FindInProcess, #name, &openssl.name, &dispensable);
  KTLS_OPTIONAL_LIBSSL_FUNCTIONS(KTLS_RESOLVE)
#undef KTLS_RESOLVE
  // Before 3.0 the same names have other meanings (ex_data, record layer); 4.0 has not been tried.
  if (missing.empty() && openssl.OpenSSL_version_num() >> 28 != 3) missing.emplace_back("OpenSSL 3.x");
  return missing;
}

}  // namespace

std::vector<std::string> LoadLibcrypto(FindSymbol find) {
  std::vector<std::string> missing;
#define KTLS_RESOLVE(name, result, parameters) Resolve(find, #name, &openssl.name, &missing);
  KTLS_LIBCRYPTO_FUNCTIONS(KTLS_RESOLVE)
#undef KTLS_RESOLVE
  return missing;
}

const std::vector<std::string>& LoadOpenSslFromProcess() {
  static const std::vector<std::string> missing = LoadAll();
  return missing;
}

}  // namespace ktls
