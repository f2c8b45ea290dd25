// Open sends: begun where prompts wait behind what is received, ended with everything delivered as soon as anybody else
// wants the channel. Dialogues in virtual time.
#include <algorithm>
#include <string>

#include "fixture.hpp"
#include "module/long_sends.hpp"

namespace espat::module::test {
namespace {

using testing::ElementsAre;

class OpenSendTest : public ModuleFixture {
 protected:
  void SetUp() override {
    settings.baud_rate = baud_rate;
    settings.flow_control = FlowControl::rts_cts;
    scripted.has_modem_lines = true;
    scripted.escapes = true;
    if (has_report_size) scripted.command_list += "+CMD:59,\"AT+CIPSENDLCFG\",0,1,1,0\r\n";
    bring_up();
    scripted.on_payload = [](const std::string&) { return "\r\nSEND OK\r\n"; };
    scripted.raw.clear();
  }
  /// A short send whose prompt comes after `wait` and behind so many bytes of +IPD.
  void send_with_prompt(Duration wait, std::size_t received) {
    scripted.rule = [](const std::string&) { return ""; };
    const auto outcome = send(4, "hello");
    clock.run_for(io, wait);
    if (received > 0)
      scripted.say("\r\n+IPD,0," + std::to_string(received) + ":" + std::string(received, 'd') + "\r\n");
    scripted.expect_payload(5);
    scripted.say("\r\nOK\r\n\r\n>");
    ASSERT_TRUE(finishes(outcome, 5s));
    scripted.rule = [](const std::string& line) -> std::optional<std::string> {
      if (line.starts_with("AT+CIPSEND")) return "\r\nOK\r\n\r\n>";
      return std::nullopt;
    };
    scripted.lines.clear();
    scripted.raw.clear();
  }
  void make_prompts_wait() { send_with_prompt(50ms, 2920); }
  /// What a link with so much to send is allowed.
  std::size_t limit_of_next_block() {
    std::size_t limit = 0;
    boost::asio::co_spawn(io,
                          module().channel().send(4,
                                                  [&limit](std::size_t allowed) {
                                                    limit = allowed;
                                                    return std::optional<SendBlock>();
                                                  }),
                          boost::asio::detached);
    clock.run_for(io, 1ms);
    return limit;
  }
  std::shared_ptr<std::optional<at::Outcome>> send_open() {
    auto outcome = std::make_shared<std::optional<at::Outcome>>();
    BlockSource source = [this](std::size_t limit) {
      EXPECT_EQ(limit, open_ended);
      SendBlock block{at::commands::send_long(4, open_send_length), {}};
      block.on_progress = [this](std::size_t total) { passed = total; };
      block.next_portion = [this](std::span<std::uint8_t> portion) {
        if (supply < portion.size()) return false;
        supply -= portion.size();
        std::fill(portion.begin(), portion.end(), 'p');
        return true;
      };
      return std::optional<SendBlock>(std::move(block));
    };
    boost::asio::co_spawn(io, module().channel().send(4, std::move(source)),
                          [outcome](std::exception_ptr, at::Outcome value) { *outcome = std::move(value); });
    return outcome;
  }
  void report_portions() {
    scripted.on_payload_bytes = [reported = std::size_t{0}](std::size_t received) mutable -> std::string {
      std::string text;
      while (reported + send_portion <= received) {
        reported += send_portion;
        text += "+CIPSENDL:" + std::to_string(reported) + "," + std::to_string(received) + "\r\n";
      }
      return text;
    };
  }
  std::size_t sent() const {
    return static_cast<std::size_t>(std::count(scripted.raw.begin(), scripted.raw.end(), 'p'));
  }
  bool has_escaped() const { return scripted.raw.find("+++") != std::string::npos; }

