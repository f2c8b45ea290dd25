// A module, an interface and a composition root that do what a test tells them.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "bus/module_registry.hpp"
#include "bus/views.hpp"
#include "fake_channel.hpp"

namespace espat::bus {

struct FakeModule final : ModuleView {
  explicit FakeModule(module::Channel& channel) : channel_(channel) {}
  ModuleStatus status() const override { return now; }
  std::map<std::string, std::uint64_t> counters() const override { return {{"commands", 7}}; }
  boost::asio::awaitable<Result<void>> reset() override {
    co_return Error{ErrorKind::not_ready, "nothing to reset \xff"};
  }
  boost::asio::awaitable<Result<void>> restore() override { co_return Result<void>(); }
  module::Channel& channel() override { return channel_; }
  module::Subscription on_change(std::function<void()> f) override {
    changed = std::move(f);
    return module::Subscription([this] { changed = nullptr; });
  }
  ModuleStatus now;
  std::function<void()> changed;
  module::Channel& channel_;
};

struct FakeNetwork final : NetworkView {
  NetworkStatus status() const override {
    NetworkStatus status;
    status.interface = "esp0";
    status.addresses = {"192.168.4.15/24"};
    status.mtu = 1500;
    return status;
  }
  std::vector<net::LinkStatus> links() const override {
    net::LinkStatus link;
    link.link = 4;
    link.state = "open";
    link.remote = net::SocketAddress{net::Address::v4(192, 0, 2, 1), 80};
    return {link};
  }
  std::vector<net::WaiterStatus> waiters() const override { return {}; }
  std::vector<net::ForwardStatus> forwards() const override {
    net::ForwardStatus status;
    status.forward = {"web", 8080, 80, true, false, 2};
    status.state = net::ForwardStatus::State::failed;
    status.reason = "not today \xff";
    status.clients = 1;
    return {status};
  }
  std::map<std::string, std::uint64_t> counters() const override { return {}; }
  boost::asio::awaitable<Result<std::chrono::milliseconds>> ping(std::string) override {
    co_return std::chrono::milliseconds(5);
  }
  boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string, net::AddressFamily) override {
    co_return Error{ErrorKind::not_found, "no such name"};
  }
  net::TlsRules tls_rules() const override {
    return {{"key", {.ports = {8443}, .verify = false, .shared_key = net::SharedKey{"who", "secret bytes"}}},
            {"mqtt",
             {.ports = {8883, 1883},
              .hosts = {"*.example.org"},
              .server_name = "s.test",
              .authority = 1,
              .client_certificate = 2,
              .alpn = {"mqtt"}}}};
  }
  module::Subscription on_tls_failure(std::function<void(const net::TlsFailure&)> f) override {
    failed = std::move(f);
    return module::Subscription([this] { failed = nullptr; });
  }
  module::Subscription on_change(std::function<void()>) override { return {}; }
  std::function<void(const net::TlsFailure&)> failed;
  boost::asio::awaitable<Result<net::FileDescriptor>> open_stream(net::StreamRequest request) override {
    asked = request;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      co_return Error{ErrorKind::failed, "no sockets"};
    stream_end.reset(ends[0]);
    co_return net::FileDescriptor(ends[1]);
  }
  net::StreamRequest asked;
  net::FileDescriptor stream_end;  // the daemon's
};

struct FakeRegistry final : ModuleRegistry {
  boost::asio::awaitable<Result<void>> add_module(std::string name, nlohmann::json given) override {
    added = name;
    entry = given.dump();
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> remove_module(std::string) override {
    co_return Error{ErrorKind::not_found, "no such module"};
  }
  boost::asio::awaitable<Result<void>> add_forward(std::string module, std::string name,
                                                   nlohmann::json given) override {
    if (name == "second") co_return Error{ErrorKind::busy, "a module has one server"};
    added = module + "/" + name;
    entry = given.dump();
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> remove_forward(std::string module, std::string name) override {
    removed = module + "/" + name;
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> add_tls_rule(std::string module, std::string name,
                                                    nlohmann::json given) override {
    if (name == "old") co_return Error{ErrorKind::not_supported, "the firmware cannot check names"};
    added = module + "/" + name;
    entry = given.dump();
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> remove_tls_rule(std::string module, std::string name) override {
    removed_rule = module + "/" + name;
    co_return Result<void>();
  }
  std::string added, entry, removed, removed_rule;
};

}  // namespace espat::bus
