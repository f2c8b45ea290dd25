// A module that is ready, and a channel that must work after whatever a test does to it.
#pragma once

#include <optional>
#include <string>

#include "fixture.hpp"

namespace espat::module::test {

class CommandChannelTest : public ModuleFixture {
 protected:
  void SetUp() override { bring_up(); }
  /// Said instead of the answer to the first line that begins so.
  void once(std::string beginning, std::string text) {
    scripted.rule = [beginning, text, used = false](const std::string& line) mutable -> std::optional<std::string> {
      if (!line.starts_with(beginning) || used) return std::nullopt;
      used = true;
      return text;
    };
  }
  void prompt_for_sends() {
    scripted.rule = [](const std::string& line) -> std::optional<std::string> {
      if (line.starts_with("AT+CIPSEND=")) return "\r\nOK\r\n\r\n>";
      return std::nullopt;
    };
  }
  /// After whatever happened the channel must do its work again.
  void expect_working() {
    scripted.rule = nullptr;
    const auto outcome = run(at::commands::query_memory());
    scripted.answers["AT+SYSRAM?"] = "+SYSRAM:187132,176588\r\nOK\r\n";
    ASSERT_TRUE(finishes(outcome));
    EXPECT_EQ((*outcome)->status, Status::ok);
    ASSERT_NE((*outcome)->find("SYSRAM"), nullptr);
    EXPECT_EQ((*outcome)->find("SYSRAM")->arguments, "187132,176588");
    EXPECT_EQ(module().state(), State::ready);
  }
};

}  // namespace espat::module::test
