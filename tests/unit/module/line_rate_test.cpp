// The line: raising its rate, flow control, and what the probe makes of strange ports.
#include "fixture.hpp"
#include "module/probe_evidence.hpp"

namespace espat::module::test {
namespace {

using testing::HasSubstr;

class LineRateTest : public ModuleFixture {
 protected:
  LineRateTest() {
    settings.baud_rate = 921600;
    settings.flow_control = FlowControl::rts_cts;
    scripted.has_modem_lines = true;
  }
  std::string notes() {
    std::string all;
    for (const auto& note : module().notes()) all += note + "\n";
    return all;
  }
};

class FastLineTest : public LineRateTest {
 protected:
  FastLineTest() { settings.baud_rate = 2000000; }
};

TEST_F(LineRateTest, RaisesTheRateAndProvesFlowControl) {
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 921600u);
  EXPECT_TRUE(module().line_rate().flow_control_verified);
  EXPECT_EQ(scripted.count("AT+UART_CUR=921600,8,1,0,3"), 1u);
  EXPECT_TRUE(module().line_rate().flow_control);
  EXPECT_TRUE(scripted.host_flow_control);
  EXPECT_TRUE(scripted.request_to_send);
}

TEST_F(LineRateTest, LeavesALineAloneThatIsAsWished) {
  settings.baud_rate = 115200;
  settings.flow_control = FlowControl::none;
  scripted.answers["AT+UART_CUR?"] = "+UART_CUR:115201,8,1,0,0\r\n\r\nOK\r\n";
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  for (const auto& line : scripted.lines) EXPECT_FALSE(line.starts_with("AT+UART_CUR=")) << line;
  EXPECT_FALSE(module().line_rate().flow_control);
}

TEST_F(LineRateTest, ProvesFlowControlAlsoWhereTheModuleHasItAlready) {
  settings.baud_rate = 115200;
  scripted.answers["AT+UART_CUR?"] = "+UART_CUR:115201,8,1,0,3\r\n\r\nOK\r\n";
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  for (const auto& line : scripted.lines) EXPECT_FALSE(line.starts_with("AT+UART_CUR=")) << line;
  EXPECT_TRUE(module().line_rate().flow_control_verified);
  EXPECT_TRUE(scripted.host_flow_control);
}

TEST_F(LineRateTest, ChangesTheFlowControlOfALineThatHasItsRate) {
  settings.baud_rate = 115200;
  settings.flow_control = FlowControl::none;
  scripted.answers["AT+UART_CUR?"] = "+UART_CUR:115201,8,1,0,1\r\n\r\nOK\r\n";
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(scripted.count("AT+UART_CUR=115200,8,1,0,0"), 1u);
}

TEST_F(LineRateTest, FallsBackByItselfWhenTheModuleCannotBeHeardThere) {
  scripted.fastest_rate = 500000;
  start();
  ASSERT_TRUE(becomes(State::ready, 120s)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 115200u);
  EXPECT_THAT(notes(), HasSubstr("921600"));
}

TEST_F(LineRateTest, StaysWhereTheModuleStays) {
  scripted.switches_rate = false;
  start();
  ASSERT_TRUE(becomes(State::ready, 120s)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 115200u);
  EXPECT_THAT(notes(), HasSubstr("921600"));
}

TEST_F(LineRateTest, DoesNotBelieveInFlowControlThatTheModuleIgnores) {
  scripted.honours_rts = false;
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 921600u);
  EXPECT_FALSE(module().line_rate().flow_control_verified);
  EXPECT_FALSE(scripted.host_flow_control);
  EXPECT_THAT(notes(), HasSubstr("RTS"));
}

TEST_F(FastLineTest, GoesBeyondOneMegabaudWithVerifiedFlowControl) {
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 2000000u);
}

TEST_F(FastLineTest, DoesNotGoBeyondOneMegabaudWithoutIt) {
  scripted.honours_rts = false;
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 921600u);
  EXPECT_EQ(scripted.rate, 921600u);
}

TEST_F(LineRateTest, ComesBackFromARestartThatIsOnlyNoiseAtTheRaisedRate) {
  bring_up();
  scripted.restart(2s);
  ASSERT_TRUE(becomes(State::recovering, 3s));
  ASSERT_TRUE(becomes(State::ready, 4s)) << module().reason();
  EXPECT_EQ(module().line_rate().baud, 921600u);
}

TEST_F(LineRateTest, IsReadyWithinASecondAfterARestartOfWhichOnlyReadyWasHeardAsNoise) {
  bring_up();
  scripted.rate = scripted.boot_rate;
  scripted.echo = true;
  scripted.say("\r\nready\r\n");
  ASSERT_TRUE(becomes(State::recovering, 500ms));
  ASSERT_TRUE(becomes(State::ready, 600ms)) << module().reason();
  EXPECT_EQ(scripted.count("AT+RST"), 0u) << "it has just restarted";
}

