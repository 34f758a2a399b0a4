#include "native_file.h"

#include <utility>

namespace ktls {

Napi::Function NativeFile::Define(Napi::Env env) {
  return DefineClass(env, "NativeFile",
                     {InstanceAccessor<&NativeFile::Fd>("fd"), InstanceMethod<&NativeFile::Close>("close")});
}

Napi::Object NativeFile::Wrap(const Napi::FunctionReference& constructor, UniqueFd file) {
  Napi::Object object = constructor.New({});
  NativeFile* wrapped = object.IsEmpty() ? nullptr : Unwrap(object);
  if (wrapped != nullptr) wrapped->file_ = std::move(file);  // null in an environment that is ending
  return object;
}

NativeFile::NativeFile(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeFile>(info) {}

Napi::Value NativeFile::Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), file_.get()); }

void NativeFile::Close(const Napi::CallbackInfo&) { file_.Reset(); }

}  // namespace ktls
