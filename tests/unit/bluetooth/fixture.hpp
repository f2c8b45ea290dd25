// A Bluetooth service on a module that answers from a script, in virtual time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "bluetooth/bluetooth.hpp"
#include "bluetooth/uuid.hpp"
#include "wifi/fake_channel.hpp"
#include "wifi/fake_clock.hpp"

namespace espat::test {

using namespace std::chrono_literals;

constexpr const char* pump = "24:0a:c4:d6:e4:46";

struct Diary final : bluetooth::Watcher {
  void on_status() override { ++statuses; }
  void on_devices() override { ++lists; }
  void on_device(const std::string& address) override { devices.push_back(address); }
  void on_value(const std::string& address, const at::AttributePlace& place,
                const bluetooth::ByteVector& value) override {
    values.push_back(address + " " + std::to_string(place.service) + "." + std::to_string(place.characteristic) + " " +
                     std::string(value.begin(), value.end()));
  }
  void on_written(const std::string&, const at::AttributePlace& place, const bluetooth::ByteVector& value) override {
    written.push_back(std::to_string(place.service) + "." + std::to_string(place.characteristic) + " " +
                      std::string(value.begin(), value.end()));
  }
  void on_configured(const std::string&, const at::AttributePlace& place, unsigned bits) override {
    configured.emplace_back(place.characteristic, bits);
  }
  int statuses = 0, lists = 0;
  std::vector<std::string> devices, values, written;
  std::vector<std::pair<unsigned, unsigned>> configured;
};

class BluetoothTest : public testing::Test {
 protected:
  void SetUp() override {
    channel.spoken().family = at::Family::esp32c61;
    channel.spoken().commands = {"+BLEINIT", "+BLESCAN", "+BLECONN", "+BLEGATTCCHAR"};
    channel.script("AT+BLEINIT?", ok({"+BLEINIT:0"}));
    channel.script("AT+BLEADDR?", ok({"+BLEADDR:\"7c:df:a1:b3:8d:de\""}));
    channel.script("AT+BLENAME?", ok({"+BLENAME:ESP-AT"}));
    channel.script("AT+BLEGATTCPRIMSRV=", ok({"+BLEGATTCPRIMSRV:0,1,0x1801,1", "+BLEGATTCPRIMSRV:0,3,0xA002,1"}));
    channel.script("AT+BLEGATTCCHAR=", ok());
    channel.script("AT+BLEGATTCCHAR=0,3",
                   ok({"+BLEGATTCCHAR:\"char\",0,3,1,0xC300,0x02", "+BLEGATTCCHAR:\"desc\",0,3,1,1,0x2901",
                       "+BLEGATTCCHAR:\"char\",0,3,6,0xC305,0x10", "+BLEGATTCCHAR:\"desc\",0,3,6,1,0x2902",
                       "+BLEGATTCCHAR:\"char\",0,3,7,0xC306,0x20", "+BLEGATTCCHAR:\"desc\",0,3,7,1,0x2902",
                       "+BLEGATTCCHAR:\"char\",0,3,8,0xC307,0x12", "+BLEGATTCCHAR:\"desc\",0,3,8,1,0x2902"}));
    channel.script("AT+BLECFGMTU?", ok({"+BLECFGMTU:0,203"}));
    channel.script("AT+BLECONNPARAM?", ok({"+BLECONNPARAM:0,24,40,40,0,400"}));
    channel.script("AT+BLECONN=", [this](const std::string& line) {
      const std::string rest = line.substr(std::string("AT+BLECONN=").size());  // 0,"24:…",0,10
      channel.report(at::OtherReport{"BLECONN", rest.substr(0, 21)});
      return ok();
    });
    service = std::make_shared<bluetooth::Bluetooth>(channel, clock);
    service->start();
    subscription = service->watch(diary);
    pass(0ms);
  }
  void TearDown() override {
    service->stop();
    pass(0ms);
  }
  void pass(module::Duration time) { clock.advance(io, time); }

  template <class T>
  std::shared_ptr<std::optional<Result<T>>> begin(boost::asio::awaitable<Result<T>> work) {
    auto outcome = std::make_shared<std::optional<Result<T>>>();
    boost::asio::co_spawn(io, std::move(work), [outcome](std::exception_ptr thrown, Result<T> result) {
      EXPECT_EQ(thrown, nullptr);
      *outcome = std::move(result);
    });
    pass(0ms);
    return outcome;
  }
  template <class T>
  Result<T> finish(boost::asio::awaitable<Result<T>> work, module::Duration time = 10s) {
    const auto outcome = begin(std::move(work));
    if (!*outcome) pass(time);
    if (!*outcome) return Error{ErrorKind::failed, "not done in time"};
    return **outcome;
  }
  void report(const std::string& name, const std::string& arguments) {
    channel.report(at::OtherReport{name, arguments});
    pass(0ms);
  }
  void connect_pump() {
    const auto connected = finish(service->connect(pump, std::nullopt, 10));
    ASSERT_TRUE(connected.has_value()) << connected.error().message;
  }

  boost::asio::io_context io;
  FakeClock clock;
  FakeChannel channel{io, clock};
  Diary diary;
  std::shared_ptr<bluetooth::Bluetooth> service;
  module::Subscription subscription;
};

}  // namespace espat::test
