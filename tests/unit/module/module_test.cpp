// A module from its port to `ready`, and what brings it back there.
#include <algorithm>

#include "fixture.hpp"

namespace espat::module::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ModuleTest : public ModuleFixture {
 protected:
  std::size_t position(std::string_view line) const {
    return static_cast<std::size_t>(std::find(scripted.lines.begin(), scripted.lines.end(), line) -
                                    scripted.lines.begin());
  }
};

TEST_F(ModuleTest, ComesUpOnTheMeasuredEsp32InTheOrderOfTheDesign) {
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(module().identity()->version, "4.1.0.0-dev");
  EXPECT_EQ(module().identity()->chip, "ESP32");
  EXPECT_EQ(module().identity()->module_name, "WROOM-32");
  EXPECT_EQ(module().channel().dialect().family, at::Family::esp32_v4);
  const std::vector<std::string> wanted{"ATE0",
                                        "AT+SYSSTORE=0",
                                        "AT+GMR",
                                        "AT+CMD?",
                                        "AT+SYSLOG=1",
                                        "AT+SYSMSG=2",
                                        "AT+CWAUTOCONN?",
                                        "AT+CWAUTOCONN=0",
                                        "AT+CWRECONNCFG=0,0",
                                        "AT+CIPMODE=0",
                                        "AT+CIPMUX=1",
                                        "AT+CIPDINFO=1",
                                        "AT+CIPRECVTYPE=5,0",
                                        "AT+CIPV6=1",
                                        "AT+SYSTIMESTAMP=1700000000"};
  std::size_t last = 0;
  for (const auto& line : wanted) {
    ASSERT_EQ(scripted.count(line), 1u) << line;
    EXPECT_GE(position(line), last) << line;
    last = position(line);
  }
  EXPECT_TRUE(std::any_of(scripted.lines.begin(), scripted.lines.end(), [](const std::string& line) {
    return line.starts_with("AT+CIPTCPOPT=") && line.find("10000") != line.npos;
  }));
  EXPECT_THAT(module().reason(), "");
}

TEST_F(ModuleTest, DoesNotWriteTheFlashIfTheModuleDoesNotJoinByItself) {
  scripted.answers["AT+CWAUTOCONN?"] = "+CWAUTOCONN:0\r\nOK\r\n";
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_EQ(scripted.count("AT+CWAUTOCONN=0"), 0u);
}

TEST_F(ModuleTest, DoesNotGiveAModuleATimeThatTheHostDoesNotKnow) {
  wall_clock.time.reset();
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_TRUE(std::none_of(scripted.lines.begin(), scripted.lines.end(),
                           [](const std::string& line) { return line.starts_with("AT+SYSTIMESTAMP="); }));
}

TEST_F(ModuleTest, ComesUpWhereAStepIsRefused) {
  scripted.answers["AT+SYSLOG=1"] = "\r\nERROR\r\n";
  start();
  ASSERT_TRUE(becomes(State::ready)) << module().reason();
  EXPECT_THAT(module().notes(), testing::Contains(HasSubstr("error codes")));
}

TEST_F(ModuleTest, RefusesWhatAnswersToAtButIsNoEspAt) {
  scripted.version_text = "Quectel\r\nBG96\r\n";
  start();
  ASSERT_TRUE(becomes(State::failed)) << module().reason();
  EXPECT_THAT(module().reason(), HasSubstr("no ESP-AT"));
}

TEST_F(ModuleTest, FindsAModuleThatWasLeftAtAnotherRate) {
  for (const std::uint32_t rate : {921600u, 74880u, 460800u}) {
    scripted.rate = rate;
    start();
    ASSERT_TRUE(becomes(State::ready)) << rate << " " << module().reason();
    bool stopped = false;
    boost::asio::co_spawn(io, module().stop(), [&](std::exception_ptr) { stopped = true; });
    ASSERT_TRUE(clock.run_until(
        io, [&] { return stopped; }, 2s));
  }
}

TEST_F(ModuleTest, SaysWhatIsWrongWhenNothingAnswers) {
  scripted.silent = true;
  start();
  ASSERT_TRUE(becomes(State::failed, 120s));
  EXPECT_THAT(module().reason(), HasSubstr("no answer at any rate"));
}

TEST_F(ModuleTest, TriesAnAbsentPortAgainAndAgainWithTheReason) {
  port_error =
      Error{ErrorKind::not_found, "/dev/ttyUSB0 does not exist: the module is not plugged in, or the path is wrong"};
  start();
  clock.run_for(io, 100s);
  EXPECT_EQ(module().state(), State::offline);
  EXPECT_THAT(module().reason(), HasSubstr("not plugged in"));
  port_error.reset();
  EXPECT_TRUE(becomes(State::ready, 45s)) << module().reason();
}

TEST_F(ModuleTest, LooksAtOnceWhenToldThatThePortHasChanged) {
  port_error = Error{ErrorKind::not_found, "absent"};
  start();
  clock.run_for(io, 300s);
  port_error.reset();
  module().port_changed();
  EXPECT_TRUE(becomes(State::ready, 2s)) << module().reason();
}