TEST_F(LineRateTest, ComesBackSoonFromARestartInsideAPayloadAtTheRaisedRate) {
  bring_up();
  scripted.say("\r\n+IPD,1,2000,\"192.168.4.2\",7200:only a part of it");
  scripted.rate = scripted.boot_rate;
  scripted.echo = true;
  scripted.say("\r\nready\r\n");
  ASSERT_TRUE(becomes(State::recovering, 600ms));
  ASSERT_TRUE(becomes(State::ready, 600ms)) << module().reason();
  EXPECT_TRUE(listener.was_aborted);
}

TEST_F(LineRateTest, DoesNotWaitOutAConnectWhoseModuleHasRestartedAtAnotherRate) {
  bring_up();
  scripted.rule = [](const std::string& line) {
    return line.starts_with("AT+CIPDOMAIN") ? std::optional<std::string>("") : std::nullopt;
  };
  const auto outcome = run(*at::commands::resolve("www.example.com"));
  clock.run_for(io, 100ms);
  scripted.rate = 460800;
  scripted.echo = true;
  scripted.say("\r\nready\r\n");  // nothing but this, and it is noise
  ASSERT_TRUE(finishes(outcome, 20s));
  ASSERT_TRUE(becomes(State::recovering, 5s));
  ASSERT_TRUE(becomes(State::ready, 20s)) << module().reason();
}

TEST_F(LineRateTest, LeavesTheModuleAtItsBootRateWhenStopped) {
  bring_up();
  bool stopped = false;
  boost::asio::co_spawn(io, module().stop(), [&](std::exception_ptr) { stopped = true; });
  ASSERT_TRUE(clock.run_until(
      io, [&] { return stopped; }, 500ms));
  EXPECT_EQ(scripted.rate, 115200u);
}

TEST_F(LineRateTest, UsesAStreamWithoutARateAsItIs) {
  scripted.has_rate = false;
  scripted.has_modem_lines = false;
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  for (const auto& line : scripted.lines) EXPECT_FALSE(line.starts_with("AT+UART_CUR")) << line;
}

struct Sample {
  const char* name;
  std::string heard;
  Verdict verdict;
};

TEST(ProbeEvidenceTest, JudgesWhatCameBack) {
  const Sample samples[] = {
      {"nothing", "", Verdict::silent},
      {"an answer", "\r\nOK\r\n", Verdict::answered},
      {"an answer with echo", "AT\r\n\r\nOK\r\n", Verdict::answered},
      {"an answer with two carriage returns", "\r\r\nOK\r\r\n", Verdict::answered},
      {"only the echo", "AT\r\n", Verdict::echo},
      {"another rate", "\x80\xfe\xf8", Verdict::garbage},
      {"a refusal", "\r\nERROR\r\n", Verdict::refused},
      {"an error code", "ERR CODE:0x01030000\r\n", Verdict::refused},
      {"busy", "\r\nbusy p...\r\n", Verdict::busy},
      {"a boot", "ets Jun  8 2016 00:22:57\r\n", Verdict::booting},
      {"a boot that ended", "ESP-ROM:esp32c3-api1-20210207\r\n\r\nready\r\n", Verdict::ready},
      {"a prompt", "\r\n>", Verdict::prompt},
      {"a console", "raspberrypi login: \r\nPassword: \r\n", Verdict::foreign},
  };
  for (const Sample& sample : samples) {
    ProbeEvidence evidence;
    evidence.add(at::Bytes(reinterpret_cast<const std::uint8_t*>(sample.heard.data()), sample.heard.size()));
    EXPECT_EQ(evidence.verdict(), sample.verdict) << sample.name;
  }
}

class StrangePortTest : public ModuleFixture {
 protected:
  std::string diagnosis() {
    start();
    EXPECT_TRUE(becomes(State::failed, 300s));
    return module().reason();
  }
};

TEST_F(StrangePortTest, RecognisesItsOwnEcho) {
  scripted.rule = [](const std::string&) { return ""; };
  EXPECT_THAT(diagnosis(), HasSubstr("our own bytes"));
}

TEST_F(StrangePortTest, NamesWhatIsNoModule) {
  scripted.echo = false;
  scripted.rule = [](const std::string&) { return "raspberrypi login:\r\n"; };
  EXPECT_THAT(diagnosis(), HasSubstr("not ESP-AT"));
}

TEST_F(StrangePortTest, SuspectsTheSupplyOfAModuleThatNeverGetsReady) {
  std::function<void()> loop = [&] {
    scripted.restart(10s);
    clock.after(600ms, loop);
  };
  loop();
  EXPECT_THAT(diagnosis(), HasSubstr("brown-out"));
  loop = [] {};
}

}  // namespace
}  // namespace espat::module::test
