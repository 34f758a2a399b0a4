// The addon as JavaScript sees it: declared for TypeScript in src/native/binding.ts, loaded by src/native/load.ts. It
// turns values into calls and decides nothing.
#include <fcntl.h>
#include <napi.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "../kernel/file_size.h"
#include "../kernel/probe.h"
#include "../kernel/spare_descriptor.h"
#include "../openssl/openssl_api.h"
#include "../send/sender.h"
#include "../session/hand_over.h"
#include "../session/session_tracker.h"
#include "completion_mailbox.h"
#include "native_file.h"
#include "native_queue.h"

namespace ktls {

namespace {

// One per environment (main thread or Worker).
struct AddonState {
  Napi::FunctionReference queue_constructor;
  Napi::FunctionReference file_constructor;
  std::shared_ptr<CompletionMailbox> mailbox;
};

AddonState& StateOf(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<AddonState>(); }

// () -> the names that this process's OpenSSL lacks
Napi::Value MissingOpenSslFunctions(const Napi::CallbackInfo& info) {
  const auto& missing = LoadOpenSslFromProcess();
  Napi::Array names = Napi::Array::New(info.Env(), missing.size());
  for (uint32_t i = 0; i < missing.size(); i++) names.Set(i, missing[i]);
  return names;
}

Napi::Value StartTrackingSessions(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), LoadOpenSslFromProcess().empty() && StartTracking());
}

void StopTrackingSessions(const Napi::CallbackInfo&) { StopTracking(); }

Napi::Value AdoptLatestSession(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), AdoptLatestSsl());
}

Session* SessionOfHandle(const Napi::Object& tls_handle) {
  BeginSessionLookup();
  tls_handle.Get("writeQueueSize");
  return EndSessionLookup();
}

// () -> whether the kernel has TLS to offer (probe.h)
Napi::Value AskForTls(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), KernelOffersTls()); }

// (tlsHandle, socketFd, finished) -> { status, errno, queue? }
Napi::Value HandOverTlsSession(const Napi::CallbackInfo& info) {
  const auto finished = info[2].As<Napi::Uint8Array>();
  HandOverResult result =
      HandOverSession(SessionOfHandle(info[0].As<Napi::Object>()), info[1].As<Napi::Number>().Int32Value(),
                      finished.Data(), finished.ByteLength(), &Sender::Instance(), StateOf(info).mailbox);
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("status", static_cast<int>(result.status));
  answer.Set("errno", result.error);
  if (result.queue) {
    answer.Set("queue", NativeQueue::Wrap(StateOf(info).queue_constructor, std::move(result.queue)));
  }
  return answer;
}

// (tlsHandle): it will not be handed over
void GiveSessionUp(const Napi::CallbackInfo& info) {
  Session* session = SessionOfHandle(info[0].As<Napi::Object>());
  if (session != nullptr && !session->handed_over()) session->GiveUp();
}

// (tlsHandle): OpenSSL is told that close_notify has gone out
void MarkShutdownSent(const Napi::CallbackInfo& info) {
  Session* session = SessionOfHandle(info[0].As<Napi::Object>());
  if (session != nullptr) session->MarkShutdownSent();
}

// (tlsHandle): tlsSocket.enableTrace() for a session that was handed over
void TraceSession(const Napi::CallbackInfo& info) {
  Session* session = SessionOfHandle(info[0].As<Napi::Object>());
  if (session != nullptr) session->StartTrace();
}

// (socketFd) -> NativeQueue, or -errno
Napi::Value OpenTcpQueue(const Napi::CallbackInfo& info) {
  UniqueFd duplicate = DuplicateIfSpare(info[0].As<Napi::Number>().Int32Value());
  if (!duplicate.is_open()) return Napi::Number::New(info.Env(), -errno);
  AddonState& state = StateOf(info);
  return NativeQueue::Wrap(state.queue_constructor, SocketQueue::Open(&Sender::Instance(), std::move(duplicate),
                                                                      std::nullopt, KeyChange(), state.mailbox));
}

