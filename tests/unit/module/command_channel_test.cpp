// What the command channel does when the module does not do as told. Dialogues in virtual time.
#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "at/bluetooth.hpp"
#include "command_channel_fixture.hpp"

namespace espat::module::test {
namespace {

using testing::ElementsAre;

TEST_F(CommandChannelTest, HasOneCommandInFlightAtATime) {
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    return line == "AT+CIFSR" ? std::optional<std::string>("") : std::nullopt;
  };
  const auto first = run(at::commands::addresses());
  const auto second = run(at::commands::query_memory());
  clock.run_for(io, 1s);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIFSR"));
  EXPECT_TRUE(module().channel().is_busy());
  scripted.say("+CIFSR:STAIP,\"192.168.4.15\"\r\n\r\nOK\r\n");
  ASSERT_TRUE(finishes(second));
  EXPECT_EQ((*first)->status, Status::ok);
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIFSR", "AT+SYSRAM?"));
  EXPECT_FALSE(module().channel().is_busy());
}

TEST_F(CommandChannelTest, SendsABusyCommandAgainUntilItIsTaken) {
  int refusals = 3;
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (line == "AT+SYSRAM?" && refusals-- > 0) return "\r\nbusy p...\r\n";
    return std::nullopt;
  };
  const auto outcome = run(at::commands::query_memory());
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 4u);
  EXPECT_EQ(module().counters().channel.busy, 3u);
}

TEST_F(CommandChannelTest, TakesTheAnswerOfABusyCommandThatIsExecutedAfterAll) {
  once("AT+SYSRAM?", "\r\nbusy p...\r\n");
  const auto outcome = run(at::commands::query_memory());
  clock.after(10ms, [&] { scripted.say("+SYSRAM:1,2\r\nOK\r\n"); });
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 1u) << "quirk 48";
}

TEST_F(CommandChannelTest, GivesUpACommandThatIsAlwaysBusy) {
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    return line == "AT+SYSRAM?" ? std::optional<std::string>("\r\nbusy p...\r\n") : std::nullopt;
  };
  const auto outcome = run(at::commands::query_memory());
  ASSERT_TRUE(finishes(outcome, 40s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  expect_working();
}

TEST_F(CommandChannelTest, WritesThePayloadOfACommandBehindItsPrompt) {
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    return line == "AT+BLEGATTCWR=0,4,6,1,4" ? std::optional<std::string>("\r\n>") : std::nullopt;
  };
  // At once, before the write is known to be over.
  scripted.on_payload = [](const std::string&) { return "\r\nOK\r\n"; };
  RunOptions options;
  options.payload = {0x01, 0x00, 0x0d, 0x0a};
  const auto outcome = run(at::commands::write_attribute(0, {4, 6, 1}, 4), options);
  ASSERT_TRUE(finishes(outcome));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_THAT(scripted.payloads, ElementsAre(std::string("\x01\x00\x0d\x0a", 4)));
}

TEST_F(CommandChannelTest, DropsTheLateAnswerOfAnAbandonedCommand) {
  once("AT+CIFSR", "");
  const auto late = run(at::commands::addresses());
  const auto next = run(at::commands::query_memory());
  scripted.answers["AT+SYSRAM?"] = "+SYSRAM:3,4\r\nOK\r\n";
  ASSERT_TRUE(finishes(late, 10s));
  EXPECT_EQ((*late)->status, Status::timeout);
  clock.after(500ms, [&] { scripted.say("+CIFSR:STAIP,\"192.168.4.15\"\r\n\r\nOK\r\n"); });
  ASSERT_TRUE(finishes(next, 10s));
  EXPECT_EQ((*next)->status, Status::ok);
  ASSERT_EQ((*next)->responses.size(), 1u);
  EXPECT_EQ((*next)->responses[0].arguments, "3,4");
}

TEST_F(CommandChannelTest, ResynchronisesWithAtWhenTheLateAnswerNeverComes) {
  once("AT+CIFSR", "");
  const auto lost = run(at::commands::addresses());
  ASSERT_TRUE(finishes(lost, 10s));
  EXPECT_EQ((*lost)->status, Status::timeout);
  expect_working();
  EXPECT_GE(scripted.count("AT"), 1u);
  EXPECT_LT(std::find(scripted.lines.begin(), scripted.lines.end(), "AT"),
            std::find(scripted.lines.begin(), scripted.lines.end(), "AT+SYSRAM?"));
  EXPECT_EQ(module().counters().channel.abandoned, 1u);
}

