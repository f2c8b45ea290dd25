// One Module on a ScriptedModule, in virtual time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "at/commands.hpp"
#include "module/module.hpp"
#include "scripted_module.hpp"

namespace espat::module::test {

using namespace std::chrono_literals;
using Status = at::Outcome::Status;

class FixedWallClock final : public WallClock {
 public:
  std::optional<std::chrono::sys_seconds> synchronised_time() const override { return time; }
  std::optional<std::chrono::sys_seconds> time = std::chrono::sys_seconds(1700000000s);
};

/// Writes down what it hears.
class Listener : public Observer {
 public:
  void on_state(State state) override { states.push_back(state); }
  void on_report(const at::Report& report) override { reports.push_back(report); }
  void on_payload(const at::Payload&, at::Bytes chunk, std::size_t remaining, bool aborted) override {
    payload.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    last_remaining = remaining;
    was_aborted |= aborted;
  }
  void on_data_lost() override { ++losses; }
  template <class Kind>
  int count() const {
    int number = 0;
    for (const auto& report : reports) number += std::holds_alternative<Kind>(report);
    return number;
  }
  std::vector<State> states;
  std::vector<at::Report> reports;
  std::string payload;
  std::size_t last_remaining = 0;
  bool was_aborted = false;
  int losses = 0;
};

class ModuleFixture : public testing::Test {
 protected:
  ~ModuleFixture() override {
    subscription.reset();
    bool stopped = false;
    boost::asio::co_spawn(
        io, [](Module& target) -> boost::asio::awaitable<void> { co_await target.stop(); }(module()),
        [&](std::exception_ptr) { stopped = true; });
    EXPECT_TRUE(clock.run_until(
        io, [&] { return stopped; }, 1s))
        << "a clean stop is bounded";
  }

  /// Made when first asked for, from the settings as they are then.
  Module& module() {
    if (!module_) {
      settings.name = "esp0";
      settings.port = "scripted";
      module_ = std::make_unique<Module>(
          io.get_executor(), settings, Module::Surroundings{clock, wall_clock, [this](std::string) { return open(); }});
    }
    return *module_;
  }
  void start() {
    subscription = module().channel().observe(listener);
    module().start();
  }
  bool becomes(State state, Duration limit = 60s) {
    return clock.run_until(
        io, [&] { return module().state() == state; }, limit);
  }
  /// A module that is ready, and forgets what it took to get there.
  void bring_up() {
    start();
    ASSERT_TRUE(becomes(State::ready)) << module().reason();
    clock.run_for(io, 100ms);
    scripted.lines.clear();
    listener.reports.clear();
    listener.states.clear();
  }

  /// Starts a command; its outcome appears there.
  std::shared_ptr<std::optional<at::Outcome>> run(at::Command command, RunOptions options = {}) {
    auto outcome = std::make_shared<std::optional<at::Outcome>>();
    boost::asio::co_spawn(io, module().channel().run(std::move(command), std::move(options)),
                          [outcome](std::exception_ptr, at::Outcome value) { *outcome = std::move(value); });
    return outcome;
  }
  std::shared_ptr<std::optional<at::Outcome>> send(at::LinkId link, std::string_view payload) {
    auto outcome = std::make_shared<std::optional<at::Outcome>>();
    const at::Bytes bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    boost::asio::co_spawn(
        io,
        module().channel().send(
            link,
            [link, bytes](std::size_t) {
              return std::optional<SendBlock>(SendBlock{at::commands::send(link, bytes.size()), bytes});
            }),
        [outcome](std::exception_ptr, at::Outcome value) { *outcome = std::move(value); });
    return outcome;
  }
  bool finishes(const std::shared_ptr<std::optional<at::Outcome>>& outcome, Duration limit = 200s) {
    return clock.run_until(
        io, [&] { return outcome->has_value(); }, limit);
  }

  boost::asio::io_context io;
  VirtualClock clock;
  FixedWallClock wall_clock;
  ScriptedModule scripted{io.get_executor(), clock};
  ModuleSettings settings;
  std::optional<Error> port_error;
  Listener listener;
  Subscription subscription;

 private:
  boost::asio::awaitable<Result<std::unique_ptr<transport::Transport>>> open() {
    if (port_error) co_return *port_error;
    co_return scripted.open();
  }
  std::unique_ptr<Module> module_;
};

}  // namespace espat::module::test
