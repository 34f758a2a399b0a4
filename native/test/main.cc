#include "hooks.h"
#include "test.h"

int main(int argc, char** argv) {
  ktls::test::InstallHooks();
  return ktls::test::RunTests(argc - 1, argv + 1);
}
