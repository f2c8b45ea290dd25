// What becomes of values whose reader is too slow: a program has the descriptor of AcquireNotify and does not read.
#include <sstream>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "bluetooth_fixture.hpp"

namespace espat::bus {
namespace {

constexpr unsigned more_than_fit = 50000;

/// What the daemon logs while this is there. Made, read and destroyed on the loop, which is where the daemon logs.
class Log {
 public:
  Log() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_)));
  }
  ~Log() { spdlog::set_default_logger(before_); }
  std::size_t count(const std::string& words) const {
    const std::string text = text_.str();
    std::size_t found = 0;
    for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
    return found;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

class SlowReader : public BluetoothObjects {
 protected:
  void SetUp() override {
    BluetoothObjects::SetUp();
    if (IsSkipped()) return;
    run([this] { log_.emplace(); });
    connect();
    std::uint16_t mtu = 0;
    make_proxy(*client_, "org.espat1", notifying_at)
        ->callMethod("AcquireNotify")
        .onInterface("org.espat1.GattCharacteristic")
        .withArguments(Dictionary())
        .storeResultsTo(stream_, mtu);
  }
  void TearDown() override {
    run([this] { log_.reset(); });
  }
  /// The value with this number: its length and its end tell where it is whole.
  static std::string value(unsigned number) {
    return "private " + std::to_string(number) + std::string(number % 100, '.') + "!";
  }
  void notify_next() { notify(value(sent_++)); }
  /// Until a value is lost.
  void fill() {
    const std::uint64_t before = lost();
    while (lost() == before && sent_ < more_than_fit) notify_next();
    ASSERT_EQ(lost(), before + 1) << sent_ << " values waited: there is no bound";
  }
  std::uint64_t lost() { return get(notifying_at, "org.espat1.GattCharacteristic", "NotifyLost").get<std::uint64_t>(); }
  /// The next value that waits; nothing if none does.
  std::optional<std::string> next() {
    std::array<char, 512> buffer{};
    const ssize_t size = ::recv(stream_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(size));
  }
  /// Reads all that waits, which must be the values from this one on; the number of the one that would be next.
  unsigned read_from(unsigned number) {
    while (const auto got = next()) {
      EXPECT_EQ(*got, value(number));
      ++number;
    }
    return number;
  }
  std::size_t logged(const std::string& words) {
    std::size_t found = 0;
    run([&] { found = log_->count(words); });
    return found;
  }
  /// The log has this sum, at once or soon.
  bool sum_is_logged(std::uint64_t values) {
    return eventually([&] { return log_->count(sum_ + ": " + std::to_string(values) + "\n") == 1; });
  }

  const std::string beginning_ = std::string(notifying_at) + ": the program that has the descriptor";
  const std::string sum_ =
      std::string(notifying_at) + ": values lost before the program read again or its descriptor ended";
  std::optional<Log> log_;
  sdbus::UnixFd stream_;
  unsigned sent_ = 0;
};

TEST_F(SlowReader, LosesWholeValuesThatAreCountedAndGetsTheLaterOnes) {
  EXPECT_EQ(lost(), 0u);
  fill();
  const unsigned fitted = sent_ - 1;
  EXPECT_GT(fitted, 100u) << "so many wait for a reader, says the interface";
  for (int more = 0; more < 41; ++more) notify_next();
  EXPECT_EQ(lost(), 42u);
  EXPECT_EQ(logged(beginning_), 1u);
  EXPECT_EQ(logged(sum_), 0u);
  EXPECT_EQ(read_from(0), fitted);
  EXPECT_TRUE(sum_is_logged(42));
  const unsigned later = sent_;
  notify_next();
  notify_next();
  EXPECT_EQ(read_from(later), sent_);
  EXPECT_EQ(lost(), 42u);
  EXPECT_EQ(logged(beginning_), 1u);
  EXPECT_EQ(logged("private"), 0u) << "no value is logged";
}

TEST_F(SlowReader, IsToldOfOnceHoweverOftenItIsALittleLate) {
  fill();
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(next());
    fill();
  }
  EXPECT_EQ(lost(), 11u);
  EXPECT_EQ(logged(beginning_), 1u);
  EXPECT_EQ(logged(sum_), 0u);
}

TEST_F(SlowReader, HasItsSumToldWhenItClosesItsEnd) {
  fill();
  stream_.reset();
  EXPECT_TRUE(sum_is_logged(1));
  EXPECT_TRUE(eventually([this] { return channel_.payloads().back() == std::string("\0\0", 2); }));
  EXPECT_EQ(lost(), 1u) << "the counter is the characteristic's";
}

TEST_F(SlowReader, KeepsWhatWaitsWhenTheDeviceLeaves) {
  fill();
  const unsigned fitted = sent_ - 1;
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_TRUE(sum_is_logged(1));
  for (unsigned number = 0; number < fitted; ++number) ASSERT_EQ(next(), value(number));
  EXPECT_EQ(next(), "") << "the end";
}

}  // namespace
}  // namespace espat::bus
