// espatctl on a terminal: colour, width, the passphrase that nobody sees, and Ctrl-C.
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

class OnTerminal : public testing::Test {
 protected:
  OnTerminal() { bus_.start_daemon("one"); }
  PrivateBus bus_;
};

TEST_F(OnTerminal, ColourIsForTerminalsOnly) {
  EXPECT_NE(espatctl_on_terminal({"status"}).output.find("\x1b[32m●"), std::string::npos);
  EXPECT_EQ(espatctl({"status"}).output.find('\x1b'), std::string::npos);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(espatctl_on_terminal({"status"}).output.find('\x1b'), std::string::npos);
  ::unsetenv("NO_COLOR");
}

TEST_F(OnTerminal, TablesFitTheWidth) {
  ::setenv("NO_COLOR", "1", 1);
  const std::string wide = espatctl_on_terminal({"links"}, {}, 120).output;
  const std::string narrow = espatctl_on_terminal({"links"}, {}, 60).output;
  ::unsetenv("NO_COLOR");
  EXPECT_NE(wide.find("DIRECTION"), std::string::npos);
  EXPECT_EQ(narrow.find("DIRECTION"), std::string::npos);
  EXPECT_NE(narrow.find("…"), std::string::npos) << narrow;
}

TEST_F(OnTerminal, ThePassphraseIsAskedForAndNeverShown) {
  const Outcome outcome =
      espatctl_on_terminal({"connect", "Büro 東京"}, {{"Passphrase for Büro 東京: ", "correct horse\n"}});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.output.find("correct"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("Connected to Büro 東京, address 192.168.4.15/24"), std::string::npos)
      << outcome.output;
}

TEST_F(OnTerminal, NoPassphraseIsAskedForWhatIsKnownOrOpen) {
  for (const char* const ssid : {"Home", "Cafe"}) {
    const Outcome outcome = espatctl_on_terminal({"connect", ssid});
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_EQ(outcome.output.find("Passphrase"), std::string::npos) << outcome.output;
  }
}

TEST_F(OnTerminal, AQuestionThatIsLeftIsNoAnswer) {
  const Outcome outcome = espatctl_on_terminal({"connect", "Büro 東京"}, {{"Passphrase", "\x04"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("No passphrase was given."), std::string::npos) << outcome.output;
}

TEST_F(OnTerminal, FactorySettingsWantAYes) {
  EXPECT_EQ(espatctl_on_terminal({"reset", "--factory"}, {{"[y/N]", "y\n"}}).status, 0);
  const Outcome refused = espatctl_on_terminal({"reset", "--factory"}, {{"[y/N]", "\n"}});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("Nothing was changed."), std::string::npos) << refused.output;
}

TEST_F(OnTerminal, ControlCharactersOfTheModuleStayOut) {
  EXPECT_NE(espatctl_on_terminal({"at", "AT+NAME a b"}).output.find("+NAME:\\x1b[31mred"), std::string::npos);
}

TEST_F(OnTerminal, LongOutputIsPagedUnlessThatIsNotWanted) {
  ::setenv("ESPAT_PAGER", "sed s/^/paged:/", 1);
  ::setenv("LINES", "2", 1);
  EXPECT_NE(espatctl_on_terminal({"networks"}).output.find("paged:"), std::string::npos);
  EXPECT_EQ(espatctl_on_terminal({"networks", "--no-pager"}).output.find("paged:"), std::string::npos);
  EXPECT_EQ(espatctl({"networks"}).output.find("paged:"), std::string::npos) << "not on a terminal";
  ::unsetenv("LINES");
  EXPECT_EQ(espatctl_on_terminal({"networks"}).output.find("paged:"), std::string::npos) << "it fits";
  ::unsetenv("ESPAT_PAGER");
}

TEST_F(OnTerminal, MonitorSurvivesARestartOfTheDaemon) {
  const Outcome outcome =
      espatctl_on_terminal({"monitor"}, {{"link-closed", "", [this] { bus_.stop_daemon(); }},
                                         {"daemon-stopped", "", [this] { bus_.start_daemon("one"); }},
                                         {"daemon-started", ""},
                                         {"link-closed", "\x03"}});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST_F(OnTerminal, MonitorShowsReportsAndEndsWithCtrlC) {
  const Outcome outcome = espatctl_on_terminal({"monitor"}, {{"link-closed link=3 remote=192.0.2.1:80", "\x03"}});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("esp0"), std::string::npos);
}

TEST_F(OnTerminal, MonitorAsJsonIsOneObjectALine) {
  const Outcome outcome = espatctl_on_terminal({"monitor", "--json=short"}, {{"\"link-closed\"", "\x03"}});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  const auto event = nlohmann::json::parse(outcome.output.substr(0, outcome.output.find('\n')));
  EXPECT_EQ(event.at("module"), "esp0");
  EXPECT_EQ(event.at("event"), "report");
  EXPECT_EQ(event.at("interface"), nullptr);
  EXPECT_EQ(event.at("values"), (nlohmann::json{{"link", 3}, {"remote", "192.0.2.1:80"}}));
}

TEST_F(OnTerminal, PingSummarisesAtCtrlC) {
  const Outcome outcome = espatctl_on_terminal({"ping", "-c0", "-i0.01", "www.example"}, {{"seq=3", "\x03"}});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("ping statistics"), std::string::npos) << outcome.output;
}

TEST_F(OnTerminal, PingCanBeLeftWhileItWaits) {
  // Its question is never answered: Ctrl-C ends the wait, and the summary says that nothing came.
  const Outcome outcome =
      espatctl_on_terminal({"ping", "slow.example"}, {{"PING slow.example from module esp0", "\x03"}});
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_NE(outcome.output.find("1 transmitted, 0 received, 100% lost"), std::string::npos) << outcome.output;
}

}  // namespace
