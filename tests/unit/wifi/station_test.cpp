// The station against a scripted module, in virtual time.
#include "wifi/station.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "fake_channel.hpp"
#include "fake_clock.hpp"

namespace espat::wifi {
namespace {

using namespace std::chrono_literals;
using test::error;
using test::ok;

class StationTest : public testing::Test {
 protected:
  StationTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "espat-station-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    known_.emplace(directory_ / "known-networks.json");
    // A small module: it knows where it is joined.
    channel_.script("AT+CWMODE?", ok({"+CWMODE:1"}));
    channel_.script("AT+CWSTATE?", [this](const std::string&) {
      return here_.empty() ? ok({"+CWSTATE:4,\"\""}) : ok({"+CWSTATE:2,\"" + here_ + "\""});
    });
    channel_.script("AT+CWJAP?", [this](const std::string&) {
      return here_.empty() ? ok() : ok({"+CWJAP:\"" + here_ + "\",\"10:01:00:c4:0a:51\",5,-28,0,1,3,0,1"});
    });
    channel_.script("AT+CWJAP=", [this](const std::string& text) {
      here_ = text.substr(10, text.find('"', 10) - 10);
      return ok({}, 1300ms);
    });
    channel_.script("AT+CWQAP", [this](const std::string&) {
      here_.clear();
      return ok({}, 70ms);
    });
  }
  ~StationTest() override {
    if (station_) station_->stop();
    advance(100s);
    std::filesystem::remove_all(directory_);
  }

