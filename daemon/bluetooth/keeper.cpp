// The keeper: one coroutine that tells the module what is wanted, whenever one of the two has changed.
//
// Whoever changes what is wanted waits for the end of the next pass (settled()) and looks at the result. A pass that
// fails is not repeated until something changes, so a module that refuses is not flooded.
#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "bluetooth/bluetooth.hpp"

namespace espat::bluetooth {
namespace {

using boost::asio::awaitable;

/// Listens half of the time, so that Wi-Fi has the other half of the radio; the guide's own values.
constexpr unsigned scan_interval = 100, scan_window = 50;  // in units of 0.625 ms

}  // namespace

void Bluetooth::wake() {
  ++requested_;
  alarm_->ring();
}

awaitable<void> Bluetooth::settled() {
  const auto self = shared_from_this();
  wake();
  const std::uint64_t wanted = requested_;
  while (completed_ < wanted && !stopped_) {
    boost::system::error_code ignored;
    co_await pass_done_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    const auto cancelled = (co_await boost::asio::this_coro::cancellation_state).cancelled();
    // The caller has given up: nothing of what it wanted may be noted any more.
    if (cancelled != boost::asio::cancellation_type::none)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
}

awaitable<void> Bluetooth::keep() {
  const auto self = shared_from_this();
  while (!stopped_) {
    const std::uint64_t request = requested_;
    co_await do_pass();
    completed_ = std::max(completed_, request);
    pass_done_.cancel();
    if (stopped_ || requested_ != request) continue;
    co_await alarm_->wait_until(std::min(tell_at_, devices_.next_expiry()));
  }
}

awaitable<void> Bluetooth::do_pass() {
  const auto self = shared_from_this();
  if (clock_.now() >= tell_at_) tell_what_was_heard(clock_.now());
  if (!devices_.expire(clock_.now()).empty()) watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  if (channel_.state() != module::State::ready || !wanted_on_ || !status_.supported) co_return;
  if (!status_.on) {
    const Result<void> on = co_await switch_on();
    on_error_ = on.has_error() ? std::optional<Error>(on.error()) : std::nullopt;
    if (on.has_error() || channel_.state() != module::State::ready) co_return;
    change([](Status& status) { status.on = true; });
  }
  co_await adjust_scan();
  co_await adjust_advertising();
}

awaitable<Result<void>> Bluetooth::switch_on() {
  const auto self = shared_from_this();
  const at::Outcome role = co_await channel_.run(at::commands::query_bluetooth_role());
  const at::BluetoothRole before = at::parse_bluetooth_role(role.responses);
  if (before == at::BluetoothRole::dual) {
    // Left over from an earlier run of the daemon: nobody wants it any more. Errors mean that there was nothing.
    told_advertising_data_ = told_scan_response_ = true;  // perhaps
    co_await channel_.run(at::commands::stop_bluetooth_scan());
    co_await channel_.run(at::commands::stop_advertising());
    const at::Outcome left = co_await channel_.run(at::commands::query_bluetooth_connections());
    for (const auto& connection : at::parse_bluetooth_connections(left.responses)) {
      co_await channel_.run(at::commands::disconnect_device(connection.index));
    }
  } else {
    if (before != at::BluetoothRole::off) {
      co_await channel_.run(at::commands::bluetooth_role(at::BluetoothRole::off));
    }
    const at::Outcome dual = co_await channel_.run(at::commands::bluetooth_role(at::BluetoothRole::dual));
    if (!dual.ok()) {
      Error error = dual.error("Switching Bluetooth on");
      if (before != at::BluetoothRole::off) {
        error.message = "The module was set to another Bluetooth role and does not change it: `espatctl reset` helps.";
      }
      co_return error;
    }
  }
  const at::Outcome address = co_await channel_.run(at::commands::query_bluetooth_address());
  const at::Outcome name = co_await channel_.run(at::commands::query_bluetooth_name());
  change([&](Status& status) {
    status.address = at::parse_bluetooth_address(address.responses);
    status.name = at::parse_bluetooth_name(name.responses);
  });
  channel_.log().info("Bluetooth: on, address {}", status_.address);
  co_return Result<void>();
}

awaitable<void> Bluetooth::adjust_scan() {
  const auto self = shared_from_this();
  const bool wanted = !sessions_.empty() && !is_connecting();
  const bool actively = active_wanted();
  if (scanning_ && (!wanted || scanning_actively_ != actively)) {
    // An error means that it had ended already.
    co_await channel_.run(at::commands::stop_bluetooth_scan());
    scanning_ = false;
  }
  if (!scanning_ && wanted && !scan_error_) {
    at::Outcome outcome =
        co_await channel_.run(at::commands::bluetooth_scan_parameters(actively, scan_interval, scan_window));
    if (outcome.ok()) outcome = co_await channel_.run(at::commands::start_bluetooth_scan());
    scanning_ = outcome.ok();
    scanning_actively_ = actively;
    if (!scanning_) scan_error_ = outcome.error("Looking for devices");
  }
  change([&](Status& status) { status.discovering = status.on && !sessions_.empty() && !scan_error_; });
}

awaitable<void> Bluetooth::adjust_advertising() {
  const auto self = shared_from_this();
  if (advertising_ && !advertisement_) {
    co_await channel_.run(at::commands::stop_advertising());
    advertising_ = false;
  }
  // Connections and the advertisement together are three at most (guide 3.4.2).
  const bool room = connections() < at::bluetooth_connections;
  if (!advertising_ && advertisement_ && room && !advertising_refused_) {
    const AdvertisingRequest request = *advertisement_;
    // The module keeps what it was told before. A structure of length 0 ends an advertisement (Core specification,
    // volume 3 part C 11); whether the firmware takes an empty one is not known.
    const ByteVector nothing{0};
    Result<at::Command> parameters = at::commands::advertising_parameters(request.parameters);
    Result<at::Command> data = at::commands::advertising_data(request.data.empty() ? nothing : request.data);
    Result<at::Command> response =
        at::commands::scan_response_data(request.scan_response.empty() ? nothing : request.scan_response);
    told_advertising_data_ = told_advertising_data_ || !request.data.empty();
    told_scan_response_ = told_scan_response_ || !request.scan_response.empty();
    at::Outcome outcome = co_await channel_.run(std::move(*parameters));
    if (outcome.ok() && told_advertising_data_) outcome = co_await channel_.run(std::move(*data));
    if (outcome.ok() && told_scan_response_) outcome = co_await channel_.run(std::move(*response));
    if (outcome.ok()) outcome = co_await channel_.run(at::commands::start_advertising());
    advertising_ = outcome.ok();
    advertising_refused_ = !outcome.ok();
    if (!outcome.ok()) {
      advertising_error_ = outcome.error("Advertising");
      channel_.log().warn("Bluetooth: {}", advertising_error_->message);
    }
  }
  change(
      [&](Status& status) { status.advertising = status.on && advertisement_.has_value() && !advertising_refused_; });
}

}  // namespace espat::bluetooth