// (records): internal, for tests
void SetRecordsPerWriteKey(const Napi::CallbackInfo& info) {
  SetRecordsPerKey(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
}

// (fileFd) -> NativeFile, or -errno; -EBADF if it cannot be read from
Napi::Value OpenFile(const Napi::CallbackInfo& info) {
  const int file_fd = info[0].As<Napi::Number>().Int32Value();
  if ((fcntl(file_fd, F_GETFL) & O_ACCMODE) == O_WRONLY) return Napi::Number::New(info.Env(), -EBADF);
  UniqueFd duplicate = DuplicateIfSpare(file_fd);
  if (!duplicate.is_open()) return Napi::Number::New(info.Env(), -errno);
  return NativeFile::Wrap(StateOf(info).file_constructor, std::move(duplicate));
}

// (handler): called with a Float64Array of triples (item, outcome, bytesSent)
void OpenMailbox(const Napi::CallbackInfo& info) {
  StateOf(info).mailbox = CompletionMailbox::Open(info.Env(), info[0].As<Napi::Function>());
}

void HoldEventLoop(const Napi::CallbackInfo& info) {
  StateOf(info).mailbox->HoldEventLoop(info.Env(), info[0].As<Napi::Boolean>().Value());
}

void SetSenderThreads(const Napi::CallbackInfo& info) {
  Sender::Instance().SetThreads(info[0].As<Napi::Number>().Uint32Value());
}

// (fd) -> the descriptor's own offset, or -errno (lseek(2))
Napi::Value FileOffset(const Napi::CallbackInfo& info) {
  const off_t offset = system_calls.lseek(info[0].As<Napi::Number>().Int32Value(), 0, SEEK_CUR);
  return Napi::Number::New(info.Env(), offset < 0 ? -errno : static_cast<double>(offset));
}

Napi::Value SetFileOffset(const Napi::CallbackInfo& info) {
  const off_t offset =
      system_calls.lseek(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int64Value(), SEEK_SET);
  return Napi::Number::New(info.Env(), offset < 0 ? -errno : static_cast<double>(offset));
}

// (fd) -> bytes, or -1 (file_size.h)
Napi::Value SizeOfFile(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(FileSize(info[0].As<Napi::Number>().Int32Value())));
}

// On libuv's pool: the kernel may have to load its module first.
class ProbeWorker : public Napi::AsyncWorker {
 public:
  ProbeWorker(Napi::Env env, bool rekey, TlsVersion version, Cipher cipher)
      : Napi::AsyncWorker(env, "ktls-pipe probe"),
        deferred_(Napi::Promise::Deferred::New(env)),
        rekey_(rekey),
        version_(version),
        cipher_(cipher) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { error_ = rekey_ ? ProbeRekey() : ProbeKernelTls(version_, cipher_); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), error_)); }

 private:
  Napi::Promise::Deferred deferred_;
  bool rekey_;
  TlsVersion version_;
  Cipher cipher_;
  int error_ = 0;
};

Napi::Value Probe(Napi::Env env, bool rekey, TlsVersion version, Cipher cipher) {
  auto worker = std::make_unique<ProbeWorker>(env, rekey, version, cipher);
  const Napi::Promise promise = worker->promise();
  worker.release()->Queue();  // AsyncWorker deletes itself
  return promise;
}

// (version, cipher) -> Promise of 0 or -errno
Napi::Value ProbeTls(const Napi::CallbackInfo& info) {
  return Probe(info.Env(), false, static_cast<TlsVersion>(info[0].As<Napi::Number>().Uint32Value()),
               static_cast<Cipher>(info[1].As<Napi::Number>().Uint32Value()));
}

Napi::Value ProbeTlsRekey(const Napi::CallbackInfo& info) {
  return Probe(info.Env(), true, TlsVersion::kTls13, Cipher::kAes128Gcm);
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  auto state = std::make_unique<AddonState>();
  state->queue_constructor = Napi::Persistent(NativeQueue::Define(env));
  state->file_constructor = Napi::Persistent(NativeFile::Define(env));
  env.SetInstanceData(state.release());  // deleted by node-addon-api with the environment

  exports.Set("missingOpenSslFunctions", Napi::Function::New<MissingOpenSslFunctions>(env));
  exports.Set("startTracking", Napi::Function::New<StartTrackingSessions>(env));
  exports.Set("stopTracking", Napi::Function::New<StopTrackingSessions>(env));
  exports.Set("adoptLatestSession", Napi::Function::New<AdoptLatestSession>(env));
  exports.Set("kernelOffersTls", Napi::Function::New<AskForTls>(env));
  exports.Set("handOver", Napi::Function::New<HandOverTlsSession>(env));
  exports.Set("giveSessionUp", Napi::Function::New<GiveSessionUp>(env));
  exports.Set("markShutdownSent", Napi::Function::New<MarkShutdownSent>(env));
  exports.Set("traceSession", Napi::Function::New<TraceSession>(env));
  exports.Set("openTcpQueue", Napi::Function::New<OpenTcpQueue>(env));
  exports.Set("openFile", Napi::Function::New<OpenFile>(env));
  exports.Set("openMailbox", Napi::Function::New<OpenMailbox>(env));
  exports.Set("holdEventLoop", Napi::Function::New<HoldEventLoop>(env));
  exports.Set("setSenderThreads", Napi::Function::New<SetSenderThreads>(env));
  exports.Set("setRecordsPerKey", Napi::Function::New<SetRecordsPerWriteKey>(env));
  exports.Set("fileOffset", Napi::Function::New<FileOffset>(env));
  exports.Set("setFileOffset", Napi::Function::New<SetFileOffset>(env));
  exports.Set("fileSize", Napi::Function::New<SizeOfFile>(env));
  exports.Set("probeTls", Napi::Function::New<ProbeTls>(env));
  exports.Set("probeRekey", Napi::Function::New<ProbeTlsRekey>(env));
  return exports;
}

}  // namespace

}  // namespace ktls

// Unqualified because NODE_API_MODULE declares functions at namespace scope.
static Napi::Object InitializeAddon(Napi::Env env, Napi::Object exports) { return ktls::Initialize(env, exports); }

NODE_API_MODULE(ktls, InitializeAddon)