  Station& start() {
    station_ = std::make_shared<Station>(
        channel_, *known_, StationSettings{},
        StationEnvironment{clock_, [] { return 0.5; }, [] { return std::uint64_t{1'800'000'000}; }});
    station_->start();
    advance(0s);
    return *station_;
  }
  void advance(module::Duration duration) { clock_.advance(io_, duration); }
  void know(std::string ssid, std::string passphrase = "12345678") {
    KnownNetwork network;
    network.ssid = std::move(ssid);
    network.passphrase = std::move(passphrase);
    ASSERT_TRUE(known_->remember(std::move(network)));
  }
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> begin(boost::asio::awaitable<Result<T>> work) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    boost::asio::co_spawn(io_, std::move(work),
                          [result](std::exception_ptr, Result<T> value) { *result = std::move(value); });
    return result;
  }
  static ConnectRequest to(std::string ssid, std::string passphrase) {
    ConnectRequest request;
    request.ssid = std::move(ssid);
    request.passphrase = std::move(passphrase);
    return request;
  }

  boost::asio::io_context io_;
  test::FakeClock clock_;
  test::FakeChannel channel_{io_, clock_};
  std::filesystem::path directory_;
  std::optional<KnownNetworks> known_;
  std::shared_ptr<Station> station_;
  std::string here_;  // where the module is joined
};

TEST_F(StationTest, JoinsTheOnlyKnownNetworkAtOnceWithoutAScan) {
  know("home");
  Station& station = start();
  EXPECT_EQ(station.status().state, StationState::connecting);
  advance(2s);
  EXPECT_EQ(station.status().state, StationState::connected);
  EXPECT_EQ(station.status().ssid, "home");
  EXPECT_EQ(station.status().bssid, "10:01:00:c4:0a:51");
  EXPECT_EQ(station.status().rssi, -28);
  EXPECT_EQ(channel_.count("AT+CWLAP"), 0U);
}

TEST_F(StationTest, ChoosesTheStrongestOfSeveralKnownNetworks) {
  know("attic");
  know("home");
  channel_.script("AT+CWLAP", ok({"+CWLAP:(3,\"attic\",-80,\"10:01:00:c4:0a:52\",1)",
                                  "+CWLAP:(3,\"home\",-40,\"10:01:00:c4:0a:51\",5)"}));
  Station& station = start();
  advance(2s);
  EXPECT_EQ(station.status().ssid, "home");
}

TEST_F(StationTest, ConnectEscapesSavesAndSwitchesTheModulesOwnReconnectingOff) {
  Station& station = start();
  const auto done = begin(station.connect(to("a,b\"c\\d", "pass\"word,1")));
  advance(2s);
  ASSERT_TRUE(*done && (*done)->has_value());
  const auto join = std::find_if(channel_.sent().begin(), channel_.sent().end(),
                                 [](const auto& s) { return s.starts_with("AT+CWJAP="); });
  ASSERT_NE(join, channel_.sent().end());
  EXPECT_TRUE(join->starts_with(R"(AT+CWJAP="a\,b\"c\\d","pass\"word\,1")")) << *join;
  EXPECT_TRUE(join->ends_with(",,,0,,,15")) << *join;
  EXPECT_EQ(channel_.count("AT+CWRECONNCFG"), 0U) << "the join itself said so";
  ASSERT_NE(known_->find("a,b\"c\\d"), nullptr);
  EXPECT_EQ(known_->find("a,b\"c\\d")->passphrase, "pass\"word,1");
}

TEST_F(StationTest, DoesNotSaveWhatCouldNotBeJoined) {
  channel_.script("AT+CWJAP=", error({"+CWJAP:3"}, 15s));
  Station& station = start();
  const auto done = begin(station.connect(to("absent", "12345678")));
  advance(16s);
  ASSERT_TRUE(*done);
  ASSERT_TRUE((*done)->has_error());
  EXPECT_EQ((*done)->error().kind, ErrorKind::not_found);
  EXPECT_EQ(known_->find("absent"), nullptr);
  EXPECT_EQ(channel_.count("AT+CWJAP="), 1U);
  EXPECT_EQ(station.status().state, StationState::disconnected);
}

TEST_F(StationTest, DoesNotCallThePassphraseWrongAfterOneSample) {
  channel_.script("AT+CWJAP=", error({"+CWJAP:2"}, 4s));
  Station& station = start();
  const auto done = begin(station.connect(to("home", "not the one")));
  advance(4100ms);
  EXPECT_FALSE(*done) << "it is tried a second time";
  advance(5s);
  ASSERT_TRUE(*done && (*done)->has_error());
  EXPECT_EQ((*done)->error().kind, ErrorKind::module);
  EXPECT_NE((*done)->error().message.find("did not accept the passphrase"), std::string::npos);
  EXPECT_EQ((*done)->error().message.find("not the one"), std::string::npos) << "a passphrase must not be told";
  EXPECT_EQ(channel_.count("AT+CWJAP="), 2U);
}

TEST_F(StationTest, SaysLikelyWhenThereWasTimeForOneSampleOnly) {
  channel_.script("AT+CWJAP=", error({"+CWJAP:2"}, 12s));
  Station& station = start();
  const auto done = begin(station.connect(to("home", "not the one")));
  advance(13s);
  ASSERT_TRUE(*done && (*done)->has_error());
  EXPECT_NE((*done)->error().message.find("most likely"), std::string::npos);
}

TEST_F(StationTest, ComesBackWithGrowingPausesAfterTheNetworkIsLost) {
  know("home");
  Station& station = start();
  advance(2s);
  ASSERT_EQ(station.status().state, StationState::connected);
  channel_.script("AT+CWLAP", ok());
  channel_.script("AT+CWJAP=", error({"+CWJAP:3"}, 15s));
  here_.clear();
  channel_.report(at::WifiDisconnected{});
  EXPECT_EQ(station.status().state, StationState::disconnected);
  EXPECT_TRUE(station.status().bssid.empty());
  advance(15s);
  EXPECT_EQ(channel_.count("AT+CWJAP="), 2U) << "the first attempt is direct";
  advance(300s);
  EXPECT_EQ(channel_.count("AT+CWJAP="), 2U) << "an absent network is looked for, not joined";
  // 1, 2, 4, 8, 16, 32, 60 … s, three empty scans each time
  EXPECT_GE(channel_.count("AT+CWLAP"), 8U * 3);
  EXPECT_LE(channel_.count("AT+CWLAP"), 12U * 3 + 1);
  channel_.script("AT+CWLAP", ok({"+CWLAP:(3,\"home\",-40,\"10:01:00:c4:0a:51\",5)"}));
  channel_.script("AT+CWJAP=", [this](const std::string&) {
    here_ = "home";
    return ok({}, 1300ms);
  });
  advance(75s);
  EXPECT_EQ(station.status().state, StationState::connected);
}

TEST_F(StationTest, StaysAwayAfterDisconnectAndRepeatsItUntilTheModuleObeys) {
  know("home");
  Station& station = start();
  advance(2s);
  int asked = 0;
  channel_.script("AT+CWQAP", [this, &asked](const std::string&) {
    if (++asked == 2) here_.clear();  // quirk 17
    return ok({}, 70ms);
  });
  const auto done = begin(station.disconnect());
  advance(2s);
  ASSERT_TRUE(*done && (*done)->has_value());
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(station.status().state, StationState::disconnected);
  EXPECT_FALSE(station.status().autoconnect);
  channel_.become(module::State::recovering);
  channel_.become(module::State::ready);
  advance(120s);
  EXPECT_EQ(channel_.count("AT+CWJAP="), 1U);
}

TEST_F(StationTest, LeavesAJoinOfTheModuleAloneIfItIsWanted) {
  know("home");
  here_ = "home";
  Station& station = start();
  advance(1s);
  EXPECT_EQ(station.status().state, StationState::connected);
  EXPECT_EQ(channel_.count("AT+CWJAP="), 0U);
  EXPECT_EQ(channel_.count("AT+CWQAP"), 0U);
}

TEST_F(StationTest, EndsAJoinOfTheModuleToANetworkThatIsNotWanted) {
  know("home");
  here_ = "neighbour";
  Station& station = start();
  advance(3s);
  EXPECT_EQ(channel_.count("AT+CWQAP"), 1U);
  EXPECT_EQ(station.status().ssid, "home");
}

TEST_F(StationTest, JoinsAgainDirectlyAfterTheModuleWasReset) {
  Station& station = start();
  auto request = to("cafe", "12345678");
  request.save = false;
  const auto done = begin(station.connect(std::move(request)));
  advance(2s);
  ASSERT_TRUE(*done && (*done)->has_value());
  here_.clear();
  channel_.become(module::State::recovering);
  EXPECT_EQ(station.status().state, StationState::disconnected);
  channel_.become(module::State::ready);
  advance(2s);
  EXPECT_EQ(station.status().state, StationState::connected) << "also if it was not saved";
  EXPECT_EQ(station.status().ssid, "cafe");
  EXPECT_EQ(channel_.count("AT+CWLAP"), 0U);
}

TEST_F(StationTest, RepeatsAScanThatFindsNothingAndListsTheStrongestFirstOnce) {
  Station& station = start();
  int scans = 0;
  channel_.script("AT+CWLAP", [&scans](const std::string& text) {
    if (text.starts_with("AT+CWLAPOPT")) return ok();
    if (++scans == 1) return ok({}, 2s);
    return ok({"+CWLAP:(3,\"weak\",-80,\"10:01:00:c4:0a:52\",1)", "+CWLAP:(0,\"a\"b,c\",-40,\"10:01:00:c4:0a:51\",5)",
               "+CWLAP:(3,\"weak\",-81,\"10:01:00:c4:0a:52\",1)"},
              2s);
  });
  const auto done = begin(station.scan(ScanRequest{}));
  advance(1s);
  EXPECT_TRUE(station.status().scanning);
  advance(4s);
  ASSERT_TRUE(*done && (*done)->has_value());
  EXPECT_FALSE(station.status().scanning);
  ASSERT_EQ(station.networks().size(), 2U);
  EXPECT_EQ(station.networks()[0].ssid, "a\"b,c");
  EXPECT_EQ(station.networks()[1].ssid, "weak");
}

TEST_F(StationTest, RefusesASecondConnectWhileOneIsUnderWay) {
  Station& station = start();
  const auto first = begin(station.connect(to("home", "12345678")));
  advance(100ms);
  const auto second = begin(station.connect(to("cafe", "12345678")));
  advance(100ms);
  ASSERT_TRUE(*second && (*second)->has_error());
  EXPECT_EQ((*second)->error().kind, ErrorKind::in_progress);
  advance(2s);
  ASSERT_TRUE(*first);
  EXPECT_TRUE((*first)->has_value());
}

TEST_F(StationTest, DisconnectCutsAConnectShort) {
  Station& station = start();
  const auto connect = begin(station.connect(to("home", "12345678")));
  advance(100ms);
  const auto disconnect = begin(station.disconnect());
  advance(5s);
  ASSERT_TRUE(*connect && *disconnect);
  EXPECT_TRUE((*connect)->has_error());
  EXPECT_EQ((*connect)->error().kind, ErrorKind::cancelled);
  EXPECT_EQ(known_->find("home"), nullptr);
}

TEST_F(StationTest, ACallerThatLeavesDoesNotLeaveTheStateBehind) {
  Station& station = start();
  boost::asio::cancellation_signal leave;
  bool ended = false;
  boost::asio::co_spawn(
      io_, station.connect(to("home", "12345678")),
      boost::asio::bind_cancellation_slot(leave.slot(), [&](std::exception_ptr, Result<void>) { ended = true; }));
  advance(100ms);
  ASSERT_EQ(station.status().state, StationState::connecting);
  leave.emit(boost::asio::cancellation_type::terminal);
  advance(10ms);
  EXPECT_TRUE(ended);
  EXPECT_NE(station.status().state, StationState::connecting);
}

TEST_F(StationTest, SaysThatTheModuleIsNotReady) {
  channel_.become(module::State::offline);
  Station& station = start();
  const auto scan = begin(station.scan(ScanRequest{}));
  const auto connect = begin(station.connect(to("home", "12345678")));
  advance(10ms);
  ASSERT_TRUE(*scan && *connect);
  EXPECT_EQ((*scan)->error().kind, ErrorKind::not_ready);
  EXPECT_EQ((*connect)->error().kind, ErrorKind::not_ready);
}

TEST_F(StationTest, TellsEveryChangeOnceAndOnlyIfSomethingChanged) {
  Station& station = start();
  std::vector<StationStatus> seen;
  const auto watching = station.on_change([&] { seen.push_back(station.status()); });
  const auto done = begin(station.connect(to("home", "12345678")));
  advance(2s);
  const auto again = begin(station.signal_strength());
  advance(1s);
  ASSERT_TRUE(*again && (*again)->has_value());
  EXPECT_EQ((*again)->value(), -28);
  ASSERT_GE(seen.size(), 2U);
  for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_FALSE(seen[i] == seen[i - 1]);
}

}  // namespace
}  // namespace espat::wifi
