// What becomes of the verbs that wait for signals of a module when none can come any more, against the mock daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using testing::HasSubstr;

struct Verb {
  const char* name;
  std::vector<std::string> arguments;
  const char* last;  ///< of what it shows at first
  const char* feature;
};

class Listening : public testing::TestWithParam<Verb> {
 protected:
  Listening() { bus_.start_daemon("one"); }

  /// How the verb ends when this is done while it waits.
  static Outcome ends_after(std::function<void()> act) {
    return espatctl_on_terminal(GetParam().arguments, {{GetParam().last, "", std::move(act)}});
  }
  static void command(const std::string& line) { EXPECT_EQ(espatctl({"at", line}).status, 0); }
  static void remove_module() { EXPECT_EQ(espatctl({"modules", "remove", "esp0"}).status, 0); }

  PrivateBus bus_;
};

TEST_P(Listening, FailsWhenTheModuleComesBackWithFirmwareThatLacksTheInterface) {
  const Outcome ended = ends_after([] { command("AT+OTHERFIRMWARE"); });
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.output, HasSubstr(std::string{"The module's firmware has no "} + GetParam().feature + " any more"));
}

TEST_P(Listening, EndsWhenTheModuleIsRemoved) {
  const Outcome ended = ends_after(remove_module);
  EXPECT_EQ(ended.status, 3);
  EXPECT_THAT(ended.output, HasSubstr("The module has been removed: nothing more will come."));
}

TEST_P(Listening, EndsWhenTheDaemonStopsInGoodOrder) {
  const Outcome ended = ends_after([] { espatctl({"at", "AT+STOP"}); });
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.output, HasSubstr("espatd has stopped: nothing more will come."));
}

INSTANTIATE_TEST_SUITE_P(Verbs, Listening,
                         testing::Values(Verb{"MqttSub", {"mqtt", "sub", "-v", "a"}, "a/b", "MQTT"},
                                         Verb{"BleServeWatch", {"ble", "serve", "watch"}, "1.3", "Bluetooth LE"},
                                         Verb{"BleScanWatch", {"ble", "scan", "--watch"}, "gone", "Bluetooth LE"}),
                         [](const auto& verb) { return verb.param.name; });

}  // namespace