TEST_F(ModuleTest, ComesBackAfterAnUnexpectedRestart) {
  bring_up();
  scripted.restart();
  ASSERT_TRUE(becomes(State::recovering, 1s));
  ASSERT_TRUE(becomes(State::ready, 1500ms)) << "boot takes 500 ms; " << module().reason();
  EXPECT_EQ(scripted.count("AT+CIPMUX=1"), 1u) << "settings are pushed again";
  EXPECT_THAT(listener.states, ElementsAre(State::recovering, State::ready));
  EXPECT_EQ(module().counters().resets, 1u);
}

TEST_F(ModuleTest, TakesAnEchoForTheSignOfARestartThatWasMissed) {
  bring_up();
  scripted.echo = true;
  const auto outcome = run(at::commands::query_memory());
  ASSERT_TRUE(becomes(State::recovering, 1s));
  ASSERT_TRUE(becomes(State::ready, 5s)) << module().reason();
  EXPECT_EQ((*outcome)->status, Status::reset);
}

TEST_F(ModuleTest, SuspectsTheSupplyInABootLoop) {
  bring_up();
  std::function<void()> loop = [&] {
    scripted.restart(100ms);
    clock.after(700ms, loop);
  };
  loop();
  ASSERT_TRUE(becomes(State::failed, 60s)) << module().reason();
  EXPECT_THAT(module().reason(), HasSubstr("brown-out"));
  loop = [] {};
}

TEST_F(ModuleTest, RestartsAModuleThatDoesNotAnswerAnyMore) {
  bring_up();
  bool dead = true;
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (line == "AT+RST") dead = false;
    if (dead && line != "AT") return "";
    return std::nullopt;
  };
  module().channel().report_trouble("links that cannot be closed");
  ASSERT_TRUE(becomes(State::recovering, 1s));
  EXPECT_THAT(module().reason(), HasSubstr("links that cannot be closed"));
  ASSERT_TRUE(becomes(State::ready, 30s)) << module().reason();
  EXPECT_EQ(scripted.count("AT+RST"), 1u);
}

TEST_F(ModuleTest, ReopensAPortThatVanishedAndReturned) {
  bring_up();
  scripted.unplug();
  ASSERT_TRUE(becomes(State::offline, 1s));
  EXPECT_THAT(module().reason(), HasSubstr("vanished"));
  ASSERT_TRUE(becomes(State::ready, 10s)) << module().reason();
  EXPECT_EQ(scripted.opened, 2);
}

TEST_F(ModuleTest, RestartsOnRequest) {
  bring_up();
  std::optional<Result<void>> result;
  boost::asio::co_spawn(io, module().reset(), [&](std::exception_ptr, Result<void> value) { result = value; });
  ASSERT_TRUE(clock.run_until(
      io, [&] { return result.has_value(); }, 30s));
  EXPECT_TRUE(result->has_value());
  EXPECT_EQ(module().state(), State::ready);
  EXPECT_EQ(scripted.count("AT+RST"), 1u);
}

TEST_F(ModuleTest, IsNotMisledByAnOkOfTheRestartThatComesLateBehindADownload) {
  bring_up();
  scripted.rule = [&](const std::string& line) -> std::optional<std::string> {
    if (line != "AT+RST") return std::nullopt;
    scripted.delay_restart(700ms);
    return "";
  };
  std::optional<Result<void>> result;
  boost::asio::co_spawn(io, module().reset(), [&](std::exception_ptr, Result<void> value) { result = value; });
  ASSERT_TRUE(clock.run_until(
      io, [&] { return result.has_value(); }, 5s))
      << module().reason();
  EXPECT_TRUE(result->has_value());
  EXPECT_EQ(scripted.lines_lost, 0u) << "a command before `ready` may crash the module (quirk 32)";
}

TEST_F(ModuleTest, RestartsOnRequestAlsoAModuleThatTakesTheFirstAttemptForAPayload) {
  bring_up();
  scripted.expect_payload(4000);
  scripted.escapes = true;
  std::optional<Result<void>> result;
  boost::asio::co_spawn(io, module().reset(), [&](std::exception_ptr, Result<void> value) { result = value; });
  ASSERT_TRUE(clock.run_until(
      io, [&] { return result.has_value(); }, 60s))
      << module().reason();
  EXPECT_TRUE(result->has_value());
  EXPECT_EQ(scripted.count("AT+RST"), 1u);
  EXPECT_EQ(scripted.count("AT+CIPMUX=1"), 1u) << "brought up once, after the restart";
}

TEST_F(ModuleTest, LendsThePortAndTakesItBack) {
  bring_up();
  bool lent = false;
  boost::asio::co_spawn(io, module().inhibit(), [&](std::exception_ptr) { lent = true; });
  ASSERT_TRUE(clock.run_until(
      io, [&] { return lent; }, 1s));
  EXPECT_EQ(module().state(), State::offline);
  clock.run_for(io, 300s);
  EXPECT_EQ(scripted.opened, 1) << "it stays away";
  module().resume();
  EXPECT_TRUE(becomes(State::ready, 10s)) << module().reason();
}

}  // namespace
}  // namespace espat::module::test