TEST_F(CommandChannelTest, WritesAPayloadOnlyAfterItsPrompt) {
  once("AT+CIPSEND=", "\r\nOK\r\n");
  const auto outcome = send(4, "hello");
  clock.run_for(io, 2s);
  EXPECT_THAT(scripted.payloads, ElementsAre());
  EXPECT_EQ(scripted.raw.find("hello"), std::string::npos);
  scripted.rule = nullptr;
}

TEST_F(CommandChannelTest, SendsABlock) {
  prompt_for_sends();
  const auto outcome = send(4, "hello");
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_TRUE((*outcome)->payload_written);
  EXPECT_THAT(scripted.payloads, ElementsAre("hello"));
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPSEND=4,5"));
}

TEST_F(CommandChannelTest, HearsReportsBetweenOkAndPromptAndBeforeSendOk) {
  once("AT+CIPSEND=", "\r\nOK\r\n\r\n+IPD,1,5,\"192.168.4.2\",7200:first2,CLOSED\r\n\r\n>");
  scripted.on_payload = [](const std::string&) {
    return "3,CONNECT\r\n\r\nRecv 5 bytes\r\n\r\n+IPD,1,6,\"192.168.4.2\",7200:second\r\n\r\nSEND OK\r\n";
  };
  const auto outcome = send(4, "hello");
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(listener.payload, "firstsecond");
  EXPECT_EQ(listener.count<at::LinkClosed>(), 1);
  EXPECT_EQ(listener.count<at::LinkConnected>(), 1);
}

TEST_F(CommandChannelTest, DoesNotTakeTheSendOkBehindASendFailForTheNextSends) {
  prompt_for_sends();
  int payloads = 0;
  scripted.on_payload = [&](const std::string&) -> std::string {
    if (++payloads == 1) return "\r\nRecv 5 bytes\r\n\r\nSEND FAIL\r\n\r\nSEND OK\r\n";  // quirk 65
    return "";
  };
  const auto failed = send(4, "hello");
  ASSERT_TRUE(finishes(failed, 5s));
  EXPECT_EQ((*failed)->status, Status::send_failed);
  const auto next = send(3, "world");
  EXPECT_FALSE(finishes(next, 1s)) << "its own SEND OK has not come";
  scripted.say("\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  ASSERT_TRUE(finishes(next, 5s));
  EXPECT_EQ((*next)->status, Status::ok);
}

TEST_F(CommandChannelTest, GivesUpASendWhoseSendOkIsMissing) {
  prompt_for_sends();
  scripted.on_payload = [](const std::string&) { return "\r\nRecv 5 bytes\r\n"; };
  const auto outcome = send(4, "hello");
  ASSERT_TRUE(finishes(outcome, 60s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  EXPECT_TRUE((*outcome)->payload_written);
  EXPECT_THAT(scripted.payloads, ElementsAre("hello")) << "never sent again";
  expect_working();
}

TEST_F(CommandChannelTest, PadsASendWhoseBytesWereLost) {
  // The module believes that more bytes were announced than the host wrote: many got lost on the line (quirk 72).
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (!line.starts_with("AT+CIPSEND=")) return std::nullopt;
    scripted.lose_payload_bytes = 200;
    return "\r\nOK\r\n\r\n>";
  };
  const std::string payload(300, 'x');
  const auto outcome = send(4, payload);
  ASSERT_TRUE(finishes(outcome, 60s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  EXPECT_TRUE((*outcome)->payload_written) << "the link is to be closed";
  expect_working();
}

TEST_F(CommandChannelTest, DoesNotBreakAPayloadOffForARefusalOfWhatWasPaddedTooMuch) {
  int questions = 0;
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (line.starts_with("AT+CIPSEND=")) {
      scripted.lose_payload_bytes = 2;
      return "\r\nOK\r\n\r\n>";
    }
    if (line != "AT") return std::nullopt;
    ++questions;
    if (questions == 1) return "\r\nERROR\r\n\r\n+IPD,3,10,\"192.0.2.1\",80:12345";
    if (questions == 2) return "67890\r\n\r\nOK\r\n";
    return std::nullopt;
  };
  const auto outcome = send(4, "hello world");
  ASSERT_TRUE(finishes(outcome, 60s));
  clock.run_for(io, 20s);
  EXPECT_GE(questions, 2);
  expect_working();
  EXPECT_FALSE(listener.was_aborted);
  EXPECT_EQ(listener.payload, "1234567890");
}

TEST_F(CommandChannelTest, EndsWhatIsQueuedWithNotReadyWhenTheModuleRestarts) {
  once("AT+CIFSR", "");
  const auto flying = run(at::commands::addresses());
  const auto queued = run(at::commands::query_memory());
  clock.run_for(io, 100ms);
  scripted.restart();
  clock.run_for(io, 1s);
  ASSERT_TRUE(flying->has_value());
  ASSERT_TRUE(queued->has_value());
  EXPECT_EQ((*flying)->status, Status::reset);
  EXPECT_EQ((*queued)->status, Status::not_ready);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 0u);
}

TEST_F(CommandChannelTest, AnswersNotReadyAtOnceUnlessReady) {
  scripted.unplug();
  ASSERT_TRUE(becomes(State::offline, 1s));
  const auto outcome = run(at::commands::query_memory());
  ASSERT_TRUE(finishes(outcome, 1ms));
  EXPECT_EQ((*outcome)->status, Status::not_ready);
}

TEST_F(CommandChannelTest, EndsACommandWhoseTurnComesInTheMomentTheModuleIsReleased) {
  const auto outcome = run(at::commands::query_memory());
  boost::asio::co_spawn(io, module().stop(), boost::asio::detached);
  ASSERT_TRUE(finishes(outcome, 1s)) << "whoever waits for it keeps the daemon from ending";
  EXPECT_EQ((*outcome)->status, Status::reset);
}

TEST_F(CommandChannelTest, LetsControlPassDataThatWaits) {
  once("AT+CIFSR", "");
  const auto first = run(at::commands::addresses());
  const auto data = send(4, "hello");
  const auto control = run(at::commands::query_memory());
  clock.run_for(io, 100ms);
  prompt_for_sends();
  scripted.say("\r\nOK\r\n");
  ASSERT_TRUE(finishes(data, 5s));
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIFSR", "AT+SYSRAM?", "AT+CIPSEND=4,5"));
}

TEST_F(CommandChannelTest, NeverSendsACommandThatWasCancelledInTheQueue) {
  once("AT+CIFSR", "");
  const auto first = run(at::commands::addresses());
  boost::asio::cancellation_signal cancel;
  bool ended = false;
  boost::asio::co_spawn(
      io, module().channel().run(at::commands::query_memory()),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, at::Outcome outcome) {
        ended = true;
        EXPECT_EQ(outcome.status, Status::cancelled);
      }));
  clock.run_for(io, 100ms);
  cancel.emit(boost::asio::cancellation_type::terminal);
  clock.run_for(io, 100ms);
  EXPECT_TRUE(ended);
  scripted.say("\r\nOK\r\n");
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 0u);
}

