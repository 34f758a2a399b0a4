#include "completion_mailbox.h"

#include <utility>

namespace ktls {

std::shared_ptr<CompletionMailbox> CompletionMailbox::Open(Napi::Env env, const Napi::Function& handler) {
  auto mailbox = std::make_shared<CompletionMailbox>();
  // The finalizer holds the mailbox for as long as it may be called back.
  mailbox->wake_ = Wake::New(env, handler, "ktls-pipe completions", 0, 1, mailbox.get(),
                             [mailbox](Napi::Env, void*, CompletionMailbox*) {
                               const std::lock_guard<std::mutex> lock(mailbox->mutex_);
                               mailbox->open_ = false;
                             });
  mailbox->wake_.Unref(env);
  mailbox->open_ = true;
  return mailbox;
}

void CompletionMailbox::Deliver(const Completion& completion) {
  if (completion.item == kNobody) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!open_) return;
  batch_.push_back(completion);
  if (std::exchange(woken_, true)) return;
  // Under the lock, so that the finalizer cannot have freed the function meanwhile.
  wake_.NonBlockingCall();
}

void CompletionMailbox::HoldEventLoop(Napi::Env env, bool hold) {
  if (hold) {
    wake_.Ref(env);
  } else {
    wake_.Unref(env);
  }
}

void CompletionMailbox::HandOutBatch(Napi::Env env, Napi::Function handler, CompletionMailbox* mailbox, void*) {
  if (env == nullptr || handler.IsEmpty()) return;
  std::vector<Completion> batch;
  {
    const std::lock_guard<std::mutex> lock(mailbox->mutex_);
    batch.swap(mailbox->batch_);
    mailbox->woken_ = false;
  }
  Napi::Float64Array triples = Napi::Float64Array::New(env, batch.size() * 3);
  if (triples.IsEmpty()) return;  // the environment has begun to end meanwhile
  for (size_t i = 0; i < batch.size(); i++) {
    triples[3 * i] = batch[i].item;
    triples[3 * i + 1] = batch[i].outcome;
    triples[3 * i + 2] = static_cast<double>(batch[i].bytes_sent);
  }
  handler.Call({triples});
}

}  // namespace ktls
