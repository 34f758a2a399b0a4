// Whole transfers over real loopback connections, compared byte by byte.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "fixtures.h"
#include "test.h"

namespace ktls::test {
namespace {

TEST(SlowReader, "loopback: mixed items through tiny buffers to a reader that dawdles") {
  const Bytes content = Pattern(2'000'000);
  const UniqueFd file = MakeFile(content);
  std::mt19937 random(7);
  const auto below = [&](size_t limit) { return static_cast<size_t>(random() % limit); };

  Subject subject(ConnectTcp(1, 1));
  Bytes wanted;
  std::vector<ItemId> pending;
  for (ItemId item = 0; item < 60; ++item) {
    const size_t offset = below(content.size() - 60'000);
    const size_t size = below(60'000);
    const auto begin = content.begin() + static_cast<ptrdiff_t>(offset);
    const Bytes bytes(begin, begin + static_cast<ptrdiff_t>(size));
    wanted.insert(wanted.end(), bytes.begin(), bytes.end());
    const int submitted = item % 3 ? subject.SendRange(item, file, offset, size) : subject.SendBytes(item, bytes);
    if (submitted == kPending) pending.push_back(item);
  }

  Bytes received;
  while (received.size() < wanted.size()) {
    const Bytes part =
        ReadUpTo(subject.connection.far.get(), std::min(wanted.size() - received.size(), 1 + below(9000)));
    if (!EXPECT(!part.empty())) return;
    received.insert(received.end(), part.begin(), part.end());
    if (below(20) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT(received == wanted);
  EXPECT_EQ(subject.sink->OutcomeOf(pending.back()), 0);
  EXPECT(subject.sink->Order() == pending);
  EXPECT_EQ(subject.queue->bytes_sent(), uint64_t{wanted.size()});
}

TEST(ManySockets, "loopback: 200 sockets at once, byte-exact") {
  constexpr size_t kSockets = 200;
  constexpr size_t kSize = 400'000;
  const Bytes content = Pattern(kSize + kSockets);
  const UniqueFd file = MakeFile(content);
  std::vector<std::unique_ptr<Subject>> subjects;
  std::vector<pollfd> readers;
  for (size_t i = 0; i < kSockets; ++i) {
    subjects.push_back(std::make_unique<Subject>(ConnectTcp(16'384, 16'384)));
    subjects.back()->SendRange(1, file, i, kSize);
    const int reader = subjects.back()->connection.far.get();
    fcntl(reader, F_SETFL, O_NONBLOCK);
    readers.push_back({reader, POLLIN, 0});
  }

  std::vector<size_t> received(kSockets);
  bool exact = true;
  size_t ended = 0;
  Bytes buffer(8192);
  while (ended < kSockets && exact) {
    if (!EXPECT(poll(readers.data(), readers.size(), 20'000) > 0)) return;
    for (size_t i = 0; i < kSockets; ++i) {
      if (!(readers[i].revents & POLLIN)) continue;
      const ssize_t count = read(readers[i].fd, buffer.data(), buffer.size());
      if (count <= 0) continue;
      exact = exact && std::equal(buffer.begin(), buffer.begin() + count,
                                  content.begin() + static_cast<ptrdiff_t>(i + received[i]));
      received[i] += static_cast<size_t>(count);
      if (received[i] < kSize) continue;
      readers[i].fd = -1;
      ++ended;
    }
  }
  EXPECT(exact);
  for (const auto& subject : subjects) EXPECT_EQ(subject->sink->OutcomeOf(1), 0);
}

}  // namespace
}  // namespace ktls::test