TEST_F(CommandChannelTest, NeverSendsACommandThatNobodyWantsAnyMoreWhenItsTurnComes) {
  once("AT+CIFSR", "");
  const auto first = run(at::commands::addresses());
  bool is_wanted = true;
  module::RunOptions options;
  options.is_wanted = [&is_wanted] { return is_wanted; };
  const auto second = run(at::commands::query_memory(), options);
  clock.run_for(io, 100ms);
  is_wanted = false;
  scripted.say("\r\nOK\r\n");
  ASSERT_TRUE(finishes(second, 1s));
  EXPECT_EQ((*second)->status, Status::cancelled);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 0u);
  expect_working();
}

TEST_F(CommandChannelTest, ConsumesTheAnswerOfACommandThatWasCancelledInFlight) {
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    return line == "AT+CIFSR" ? std::optional<std::string>("") : std::nullopt;
  };
  boost::asio::cancellation_signal cancel;
  bool ended = false;
  boost::asio::co_spawn(
      io, module().channel().run(at::commands::addresses()),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, at::Outcome) { ended = true; }));
  clock.run_for(io, 100ms);
  cancel.emit(boost::asio::cancellation_type::terminal);
  clock.run_for(io, 100ms);
  EXPECT_TRUE(ended) << "the caller does not wait";
  const auto next = run(at::commands::query_memory());
  clock.run_for(io, 500ms);
  EXPECT_EQ(scripted.count("AT+SYSRAM?"), 0u) << "the module still works on the other one";
  scripted.say("+CIFSR:STAIP,\"192.168.4.15\"\r\n\r\nOK\r\n");
  ASSERT_TRUE(finishes(next, 5s));
  EXPECT_TRUE((*next)->responses.empty());
}

