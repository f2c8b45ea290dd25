// How the command channel notices that the module has restarted or fallen silent. Dialogues in virtual time.
#include "command_channel_fixture.hpp"

namespace espat::module::test {
namespace {

TEST_F(CommandChannelTest, FailsWhatIsInFlightWhenTheModuleRestartsInAPayload) {
  once("AT+CIPSEND=", "");
  const auto outcome = send(4, "hello");
  clock.run_for(io, 100ms);
  scripted.say("\r\n+IPD,1,2000,\"192.168.4.2\",7200:only a part of it");
  scripted.restart(500ms);  // its boot text and `ready` count as payload (quirk 23)
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::reset);
  EXPECT_TRUE(listener.was_aborted);
  EXPECT_TRUE(becomes(State::ready, 1s)) << module().reason();
  expect_working();
}

TEST_F(CommandChannelTest, AsksAModuleThatIsSilentInACommandForLongAndGoesOnIfItIsOnlyBusy) {
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    if (line.starts_with("AT+CIPDOMAIN")) return "";
    if (line == "AT") return "\r\nERR CODE:0x010b0000\r\n\r\nbusy p...\r\n";
    return std::nullopt;
  };
  const auto outcome = run(*at::commands::resolve("www.example.com"));
  clock.run_for(io, 25s);
  EXPECT_FALSE(outcome->has_value());
  EXPECT_EQ(scripted.count("AT"), 1u) << "after 20 s, once";
  EXPECT_EQ(scripted.lines.size(), 2u) << "the command is not repeated";
  scripted.rule = nullptr;
  scripted.say("+CIPDOMAIN:\"192.168.4.2\"\r\n\r\nOK\r\n");
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  expect_working();
}

TEST_F(CommandChannelTest, NoticesSoonThatAModuleHasFallenSilentInAConnect) {
  at::ConnectParameters parameters;
  parameters.link = 4;
  parameters.remote = {"192.168.4.2", 80};
  scripted.rule = [](const std::string& line) -> std::optional<std::string> {
    return line.starts_with("AT+CIPSTART") ? std::optional<std::string>("") : std::nullopt;
  };
  const auto outcome = run(*at::commands::connect(parameters));
  clock.run_for(io, 100ms);
  scripted.silent = true;
  ASSERT_TRUE(becomes(State::recovering, 24s)) << "a hanging connect lasts 15 s, its deadline is 75 s";
  ASSERT_TRUE(finishes(outcome, 1s));
  scripted.rule = nullptr;
  scripted.silent = false;
  scripted.restart();
  EXPECT_TRUE(becomes(State::ready, 2s)) << module().reason();
}

TEST_F(CommandChannelTest, GivesUpACommandWhoseAnswerCannotBeToldFromThatToTheQuestion) {
  once("AT+SYSRAM?", "");
  const auto outcome = run(at::commands::query_memory());
  clock.run_for(io, 10ms);
  scripted.say("\xfe\xfe\xfe\xfe");  // its answer, perhaps
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::timeout) << "the OK was that of AT";
  expect_working();
}

TEST_F(CommandChannelTest, WritesNoPayloadBehindAQuestion) {
  once("AT+CIPSEND=", "");
  const auto outcome = send(4, "hello");
  clock.run_for(io, 10ms);
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (line != "AT") return std::nullopt;
    scripted.expect_payload(5);
    return "\r\nOK\r\n\r\n>";  // of the send
  };
  scripted.say("\xfe\xfe\xfe\xfe");
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::timeout);
  scripted.escapes = true;
  scripted.rule = nullptr;
  clock.run_for(io, 5s);
  for (const auto& payload : scripted.payloads) EXPECT_NE(payload, "hello");
  expect_working();
}

TEST_F(CommandChannelTest, AsksWhenAPayloadStallsAndGoesOnIfItDoes) {
  once("AT", "");
  scripted.say("\r\n+IPD,1,10,\"192.168.4.2\",7200:01234");
  clock.run_for(io, 350ms);
  EXPECT_EQ(scripted.count("AT"), 1u);
  scripted.say("56789\r\n\r\nOK\r\n");  // a report is printed whole, and the answer behind it
  clock.run_for(io, 1s);
  EXPECT_EQ(scripted.count("AT"), 1u);
  EXPECT_EQ(listener.payload, "0123456789");
  EXPECT_FALSE(listener.was_aborted);
  expect_working();
}

}  // namespace
}  // namespace espat::module::test