  std::uint32_t baud_rate = 921600;
  bool has_report_size = true;
  std::size_t supply = std::size_t{1} << 30;
  std::size_t passed = 0;
};

TEST_F(OpenSendTest, PaysWhereAPromptWaitedBehindWhatWasReceived) {
  make_prompts_wait();
  EXPECT_EQ(limit_of_next_block(), open_ended);
}

TEST_F(OpenSendTest, DoesNotPayWhereAPromptIsQuickOrSlowForAnotherReason) {
  send_with_prompt(5ms, 400);
  EXPECT_NE(limit_of_next_block(), open_ended);
  send_with_prompt(200ms, 0);
  EXPECT_NE(limit_of_next_block(), open_ended) << "the line was idle: the module had something else to do";
}

TEST_F(OpenSendTest, IsNotAllowedToOneOfSeveralSpeakers) {
  make_prompts_wait();
  ASSERT_TRUE(finishes(send(3, "also"), 1s));
  EXPECT_NE(limit_of_next_block(), open_ended);
}

TEST_F(OpenSendTest, EndsWhenThereIsLessThanAPortionWithEverythingDelivered) {
  make_prompts_wait();
  report_portions();
  supply = 20 * send_portion + 100;
  const auto outcome = send_open();
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(passed, 20 * send_portion);
  EXPECT_EQ(sent(), 20 * send_portion);
  EXPECT_TRUE(scripted.raw.ends_with("p+++")) << "nothing behind it";
  ASSERT_TRUE(finishes(send(4, "rest"), 1s)) << "the module takes commands again";
}

TEST_F(OpenSendTest, IsCancelledOnlyWhenAllHasBeenPassedOn) {
  make_prompts_wait();
  supply = 5 * send_portion;
  const auto outcome = send_open();
  clock.run_for(io, 1s);
  scripted.say("+CIPSENDL:2048,2560\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(sent(), 5 * send_portion);
  EXPECT_FALSE(has_escaped()) << "the firmware may drop what it has not passed on";
  scripted.say("+CIPSENDL:2560,2560\r\n");
  clock.run_for(io, 19ms);
  EXPECT_FALSE(has_escaped()) << "it must stand alone (quirk 18)";
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::ok);
}

TEST_F(OpenSendTest, NeverWritesMoreThan8KiBAheadOfWhatTheModuleHasTaken) {  // quirk 13
  make_prompts_wait();
  const auto outcome = send_open();
  clock.run_for(io, 1s);
  EXPECT_EQ(sent(), 8192u);
  scripted.say("+CIPSENDL:512,512\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(sent(), 8192u + 512u);
  EXPECT_FALSE(outcome->has_value());
}

TEST_F(OpenSendTest, IsNeverFarAheadOfTheLine) {
  make_prompts_wait();
  report_portions();
  const auto outcome = send_open();
  clock.run_for(io, 1s);
  EXPECT_GT(sent(), 90000u);
  EXPECT_LE(sent(), 92160u + 4608u + 512u) << "50 ms and a portion";
}

TEST_F(OpenSendTest, LetsGoForTheSendOfAnotherLink) {
  make_prompts_wait();
  report_portions();
  const auto bulk = send_open();
  clock.run_for(io, 500ms);
  ASSERT_FALSE(bulk->has_value());
  const auto keystroke = send(3, "x");
  ASSERT_TRUE(finishes(keystroke, 200ms)) << "not after a megabyte";
  EXPECT_EQ((*bulk)->status, Status::ok);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPSENDL=4,1048576", "AT+CIPSEND=3,1"));
  EXPECT_EQ(sent(), passed) << "no byte is lost";
}

TEST_F(OpenSendTest, LetsGoForACommand) {
  make_prompts_wait();
  report_portions();
  const auto bulk = send_open();
  clock.run_for(io, 500ms);
  scripted.answers["AT+SYSRAM?"] = "+SYSRAM:187132,176588\r\nOK\r\n";
  ASSERT_TRUE(finishes(run(at::commands::query_memory()), 200ms));
  EXPECT_EQ((*bulk)->status, Status::ok);
}

TEST_F(OpenSendTest, IsCancelledWithoutFillingUpWhenItsLinkCloses) {  // quirk 78
  make_prompts_wait();
  const auto outcome = send_open();
  clock.run_for(io, 500ms);
  scripted.say("4,CLOSED\r\n");
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::cancelled) << "what was under way is lost";
  EXPECT_EQ(scripted.raw.find(' '), std::string::npos);
}

TEST_F(OpenSendTest, LeavesDataModeIfTheFirmwareEndsItTooEarly) {
  make_prompts_wait();
  const auto outcome = send_open();
  clock.run_for(io, 500ms);
  scripted.say("\r\nSEND FAIL\r\n");
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::send_failed);
  clock.run_for(io, 2s);
  ASSERT_TRUE(finishes(send(3, "next"), 5s));
  EXPECT_TRUE(has_escaped());
}

TEST_F(OpenSendTest, FailsIfTheModuleDoesNotHearTheEscape) {
  scripted.escapes = false;
  make_prompts_wait();
  supply = 5 * send_portion;
  const auto outcome = send_open();
  clock.run_for(io, 1s);
  scripted.say("+CIPSENDL:2560,2560\r\n");
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::timeout) << "the far end may have got it as data";
}

TEST_F(OpenSendTest, EndsWithTheModuleThatRestartsInTheMiddle) {
  make_prompts_wait();
  const auto outcome = send_open();
  clock.run_for(io, 500ms);
  scripted.restart();
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_FALSE((*outcome)->ok()) << "at its boot rate, so all that is heard is noise, then nothing";
  EXPECT_TRUE(becomes(State::ready, 10s)) << module().reason();
}

struct FastOpenSendTest : OpenSendTest {
  FastOpenSendTest() { baud_rate = 4000000; }
};
TEST_F(FastOpenSendTest, IsNotBegunWhereItCouldNotBeEnded) {  // quirk 19
  send_with_prompt(25ms, 8000);
  EXPECT_NE(limit_of_next_block(), open_ended);
}

struct UnreportedOpenSendTest : OpenSendTest {
  UnreportedOpenSendTest() { has_report_size = false; }
};
TEST_F(UnreportedOpenSendTest, IsNotBegunWhereTheEndOfAPortionWouldNotBeReported) {
  make_prompts_wait();
  EXPECT_NE(limit_of_next_block(), open_ended);
}

}  // namespace
}  // namespace espat::module::test
