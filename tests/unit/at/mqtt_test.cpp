// The MQTT commands and reports, byte for byte as they were measured (section H) and as the guide has them (3.5).
#include "at/mqtt.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "at/messages.hpp"

namespace espat::at {
namespace {

std::string text_of(const Result<Command>& command) {
  return command ? command->text() : "refused: " + command.error().message;
}

TEST(MqttCommands, AreWrittenAsTheModuleWantsThem) {
  const std::string will = "a\"b\\c,d";
  const MqttWill last{"gone", will, 1, true};
  EXPECT_EQ(text_of(commands::mqtt_user({.client_id = "measure", .username = "u", .password = "p"})),
            "AT+MQTTUSERCFG=0,1,\"measure\",\"u\",\"p\",0,0,\"\"");
  EXPECT_EQ(text_of(commands::mqtt_connection(120, true, nullptr)), "AT+MQTTCONNCFG=0,120,0,\"\",\"\",0,0");
  EXPECT_EQ(text_of(commands::mqtt_connection(60, false, &last)),
            "AT+MQTTCONNCFG=0,60,1,\"gone\",\"a\\\"b\\\\c\\,d\",1,1");
  EXPECT_EQ(text_of(commands::mqtt_protocols({"mqtt", "x-amzn-mqtt-ca"})),
            "AT+MQTTALPN=0,2,\"mqtt\",\"x-amzn-mqtt-ca\"");
  EXPECT_EQ(text_of(commands::mqtt_server_name("broker.test")), "AT+MQTTSNI=0,\"broker.test\"");
  EXPECT_EQ(text_of(commands::mqtt_connect("192.168.4.2", 1883)), "AT+MQTTCONN=0,\"192.168.4.2\",1883,0");
  EXPECT_EQ(text_of(commands::mqtt_publish("out/x", "", 0, false)), "AT+MQTTPUB=0,\"out/x\",\"\",0,0");
  EXPECT_EQ(text_of(commands::mqtt_publish_raw("t", 427, 2, true)), "AT+MQTTPUBRAW=0,\"t\",427,2,1");
  EXPECT_EQ(text_of(commands::mqtt_subscribe("wild/#", 1)), "AT+MQTTSUB=0,\"wild/#\",1");
  EXPECT_EQ(text_of(commands::mqtt_unsubscribe("wild/#")), "AT+MQTTUNSUB=0,\"wild/#\"");
  EXPECT_EQ(commands::mqtt_clean().text(), "AT+MQTTCLEAN=0");
  EXPECT_EQ(commands::mqtt_long_password(4).text(), "AT+MQTTLONGPASSWORD=0,4");
  EXPECT_EQ(commands::mqtt_long_password(4).payload_length(), 4U);
}

/// What the host says in the guide's examples of MQTT (sections 4.4 and 4.5).
std::string lines_of_the_guide() {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(ESPAT_DIALOGUES)) {
    if (entry.path().filename().string().find("-mqtt-") == std::string::npos) continue;
    std::ifstream in(entry.path());
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

TEST(MqttCommands, AreTheOnesOfTheGuidesExamples) {
  const std::string guide = lines_of_the_guide();
  const auto user = [](MqttTransport transport, SslVerification verification, std::string id, std::string password,
                       std::string path) {
    const std::string name = password.empty() ? "" : "espressif";
    return commands::mqtt_user({.transport = transport,
                                .verification = verification,
                                .client_id = std::move(id),
                                .username = name,
                                .password = std::move(password),
                                .path = std::move(path)});
  };
  for (const Result<Command>& command :
       {user(MqttTransport::tcp, SslVerification::none, "publisher", "123456789", ""),
        user(MqttTransport::tls, SslVerification::offer_certificate, "subscriber", "123456789", ""),
        user(MqttTransport::tls, SslVerification::both, "esp32", "1234567890", ""),
        user(MqttTransport::wss, SslVerification::none, "publisher", "", "mqtt"),
        commands::mqtt_publish("topic", "test", 1, false),
        commands::mqtt_publish("topic/esp32at", "hello aws!", 1, false),
        commands::mqtt_publish_raw("topic", 427, 0, false), commands::mqtt_subscribe("topic", 1),
        Result<Command>(commands::mqtt_clean())})
    EXPECT_NE(guide.find("\nH " + text_of(command) + "\n"), std::string::npos) << text_of(command);
}

TEST(MqttCommands, HaveTheSchemeOfTransportAndVerification) {
  struct Case {
    MqttTransport transport;
    SslVerification verification;
    char scheme;
  };
  for (const auto& [transport, verification, scheme] :
       {Case{MqttTransport::tcp, SslVerification::check_server, '1'},
        Case{MqttTransport::tls, SslVerification::none, '2'},
        Case{MqttTransport::tls, SslVerification::check_server, '3'},
        Case{MqttTransport::tls, SslVerification::offer_certificate, '4'},
        Case{MqttTransport::tls, SslVerification::both, '5'},
        Case{MqttTransport::ws, SslVerification::check_server, '6'},
        Case{MqttTransport::wss, SslVerification::none, '7'},
        Case{MqttTransport::wss, SslVerification::check_server, '8'},
        Case{MqttTransport::wss, SslVerification::offer_certificate, '9'}}) {
    MqttUser user;
    user.transport = transport;
    user.verification = verification;
    EXPECT_EQ(text_of(commands::mqtt_user(user))[17], scheme);
  }
  MqttUser both{.transport = MqttTransport::wss, .verification = SslVerification::both};
  EXPECT_TRUE(text_of(commands::mqtt_user(both)).starts_with("AT+MQTTUSERCFG=0,10,"));
}

TEST(MqttCommands, NoUsersTextBecomesASecondCommand) {
  EXPECT_FALSE(commands::mqtt_publish("t\r\nAT+RST", "x", 0, false));
  EXPECT_FALSE(commands::mqtt_publish("t", "x\r\nAT+RST", 0, false));
  EXPECT_FALSE(commands::mqtt_user({.client_id = "c", .password = "x\r\nAT+RST"}));
  EXPECT_FALSE(commands::mqtt_publish("t", std::string(250, 'x'), 0, false));
}

TEST(MqttCommands, APasswordIsASecret) {
  EXPECT_TRUE(commands::mqtt_user({.client_id = "c", .password = "p"})->secret());
}

TEST(MqttReports, TheTopicIsTakenAsItWasPrinted) {
  Payload payload;
  payload.kind = PayloadKind::mqtt_message;
  payload.arguments = "0,\"wild/,\"q\"";
  EXPECT_EQ(parse_mqtt_topic(payload), "wild/,\"q");
  payload.arguments = "0,";
  EXPECT_EQ(parse_mqtt_topic(payload), std::nullopt);
}

TEST(MqttReports, ALossIsTold) {
  const auto message = classify("+MQTTDISCONNECTED:0");
  EXPECT_TRUE(is_mqtt_disconnected(std::get<Report>(message)));
  EXPECT_FALSE(is_mqtt_disconnected(WifiDisconnected{}));
}

}  // namespace
}  // namespace espat::at
