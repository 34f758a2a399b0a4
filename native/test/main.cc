#include "../send/sender.h"
#include "hooks.h"
#include "test.h"

int main(int argc, char** argv) {
  ktls::test::InstallHooks();
  ktls::Sender::Instance().SetThreads(
      1);  // what queues do to each other shows on one; for more a test has its own sender
  return ktls::test::RunTests(argc - 1, argv + 1);
}
