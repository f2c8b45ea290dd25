// org.espat1.Mqtt of the mock daemon: what a publication's topic and a topic's name say decides the answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <dbus/mqtt_adaptor.h>

#include "mock_answers.hpp"

namespace mock {

class Mqtt final : public sdbus::AdaptorInterfaces<org::espat1::Mqtt_adaptor> {
 public:
  Mqtt(sdbus::IConnection& bus, const std::string& path, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{path}}, scenario_{scenario} {
    registerAdaptor();
  }
  ~Mqtt() { unregisterAdaptor(); }

  void tell_gone() { getObject().emitInterfacesRemovedSignal({InterfaceName{INTERFACE_NAME}}); }

 private:
  /// "all.example" wants to be given everything, "plain.example" nothing but the transport.
  void Connect(sdbus::Result<>&& result, std::string host, Dictionary options) override {
    static const Names known{
        "transport",  "port",         "client-id",   "username", "password",          "keep-alive",
        "path",       "verify",       "ca",          "alpn",     "server-name",       "clean-session",
        "will-topic", "will-message", "will-retain", "will-qos", "client-certificate"};
    if (!admitted(scenario_, result, options, known)) return;
    options.erase("interactive");
    const auto string = [&](const char* key) { return options.at(key).get<std::string>(); };
    const auto number = [&](const char* key) { return options.at(key).get<uint32_t>(); };
    const auto flag = [&](const char* key) { return options.at(key).get<bool>(); };
    if (host == "plain.example" && options.size() == 1 && string("transport") == "tcp") return result.returnResults();
    if (host == "login.example" && string("username") == "me" && string("password") == "secret")
      return result.returnResults();
    if (host == "all.example" && options.size() == known.size() && string("transport") == "wss" &&
        number("port") == 8443 && string("client-id") == "id" && string("username") == "me" &&
        string("password") == "secret" && number("keep-alive") == 30 && string("path") == "/mqtt" && !flag("verify") &&
        number("ca") == 0 && number("client-certificate") == 0 && string("server-name") == "s.example" &&
        options.at("alpn").get<std::vector<std::string>>() == std::vector<std::string>{"a", "b"} &&
        !flag("clean-session") && string("will-topic") == "w" && string("will-message") == "gone" &&
        flag("will-retain") && number("will-qos") == 1)
      return result.returnResults();
    result.returnError(refusal("Timeout", "The broker does not answer."));
  }
  void Disconnect(sdbus::Result<>&& result, Dictionary options) override {
    if (admitted(scenario_, result, options, {})) result.returnResults();
  }
  /// To "lines" come "first" and "", then what is too much; to "bytes" what is no text; what goes "away" waits.
  void Publish(sdbus::Result<std::string>&& result, std::string topic, std::vector<uint8_t> payload,
               Dictionary options) override {
    if (!admitted(scenario_, result, options, {"qos", "retain"})) return;
    const std::string message{payload.begin(), payload.end()};
    const bool plain = options.at("qos").get<uint32_t>() == 0 && !options.at("retain").get<bool>();
    if (topic == "away") return result.returnResults("waiting");
    if (topic == "lines" && message == (lines_ == 0 ? "first" : "") && lines_++ < 2)
      return result.returnResults("sent");
    if (topic == "bytes" && plain && message == std::string{"\0\n\xff", 3}) return result.returnResults("sent");
    if (topic == "careful" && options.at("qos").get<uint32_t>() == 2 && options.at("retain").get<bool>() &&
        message == "x")
      return result.returnResults("sent");
    result.returnError(refusal("Busy", "No more messages are kept."));
  }
  /// Broadcast here, so that the test need not keep the caller's name: espatctl cannot tell the difference.
  void Subscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"qos"})) return;
    if (topic == "nothing/#/more")
      return result.returnError(refusal("InvalidArgument", "# is only for the last level"));
    tell(topic + "/retained", "before the answer", "certain", 1);
    result.returnResults();
    if (topic == "lost") return emitTopicLost(topic, "The broker refused it.");
    tell(topic + "/b", topic == "empty" ? std::string{} : std::string{"\0\xff", 2}, "presumed", 3);
  }
  void Unsubscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"everybody"})) return;
    if (topic != "a" || !options.at("everybody").get<bool>())
      return result.returnError(refusal("NotFound", "Nobody has subscribed to " + topic + "."));
    result.returnResults();
  }
  void tell(const std::string& topic, const std::string& payload, const std::string& complete, uint32_t pieces) {
    emitMessage(topic, {payload.begin(), payload.end()}, {{"complete", text(complete)}, {"pieces", value(pieces)}});
  }

  std::string State() override { return "reconnecting"; }
  std::string Reason() override { return "The broker ended the session, or cannot be reached."; }
  std::string Broker() override { return "mqtts://broker.example:8883"; }
  std::string ClientId() override { return "evil\x1b[31m"; }
  std::vector<std::string> Topics() override { return {"a", "b/#"}; }
  uint32_t Waiting() override { return 3; }

  const Scenario& scenario_;
  int lines_ = 0;
};

}  // namespace mock
