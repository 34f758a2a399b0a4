#include "fault_run.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "fake_kernel_tls.h"
#include "fake_keys.h"
#include "faulty_socket.h"

namespace ktls::test {

namespace {

using End = Scenario::End;

// Items are numbered from 1. These are not among them.
constexpr ItemId kReleaseItem = 100;
constexpr ItemId kKeyItem = 101;
constexpr ItemId kStallItem = 102;  // these are told by the run itself
constexpr ItemId kInsideItem = 103;

constexpr std::chrono::seconds kPatience(10);

const Bytes kCloseNotify = {1, 0};
const Bytes kUserCanceled = {1, 90};
const Bytes kFatalAlert = {2, 80};

const Bytes& Content() {
  static const Bytes& content = *std::make_unique<Bytes>(Pattern(60'000)).release();
  return content;
}

const UniqueFd& File() {
  static const UniqueFd& file = *std::make_unique<UniqueFd>(MakeFile(Content())).release();
  return file;
}

KeyChange KeysOf(const Scenario& scenario) {
  return scenario.tls == TlsVersion::kTls13 ? ChangeableKeys() : KeyChange();
}

class Run {
 public:
  explicit Run(const Scenario& scenario);
  RunResult Finish();

 private:
  FaultySocketOptions SocketOptions();
  int Submit(size_t size, int submitted);
  int SubmitBytes(size_t offset, size_t size);
  int SubmitRange(size_t offset, size_t length, bool at_once = false);
  int SubmitControl(const Bytes& bytes, bool urgent);
  void Want(size_t offset, size_t size);
  void SubmitAll();
  void StopRange();
  void Await(const std::vector<ItemId>& items);
  void SubmitAlerts();
  void AwaitTurnsEnd();
  void Close();
  void Collect();
  void CollectWords();
  void CutWanted(RunResult::Item* item);
  void CollectRecords();

  const Scenario& scenario_;
  FakeKernelTls tls_;
  Subject subject_;
  Gate gate_;                                // inside the first call that is held
  std::atomic<size_t> waits_after_turn_{0};  // epoll_wait calls, after the turn that was last held or stalled
  FaultySocket socket_;
  ItemId last_item_ = 0;
  ItemId last_pending_ = kNobody;
  ItemId stopped_item_ = kNobody;
  size_t stopped_begin_ = 0;  // of the stopped range in what is wanted
  RunResult result_{};
};

Run::Run(const Scenario& scenario)
    : scenario_(scenario),
      tls_(scenario.tls.value_or(TlsVersion::kTls13)),
      subject_(ConnectPair(), scenario.tls ? std::optional(tls_.state()) : std::nullopt, KeysOf(scenario),
               FaultySender()),
      socket_(&subject_, SocketOptions()) {
  subject_.queue->WatchKey(kKeyItem);
}

FaultySocketOptions Run::SocketOptions() {
  FaultySocketOptions options;
  options.tls = scenario_.tls ? &tls_ : nullptr;
  options.has_sendfile = scenario_.has_sendfile;
  options.is_slow = scenario_.is_slow;
  options.is_on_disk = scenario_.is_on_disk;
  if (scenario_.end == End::kClosedFull) options.refills = 0;
  if (scenario_.end == End::kClosedOpen) options.refills = 2;
  const auto note_turn = [this] {
    waits_after_turn_ = FaultInjector::Instance().calls()[static_cast<size_t>(SystemCall::kEpollWait)] + 1;
  };
  options.on_stall = [this, note_turn] {
    note_turn();
    subject_.sink->Deliver({kStallItem, 0, 0});
  };
  options.held = scenario_.held;
  options.on_held = [this, note_turn] {
    note_turn();
    subject_.sink->Deliver({kInsideItem, 0, 0});
    gate_.Pass();
  };
  return options;
}

int Run::Submit(size_t size, int submitted) {
  result_.items.push_back({size, submitted, std::nullopt});
  if (submitted == kPending) last_pending_ = last_item_;
  return submitted;
}

int Run::SubmitBytes(size_t offset, size_t size) {
  auto* begin = const_cast<uint8_t*>(Content().data()) + offset;
  const iovec parts[] = {{begin, size / 3}, {begin + size / 3, 0}, {begin + size / 3, size - size / 3}};
  Want(offset, size);
  return Submit(size, subject_.queue->SendBytes(++last_item_, parts, std::size(parts)));
}

int Run::SubmitRange(size_t offset, size_t length, bool at_once) {
  UniqueFd file = socket_.DuplicateFile(File());
  const bool is_open = file.is_open();
  if (is_open) Want(offset, length);
  return Submit(length, subject_.queue->SendRange(++last_item_, {std::move(file), offset, length, 0, at_once}));
}

int Run::SubmitControl(const Bytes& bytes, bool urgent) {
  return Submit(0, subject_.queue->SendControl(++last_item_, kRecordTypeAlert, bytes.data(), bytes.size(), urgent));
}

void Run::Want(size_t offset, size_t size) {
  const auto begin = Content().begin() + static_cast<ptrdiff_t>(offset);
  result_.wanted.insert(result_.wanted.end(), begin, begin + static_cast<ptrdiff_t>(size));
}

// The sender's thread stops inside its first sendfile, or another call, until everything is submitted, so that a call's
// occurrence means the same in every run. There is room at once for the first bytes, and for some of the second.
void Run::SubmitAll() {
  if (scenario_.is_at_once) {
    SubmitRange(0, 200, true);
  } else {
    SubmitBytes(0, 200);
  }
  SubmitBytes(200, 12'000);
  if (SubmitRange(777, 50'000) == kPending) Await({kInsideItem, last_item_, kStallItem});
  if (scenario_.is_stopped) StopRange();
  if (scenario_.tls) subject_.queue->RequestKeyUpdate();
  SubmitBytes(40, 300);
  SubmitRange(3, 20'000);
  if (scenario_.tls) SubmitControl(kCloseNotify, false);
}

void Run::StopRange() {
  stopped_item_ = last_item_;
  stopped_begin_ = result_.wanted.size() - result_.items.back().size;
  subject_.queue->StopRange(stopped_item_);
}

void Run::Await(const std::vector<ItemId>& items) {
  if (!subject_.sink->WaitForAny(items, kPatience)) result_.in_time = false;
}

// Until the thread has let go of the queue, so that nothing of the run is used when it ends.
void Run::AwaitTurnsEnd() {
  if (!FaultInjector::Instance().WaitFor(SystemCall::kEpollWait, waits_after_turn_)) result_.in_time = false;
}

void Run::Close() {
  result_.closed_at_once = subject_.queue->Close(kReleaseItem, scenario_.end == End::kResetInside);
  result_.kept_connection = result_.closed_at_once && socket_.leads_to_connection();
}

RunResult Run::Finish() {
  result_.in_time = true;
  SubmitAll();
  if (scenario_.is_aborted()) subject_.queue->Abort();
  if (scenario_.is_closed_inside()) {
    constexpr std::chrono::milliseconds kNow(0);
    result_.was_inside = subject_.sink->WaitFor(kInsideItem, kNow).has_value();
    if (scenario_.tls) SubmitAlerts();
    Close();
  }
  gate_.Open();
  if (!scenario_.is_closed_inside()) {
    if (last_pending_ != kNobody) Await({last_pending_, kStallItem});
    AwaitTurnsEnd();
    if (scenario_.end == End::kClosedFull || scenario_.end == End::kClosedOpen) {
      SubmitAlerts();
      socket_.GiveRoom(100);  // nothing but Close() finds it
    } else if (scenario_.end == End::kFinished && result_.in_time) {
      socket_.StopBlaming();
    }
    Close();
  }
  if (!result_.closed_at_once && !subject_.sink->WaitFor(kReleaseItem, kPatience)) result_.in_time = false;
  if (last_pending_ != kNobody) Await({last_pending_});  // the thread may be telling it
  result_.all_closed = socket_.WaitUntilAllClosed(kPatience);
  AwaitTurnsEnd();
  Collect();
  return std::move(result_);
}

// They overtake, and are not among the items: what becomes of them is not told in order.
void Run::SubmitAlerts() {
  const std::vector<RunResult::Item> items = result_.items;
  const ItemId last_pending = last_pending_;
  SubmitControl(kUserCanceled, true);
  SubmitControl(kFatalAlert, true);
  last_item_ -= 2;
  result_.items = items;
  last_pending_ = last_pending;
}

void Run::Collect() {
  const FaultInjector& injector = FaultInjector::Instance();
  result_.calls = injector.calls();
  result_.met = injector.met();
  result_.failed_with = socket_.failed_with();
  result_.sent_after_failure = socket_.sent_after_failure();
  result_.arrived = socket_.arrived();
  result_.taken = socket_.taken();
  result_.counted = subject_.queue->bytes_sent();
  result_.offence = tls_.offence();
  result_.is_misused = socket_.is_misused();
  CollectWords();
  CollectRecords();
}

void Run::CollectWords() {
  std::vector<ItemId> pending;
  for (ItemId item = 1; item <= last_item_; ++item) {
    if (result_.items[item - 1].submitted == kPending) pending.push_back(item);
  }
  std::vector<ItemId> told;
  for (const Completion& completion : subject_.sink->all()) {
    if (completion.item == kKeyItem) ++result_.keys_spent;
    if (completion.item == kReleaseItem) result_.was_told_of_release = true;
    if (completion.item == kNobody && completion.outcome == result_.failed_with) result_.failed_item_is_nobodys = true;
    if (completion.item == kNobody || completion.item > last_item_) continue;
    told.push_back(completion.item);
    result_.items[completion.item - 1].told = completion;
  }
  result_.one_word_each = told == pending;
  if (stopped_item_ != kNobody) CutWanted(&result_.items[stopped_item_ - 1]);
}

// A range that was stopped is as long as it says.
void Run::CutWanted(RunResult::Item* item) {
  if (!item->told || item->told->bytes_sent > item->size) return;
  const auto begin = result_.wanted.begin() + static_cast<ptrdiff_t>(stopped_begin_);
  const auto end = begin + static_cast<ptrdiff_t>(item->size);
  item->size = static_cast<size_t>(item->told->bytes_sent);
  result_.was_stopped = begin + static_cast<ptrdiff_t>(item->size) != end;
  result_.wanted.erase(begin + static_cast<ptrdiff_t>(item->size), end);
}

void Run::CollectRecords() {
  result_.rekeys = tls_.rekeys();
  int key_updates = 0;
  std::vector<Bytes> alerts;
  for (const FakeKernelTls::Record& record : tls_.records()) {
    if (key_updates > result_.rekeys) result_.sent_under_old_keys = true;
    if (record.type == kRecordTypeHandshake) ++key_updates;
    if (record.type == kRecordTypeAlert) alerts.push_back(record.plaintext);
  }
  result_.sent_urgent_alerts = alerts == std::vector<Bytes>{kUserCanceled, kFatalAlert};
}

}  // namespace

std::optional<int> RunResult::Item::word() const {
  if (submitted < 0) return submitted;
  if (submitted == kComplete) return 0;
  return told ? std::optional<int>(told->outcome) : std::nullopt;
}

RunResult RunScenario(const Scenario& scenario, const Plan& plan) {
  FaultySender();  // started without faults
  FaultInjector::Instance().Arm(plan);
  Run run(scenario);
  RunResult result = run.Finish();
  FaultInjector::Instance().Arm({});
  return result;
}

}  // namespace ktls::test
