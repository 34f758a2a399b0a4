// A duplicated file descriptor as a JavaScript object, so that it has one owner until a queue takes it over.
#pragma once

#include <napi.h>

#include "../kernel/unique_fd.h"

namespace ktls {

class NativeFile : public Napi::ObjectWrap<NativeFile> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(const Napi::FunctionReference& constructor, UniqueFd file);

  explicit NativeFile(const Napi::CallbackInfo& info);

  UniqueFd& file() { return file_; }

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  UniqueFd file_;
};

}  // namespace ktls
