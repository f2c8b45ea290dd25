// The MQTT client in front of a scripted module, in virtual time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "mqtt/client.hpp"
#include "wifi/fake_channel.hpp"
#include "wifi/fake_clock.hpp"

namespace espat::mqtt {

using namespace std::chrono_literals;
using test::error;
using test::ok;
using testing::ElementsAre;

struct HostClock final : module::WallClock {
  std::optional<std::chrono::sys_seconds> synchronised_time() const override { return now; }
  std::optional<std::chrono::sys_seconds> now = std::chrono::sys_seconds(1'700'000'000s);
};

/// What the client tells, a line each.
struct Diary final : Watcher {
  void on_message(const Message& message, const std::vector<std::string>& owners) override {
    for (const auto& owner : owners)
      heard.push_back(owner + " " + message.topic + " " + std::string(message.payload.begin(), message.payload.end()));
  }
  void on_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error&) override {
    for (const auto& owner : owners) lost.push_back(owner + " " + topic);
  }
  std::vector<std::string> heard, lost;
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    channel.spoken().commands = {"+MQTTUSERCFG", "+MQTTCONN", "+MQTTLONGCLIENTID",
                                 "+MQTTSNI",     "+MQTTALPN", "+SYSTIMESTAMP"};
    channel.script("AT+MQTTCLEAN", error());
    client = std::make_shared<Client>(
        channel, ClientEnvironment{clock, host_clock, [] { return 0.5; },
                                   [](std::string name) -> boost::asio::awaitable<Result<std::string>> {
                                     if (name == "broker.test") co_return std::string("198.51.100.7");
                                     co_return Error{ErrorKind::not_found, "There is no " + name + "."};
                                   }});
    subscription = client->watch(diary);
    client->start();
    pass(0ms);
  }
  ~ClientTest() override {
    client->stop();
    pass(100s);
  }
  void pass(module::Duration time) { clock.advance(io, time); }

  template <class T>
  Result<T> finish(boost::asio::awaitable<Result<T>> work, module::Duration time = 10s) {
    auto outcome = std::make_shared<std::optional<Result<T>>>();
    boost::asio::co_spawn(io, std::move(work), [outcome](std::exception_ptr thrown, Result<T> result) {
      EXPECT_EQ(thrown, nullptr);
      *outcome = std::move(result);
    });
    pass(0ms);
    if (!*outcome) pass(time);
    if (!*outcome) return Error{ErrorKind::failed, "not done in time"};
    return **outcome;
  }
  static ConnectRequest request(const std::string& host = "192.168.4.2") {
    ConnectRequest wanted;
    wanted.host = host;
    wanted.client_id = "c";
    return wanted;
  }
  void connect() {
    const auto connected = finish(client->connect(request()));
    ASSERT_TRUE(connected) << connected.error().message;
  }
  void subscribe(const std::string& owner, const std::string& topic, unsigned qos = 0) {
    const auto done = finish(client->subscribe(owner, topic, qos));
    ASSERT_TRUE(done) << done.error().message;
  }
  Result<Published> publish(const std::string& text, unsigned qos = 0) {
    Publication publication;
    publication.topic = "t";
    publication.payload.assign(text.begin(), text.end());
    publication.qos = qos;
    return finish(client->publish(std::move(publication)));
  }
  void lose() {
    channel.report(at::OtherReport{"MQTTDISCONNECTED", "0"});
    pass(0ms);
  }
  void arrive(const std::string& topic, const std::string& bytes) {
    channel.payload(at::PayloadKind::mqtt_message, "0,\"" + topic + "\"", bytes);
    pass(0ms);
  }

  boost::asio::io_context io;
  test::FakeClock clock;
  HostClock host_clock;
  test::FakeChannel channel{io, clock};
  Diary diary;
  std::vector<std::string>& heard = diary.heard;
  std::shared_ptr<Client> client;
  module::Subscription subscription;
};

}  // namespace espat::mqtt