TEST_F(CommandChannelTest, DoesNotTouchACallersBytesAfterTheCallerHasGone) {
  once("AT+CIPSEND=", "");
  boost::asio::cancellation_signal cancel;
  auto bytes = std::make_unique<std::vector<std::uint8_t>>(5, 'x');
  boost::asio::co_spawn(io,
                        module().channel().send(
                            4,
                            [&](std::size_t) {
                              return std::optional<SendBlock>(SendBlock{at::commands::send(4, bytes->size()), *bytes});
                            }),
                        boost::asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr, at::Outcome) {}));
  clock.run_for(io, 100ms);
  cancel.emit(boost::asio::cancellation_type::terminal);
  clock.run_for(io, 10ms);
  bytes.reset();
  scripted.expect_payload(5);
  scripted.say("\r\nOK\r\n\r\n>");
  clock.run_for(io, 1s);
  EXPECT_THAT(scripted.payloads, ElementsAre("xxxxx")) << "the module waits for it";
  expect_working();
}

TEST_F(CommandChannelTest, LetsAnObserverLeaveWhileItIsTold) {
  struct Leaver : Observer {
    void on_report(const at::Report&) override {
      ++told;
      subscription.reset();
    }
    Subscription subscription;
    int told = 0;
  } leaver;
  Listener later;
  leaver.subscription = module().channel().observe(leaver);
  const auto subscribed = module().channel().observe(later);
  scripted.say("WIFI GOT IP\r\nWIFI DISCONNECT\r\n");
  clock.run_for(io, 10ms);
  EXPECT_EQ(leaver.told, 1);
  EXPECT_EQ(later.reports.size(), 2u);
}

TEST_F(CommandChannelTest, TellsOfLossesWhenAPayloadHasTakenThePlaceOfWhatFollows) {
  bring_up();
  // Four bytes of the first payload are missing: it takes the beginning of the next header.
  scripted.say("\r\n+IPD,0,8,\"10.0.0.1\",80:abcd\r\n\r\n+IPD,0,4,\"10.0.0.1\",80:efgh\r\n");
  clock.run_for(io, 100ms);
  EXPECT_EQ(listener.losses, 1);
}

TEST_F(CommandChannelTest, TellsOfLossesWhenAPayloadComesWithoutItsHeader) {
  bring_up();
  for (int line = 0; line < 8; ++line) scripted.say("<p>a page of hypertext, line by line</p>\r\n");
  clock.run_for(io, 100ms);
  EXPECT_EQ(listener.losses, 1);
  scripted.lines.clear();
  clock.run_for(io, 5s);
  EXPECT_EQ(module().state(), State::ready);
  EXPECT_TRUE(finishes(run(at::commands::query_memory()), 2s));
}

TEST_F(CommandChannelTest, TakesNeitherLogLinesNorReportsBehindAPayloadForLosses) {
  bring_up();
  for (int round = 0; round < 20; ++round) {
    scripted.say("\r\n+IPD,0,4,\"10.0.0.1\",80:abcd\r\n");
    scripted.say("\r\n+IPD,0,4,\"10.0.0.1\",80:abcd0,CLOSED\r\n");  // quirk 80
    scripted.say("I (5843) wifi:bcn_timeout,ap_probe_send_start\r\n");
    scripted.say("id:0,Len:4,dp:0x3ffb1c2c\r\n");
  }
  clock.run_for(io, 100ms);
  EXPECT_EQ(listener.losses, 0);
}

TEST_F(CommandChannelTest, GivesAPassiveReadsBytesToItsCaller) {
  once("AT+CIPRECVDATA=2,100", "+CIPRECVDATA:4,\"192.168.4.2\",8109,withOK\r\n");
  RunOptions options;
  std::string read;
  options.on_payload = [&](const at::Payload&, at::Bytes chunk, std::size_t, bool) {
    read.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  };
  const auto outcome = run(at::commands::receive_data(2, 100), std::move(options));
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(read, "with");
  EXPECT_EQ(listener.payload, "");
}

TEST_F(CommandChannelTest, LeavesADataModeThatNobodyAskedFor) {
  scripted.say("\r\n>");
  scripted.expect_payload(100);
  scripted.escapes = true;
  clock.run_for(io, 5s);
  EXPECT_NE(scripted.raw.find("+++"), std::string::npos);
  expect_working();
}

}  // namespace
}  // namespace espat::module::test
