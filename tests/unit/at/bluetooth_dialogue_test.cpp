// The worked examples of Bluetooth LE, read to their meaning: what a module says in them is understood, line by line.
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "at/bluetooth.hpp"
#include "dialogue.hpp"

namespace espat::at::test {
namespace {

using Reader = std::function<bool(const std::string& arguments)>;

/// For every line that a module says in the examples: whether the daemon gets out of it what it is there for.
const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all{
      {"BLEADDR",
       [](const auto& text) {
         return !parse_bluetooth_address({{"BLEADDR", text}}).empty();
       }},
      {"BLESCAN",
       [](const auto& text) {
         return parse_sighting(OtherReport{"BLESCAN", text}).has_value();
       }},
      {"BLECONN",
       [](const auto& text) {
         const auto connected = parse_device_connected(OtherReport{"BLECONN", text});
         return connected && !connected->address.empty();
       }},
      {"BLEGATTSSRV",
       [](const auto& text) {
         return parse_local_services({{"BLEGATTSSRV", text}}).size() == 1;
       }},
      {"BLEGATTSCHAR",
       [](const auto& text) {
         return parse_local_characteristics({{"BLEGATTSCHAR", text}}).size() == 1;
       }},
      {"BLEGATTCPRIMSRV",
       [](const auto& text) {
         return parse_services({{"BLEGATTCPRIMSRV", text}}).size() == 1;
       }},
      {"BLEGATTCCHAR",
       [](const auto& text) {
         return parse_characteristics({{"BLEGATTCCHAR", text}}).size() == 1;
       }},
      // That a client has read something, not what: the daemon has no use for it.
      {"READ", [](const auto& text) { return text.starts_with("0,"); }},
  };
  return all;
}

/// "payload NOTIFY (0,3,6): …" as the lexer's events have it.
bool is_understood(const std::string& event) {
  static const std::map<std::string, PayloadKind> kinds{{"NOTIFY", PayloadKind::gatt_notification},
                                                        {"INDICATE", PayloadKind::gatt_indication},
                                                        {"WRITE", PayloadKind::gatt_write}};
  const auto open = event.find('('), close = event.find(')');
  const std::string name = event.substr(8, event.find_first_of(" :", 8) - 8);
  if (name == "BLEGATTCRD") return true;  // the value of the command that was given
  const auto kind = kinds.find(name);
  if (kind == kinds.end() || open == std::string::npos) return false;
  Payload payload;
  payload.kind = kind->second;
  payload.arguments = event.substr(open + 1, close - open - 1);
  const auto header = parse_value_header(payload);
  if (!header || !header->place.descriptor) return header.has_value();
  return parse_client_configuration(bytes(event.substr(close + 3))).has_value();
}

class BluetoothDialogue : public testing::TestWithParam<const char*> {};

TEST_P(BluetoothDialogue, IsUnderstoodLineByLine) {
  const auto dialogue = read_dialogue(std::filesystem::path(ESPAT_DIALOGUES) / GetParam());
  int lines = 0, values = 0;
  for (const std::string& event : events_of(dialogue.stream)) {
    if (event.starts_with("payload ")) {
      EXPECT_TRUE(is_understood(event)) << event;
      ++values;
    } else if (event.starts_with("line +")) {
      const auto colon = event.find(':');
      const auto reader = readers().find(event.substr(6, colon - 6));
      ASSERT_NE(reader, readers().end()) << event;
      EXPECT_TRUE(reader->second(event.substr(colon + 1))) << event;
      ++lines;
    }
  }
  EXPECT_GT(lines, 40) << "services, characteristics and descriptors of both sides";
  EXPECT_GE(values, 3);
}

INSTANTIATE_TEST_SUITE_P(Guide, BluetoothDialogue,
                         testing::Values("esp32c61-4.3.2-ble-client-read-write.dialogue",
                                         "esp32c61-4.3.3-ble-server-read-write.dialogue"),
                         [](const auto& info) { return info.index == 0 ? "Client" : "Server"; });

}  // namespace
}  // namespace espat::at::test
