// A SocketQueue as a JavaScript object. Arguments are trusted: the only callers are this package's, who have the addon
// from src/native/load.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "../send/socket_queue.h"

namespace ktls {

class NativeQueue : public Napi::ObjectWrap<NativeQueue> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(const Napi::FunctionReference& constructor, std::shared_ptr<SocketQueue> queue);

  explicit NativeQueue(const Napi::CallbackInfo& info);
  ~NativeQueue() override;

 private:
  Napi::Value SendRange(const Napi::CallbackInfo& info);
  void StopRange(const Napi::CallbackInfo& info);
  Napi::Value SendBytes(const Napi::CallbackInfo& info);
  Napi::Value SendControl(const Napi::CallbackInfo& info);
  Napi::Value BytesSent(const Napi::CallbackInfo& info);
  void WatchKey(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<SocketQueue> queue_;
};

}  // namespace ktls
