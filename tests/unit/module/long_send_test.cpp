// Long sends (AT+CIPSENDL): written with the module's consent, given up without losing the module, and one send after
// the other without a pause. Dialogues in virtual time.
#include <string>

#include "fixture.hpp"

namespace espat::module::test {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class LongSendTest : public ModuleFixture {
 protected:
  void SetUp() override {
    bring_up();
    prompt();
  }
  void prompt() {
    scripted.rule = [this](const std::string& line) -> std::optional<std::string> {
      if (line.starts_with("AT+CIPSEND")) return "\r\nOK\r\n\r\n>";
      return std::nullopt;
    };
    scripted.on_payload = [](const std::string&) { return "\r\nSEND OK\r\n"; };
    scripted.raw.clear();
  }
  std::shared_ptr<std::optional<at::Outcome>> send_long(at::LinkId link, const std::string& payload) {
    auto outcome = std::make_shared<std::optional<at::Outcome>>();
    const at::Bytes bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    BlockSource source = [this, link, bytes](std::size_t) {
      SendBlock block{at::commands::send_long(link, bytes.size()), bytes};
      block.on_progress = [this](std::size_t passed) { progress.push_back(passed); };
      return std::optional<SendBlock>(std::move(block));
    };
    boost::asio::co_spawn(io, module().channel().send(link, std::move(source)),
                          [outcome](std::exception_ptr, at::Outcome value) { *outcome = std::move(value); });
    return outcome;
  }
  /// As real firmware reports: every 2920 bytes passed on, received in steps of 128 (measured C.1).
  void report_progress() {
    scripted.on_payload_bytes = [reported = std::size_t{0}](std::size_t received) mutable -> std::string {
      std::string text;
      while (reported + 2920 <= received) {
        reported += 2920;
        text += "+CIPSENDL:" + std::to_string(reported) + "," + std::to_string(received) + "\r\n";
      }
      return text;
    };
  }
  void expect_working() {
    scripted.rule = nullptr;
    scripted.on_payload_bytes = nullptr;
    scripted.answers["AT+SYSRAM?"] = "+SYSRAM:187132,176588\r\nOK\r\n";
    const auto outcome = run(at::commands::query_memory());
    ASSERT_TRUE(finishes(outcome));
    EXPECT_EQ((*outcome)->status, Status::ok);
    EXPECT_EQ(module().state(), State::ready);
  }
  /// Letters only, so that it cannot be taken for anything else.
  const std::string payload = std::string(30000, 'p');
  std::vector<std::size_t> progress;
};

TEST_F(LongSendTest, NeverWritesMoreThan8KiBAheadOfWhatTheModuleHasTaken) {
  const auto outcome = send_long(0, payload);
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.payload_received(), 8192u) << "quirk 13";
  scripted.say("+CIPSENDL:2920,2944\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.payload_received(), 2944u + 8192u);
  scripted.say("+CIPSENDL:8760,8832\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.payload_received(), 8832u + 8192u);
  EXPECT_FALSE(outcome->has_value());
  EXPECT_THAT(progress, ElementsAre(2920u, 8760u)) << "the caller's buffer moves on meanwhile";
}

TEST_F(LongSendTest, EndsWithSendOkAfterTheLastByte) {
  report_progress();
  const auto outcome = send_long(3, payload);
  ASSERT_TRUE(finishes(outcome, 10s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPSENDL=3,30000"));
  EXPECT_THAT(scripted.payloads, ElementsAre(payload));
}

TEST_F(LongSendTest, IsNotMisledByReportsThatCannotBeTrue) {
  const auto outcome = send_long(0, payload);
  clock.run_for(io, 100ms);
  scripted.say("+CIPSENDL:2920,2944\r\n+CIPSENDL:2920,900000\r\n+CIPSENDL:0,0\r\n+CIPSENDL:,\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.payload_received(), 2944u + 8192u);
}

TEST_F(LongSendTest, GivesUpWithoutProgressAndCancelsWhatIsLeft) {
  scripted.escapes = true;
  const auto outcome = send_long(0, payload);
  ASSERT_TRUE(finishes(outcome, 30s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  EXPECT_TRUE((*outcome)->payload_written) << "the link is to be closed";
  expect_working();
  EXPECT_NE(scripted.raw.find("+++"), std::string::npos);
  EXPECT_THAT(scripted.payloads, ElementsAre()) << "nothing was padded: the peer, if it reads again, must not get it";
}

TEST_F(LongSendTest, WaitsForASlowNetworkAsLongAsThereIsProgress) {
  const auto outcome = send_long(0, payload);
  for (std::size_t passed = 2920; scripted.payloads.empty(); passed += 2920) {
    clock.run_for(io, 12s);
    ASSERT_FALSE(outcome->has_value()) << passed;
    scripted.say("+CIPSENDL:" + std::to_string(passed) + "," +
                 std::to_string(std::min(scripted.payload_received(), passed + 2920)) + "\r\n");
    clock.run_for(io, 1ms);
  }
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
}

TEST_F(LongSendTest, FillsUpWhatAClosedLinkStillSwallows) {  // quirk 78
  scripted.on_payload = [](const std::string&) { return "\r\nSEND FAIL\r\n"; };
  const auto outcome = send_long(2, payload);
  clock.run_for(io, 1s);
  scripted.say("2,CLOSED\r\n");  // and no progress any more
  ASSERT_TRUE(finishes(outcome, 5s)) << "not by its deadline: everybody waits for it";
  EXPECT_EQ((*outcome)->status, Status::send_failed);
  ASSERT_EQ(scripted.payloads.size(), 1u);
  EXPECT_EQ(scripted.payloads[0], payload.substr(0, 8192) + std::string(payload.size() - 8192, ' '))
      << "exactly to the announced end, and without the program's bytes: they could be taken for commands";
  EXPECT_EQ(scripted.raw.find("+++"), std::string::npos);
  scripted.lines.clear();
  expect_working();
  EXPECT_THAT(scripted.lines, ElementsAre("AT+SYSRAM?"));
}

TEST_F(LongSendTest, IsNotDisturbedByTheEndOfAnotherLink) {
  report_progress();
  const auto outcome = send_long(2, payload);
  scripted.say("1,CLOSED\r\n");
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_THAT(scripted.payloads, ElementsAre(payload));
}

TEST_F(LongSendTest, NeverWritesTheRestOfASendThatHasEndedEarly) {
  const auto outcome = send_long(0, payload);
  clock.run_for(io, 1s);
  scripted.leave_payload();  // the firmware takes commands again at once
  scripted.say("\r\nSEND FAIL\r\n");
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::send_failed);
  expect_working();
  EXPECT_EQ(std::count(scripted.raw.begin(), scripted.raw.end(), 'p'), 8192) << "they might be read as commands";
}

TEST_F(LongSendTest, LeavesDataModeIfTheFirmwareStaysInItAfterAnEarlyEnd) {
  scripted.escapes = true;
  const auto outcome = send_long(0, payload);
  clock.run_for(io, 1s);
  scripted.say("\r\nSEND FAIL\r\n");
  ASSERT_TRUE(finishes(outcome, 1s));
  expect_working();
}

TEST_F(LongSendTest, EndsWithTheModuleThatRestartsInTheMiddle) {
  const auto outcome = send_long(0, payload);
  clock.run_for(io, 1s);
  scripted.restart();
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::reset);
  EXPECT_TRUE(becomes(State::ready, 10s)) << module().reason();
  EXPECT_EQ(std::count(scripted.raw.begin(), scripted.raw.end(), 'p'), 8192);
}

class FastLongSendTest : public LongSendTest {
 protected:
  void SetUp() override {
    settings.baud_rate = 4000000;
    settings.flow_control = FlowControl::rts_cts;
    scripted.has_modem_lines = true;
    LongSendTest::SetUp();
    ASSERT_EQ(module().channel().line_rate().baud, 4000000u);
  }
};

TEST_F(FastLongSendTest, PadsInsteadOfEscapingAboveThreeMegabaud) {  // quirk 19
  const auto outcome = send_long(0, payload);
  ASSERT_TRUE(finishes(outcome, 30s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  expect_working();
  EXPECT_EQ(scripted.raw.find("+++"), std::string::npos);
  ASSERT_EQ(scripted.payloads.size(), 1u);
  EXPECT_EQ(scripted.payloads[0].size(), payload.size()) << "to the announced end";
}

TEST_F(LongSendTest, GoesOnAtOnceWithTheSendThatWaits) {
  scripted.on_payload = [](const std::string&) { return ""; };
  const auto first = send(4, "hello");
  const auto second = send(4, "world");
  clock.run_for(io, 100ms);
  ASSERT_THAT(scripted.lines, ElementsAre("AT+CIPSEND=4,5"));
  scripted.say("\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  clock.run_for(io, 0s);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPSEND=4,5", "AT+CIPSEND=4,5"));
}

TEST_F(LongSendTest, SendsNothingBehindABlockThatFailed) {  // quirk 64
  scripted.on_payload = [](const std::string&) { return "\r\nRecv 5 bytes\r\n\r\nSEND FAIL\r\n"; };
  const auto first = send(4, "hello");
  const auto second = send(4, "world");
  const auto other = send(3, "there");
  ASSERT_TRUE(finishes(second, 5s));
  EXPECT_EQ((*first)->status, Status::send_failed);
  EXPECT_EQ((*second)->status, Status::cancelled);
  scripted.on_payload = [](const std::string&) { return "\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n"; };
  clock.run_for(io, 1s);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPSEND=4,5", "AT+CIPSEND=3,5")) << "other links go on";
}

}  // namespace
}  // namespace espat::module::test
