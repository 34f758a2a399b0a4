#include "native_queue.h"

#include <cerrno>
#include <utility>
#include <vector>

#include "native_file.h"

namespace ktls {

Napi::Function NativeQueue::Define(Napi::Env env) {
  return DefineClass(env, "NativeQueue",
                     {
                         InstanceMethod<&NativeQueue::SendRange>("sendRange"),
                         InstanceMethod<&NativeQueue::StopRange>("stopRange"),
                         InstanceMethod<&NativeQueue::SendBytes>("sendBytes"),
                         InstanceMethod<&NativeQueue::SendControl>("sendControl"),
                         InstanceMethod<&NativeQueue::BytesSent>("bytesSent"),
                         InstanceMethod<&NativeQueue::WatchKey>("watchKey"),
                         InstanceMethod<&NativeQueue::Close>("close"),
                     });
}

Napi::Object NativeQueue::Wrap(const Napi::FunctionReference& constructor, std::shared_ptr<SocketQueue> queue) {
  Napi::Object object = constructor.New({});
  NativeQueue* wrapped = object.IsEmpty() ? nullptr : Unwrap(object);
  if (wrapped == nullptr) {  // in an environment that is ending
    queue->Close(kNobody, false);
  } else {
    wrapped->queue_ = std::move(queue);
  }
  return object;
}

NativeQueue::NativeQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeQueue>(info) {}

NativeQueue::~NativeQueue() {
  if (queue_) queue_->Close(kNobody, false);
}

// (item, nativeFile, offset, length, progressMs, atOnce) -> Submitted or -errno
Napi::Value NativeQueue::SendRange(const Napi::CallbackInfo& info) {
  NativeFile* file = NativeFile::Unwrap(info[1].As<Napi::Object>());
  if (file == nullptr) return Napi::Number::New(info.Env(), -ECANCELED);
  FileRange range{std::move(file->file()), static_cast<uint64_t>(info[2].As<Napi::Number>().Int64Value()),
                  static_cast<uint64_t>(info[3].As<Napi::Number>().Int64Value()),
                  info[4].As<Napi::Number>().Uint32Value(), info[5].As<Napi::Boolean>().Value()};
  // A cast rather than std::move(): a range that is refused is not moved from, and the file is still the caller's.
  const int submitted = queue_->SendRange(info[0].As<Napi::Number>().Uint32Value(), static_cast<FileRange&&>(range));
  if (submitted < 0) file->file() = std::move(range.file);
  return Napi::Number::New(info.Env(), submitted);
}

// (item)
void NativeQueue::StopRange(const Napi::CallbackInfo& info) {
  queue_->StopRange(info[0].As<Napi::Number>().Uint32Value());
}

// (item, buffers) -> Submitted or -errno
Napi::Value NativeQueue::SendBytes(const Napi::CallbackInfo& info) {
  const auto buffers = info[1].As<Napi::Array>();
  std::vector<iovec> vectors(buffers.Length());
  for (uint32_t i = 0; i < buffers.Length(); i++) {
    const Napi::Value buffer = buffers.Get(i);
    if (buffer.IsEmpty()) return Napi::Number::New(info.Env(), -ECANCELED);  // in an environment that is ending
    auto bytes = buffer.As<Napi::Uint8Array>();
    vectors[i].iov_base = bytes.Data();
    vectors[i].iov_len = bytes.ByteLength();
  }
  const int submitted = queue_->SendBytes(info[0].As<Napi::Number>().Uint32Value(), vectors.data(), vectors.size());
  return Napi::Number::New(info.Env(), submitted);
}

// (item, contentType, bytes, urgent) -> Submitted or -errno
Napi::Value NativeQueue::SendControl(const Napi::CallbackInfo& info) {
  const auto bytes = info[2].As<Napi::Uint8Array>();
  const int submitted = queue_->SendControl(info[0].As<Napi::Number>().Uint32Value(),
                                            static_cast<uint8_t>(info[1].As<Napi::Number>().Uint32Value()),
                                            bytes.Data(), bytes.ByteLength(), info[3].As<Napi::Boolean>().Value());
  return Napi::Number::New(info.Env(), submitted);
}

// () -> plaintext bytes that the kernel has taken
Napi::Value NativeQueue::BytesSent(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(queue_->bytes_sent()));
}

// (item): told kKeySpent when the session should not go on for long
void NativeQueue::WatchKey(const Napi::CallbackInfo& info) {
  queue_->WatchKey(info[0].As<Napi::Number>().Uint32Value());
}

// (releaseItem, forReset) -> released
Napi::Value NativeQueue::Close(const Napi::CallbackInfo& info) {
  const bool released = queue_->Close(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Boolean>().Value());
  return Napi::Boolean::New(info.Env(), released);
}

}  // namespace ktls
