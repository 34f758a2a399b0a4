// Carries completions from the sender's threads to one JavaScript thread, many at a time: the first of a batch wakes
// the event loop, the rest wait for it.
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>
#include <vector>

#include "../send/completion.h"

namespace ktls {

class CompletionMailbox : public CompletionSink {
 public:
  // `handler` is called with one Float64Array of triples: item, outcome, bytesSent.
  static std::shared_ptr<CompletionMailbox> Open(Napi::Env env, const Napi::Function& handler);

  void Deliver(const Completion& completion) override;

  // While held, pending completions keep the process alive, as a write request of libuv does.
  void HoldEventLoop(Napi::Env env, bool hold);

 private:
  // Without an environment and handler where there is no JavaScript any more.
  static void HandOutBatch(Napi::Env env, Napi::Function handler, CompletionMailbox* mailbox, void*);
  using Wake = Napi::TypedThreadSafeFunction<CompletionMailbox, void, HandOutBatch>;

  std::mutex mutex_;
  bool open_ = false;  // false once the environment is being torn down: completions are dropped
  bool woken_ = false;
  std::vector<Completion> batch_;
  Wake wake_;
};

}  // namespace ktls
