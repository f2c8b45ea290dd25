#include "ble_peer.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "ble_air.hpp"
#include "firmware.hpp"

namespace sim {
namespace {

/// While more bytes than this wait to be told to the host, the link layer lets no peer send.
constexpr std::size_t enough = 2048;

}  // namespace

WorldPeer::WorldPeer(Board& board, BlePeer which) : description(std::move(which)), board_(board) {}

const Advertisement* WorldPeer::advertisement() const {
  return description.present && !connected_ && description.advertises ? &description.advertisement : nullptr;
}

Task<std::shared_ptr<Far>> WorldPeer::connect(Firmware& firmware, BleCaller) {
  co_await firmware.sleep(description.advertisement.interval);
  if (advertisement() == nullptr || !description.advertisement.connectable) co_return nullptr;
  connected_ = true;
  ++generation_;
  board_.air.changed.notify();
  co_return shared_from_this();
}

void WorldPeer::forsake() {
  connected_ = false;
  ++generation_;
  subscriptions_.clear();
  timers_.clear();
  board_.air.changed.notify();
}

bool WorldPeer::call() {
  if (connected_ || !description.present) return false;
  const BleCaller caller{description.advertisement.address, description.advertisement.address_type, {}};
  const auto link = board_.firmware()->bluetooth.accept(shared_from_this(), caller);
  connected_ = link != nullptr;
  if (!connected_) return false;
  board_.firmware()->spawn(settle(++generation_));
  return true;
}

/// A phone asks for a short interval while it discovers and for a long one then (guide 4.9.5).
Task<void> WorldPeer::settle(unsigned generation) {
  Firmware& firmware = *board_.firmware();
  for (const int interval : description.intervals) {
    co_await firmware.sleep(std::chrono::milliseconds(50));
    if (generation != generation_) co_return;
    BleParameters parameters;
    parameters.interval = interval;
    firmware.bluetooth.parameters_changed(this, parameters);
  }
}

void WorldPeer::appear(bool present) {
  description.present = present;
  board_.air.changed.notify();
  board_.firmware()->bluetooth.range_changed(this);
}

void WorldPeer::set_value(const std::string& uuid, const std::string& bytes) {
  auto& table = description.table;
  for (int s = 1; gatt::find(table, s) != nullptr; ++s)
    for (int c = 1; gatt::find(table, s, c) != nullptr; ++c) {
      gatt::Characteristic& one = *gatt::find(table, s, c);
      if (one.uuid != uuid) continue;
      one.value = bytes;
      notify(s, c, bytes);
      return;
    }
  throw std::runtime_error("the peer has no characteristic " + uuid);
}

Task<AttAnswer> WorldPeer::ask(Firmware&, std::shared_ptr<BleLink> link, AttRequest request) {
  AttAnswer answer;
  switch (request.what) {
    case AttRequest::What::discover:
      answer.ok = true;
      answer.table = description.table;
      break;
    case AttRequest::What::exchange_mtu:
      answer.ok = true;
      answer.mtu = std::min(request.mtu, description.mtu);
      break;
    case AttRequest::What::read:
      answer = read(request, link->mtu);
      break;
    case AttRequest::What::write:
      answer = write(request);
      break;
  }
  co_return answer;
}

AttAnswer WorldPeer::read(const AttRequest& request, int mtu) {
  auto& table = description.table;
  const gatt::Characteristic* one = gatt::find(table, request.service, request.characteristic);
  if (one == nullptr) return {};
  std::string bytes = one->value;
  if (request.descriptor != 0) {
    const gatt::Descriptor* descriptor = gatt::find(table, request.service, request.characteristic, request.descriptor);
    if (descriptor == nullptr || !descriptor->readable) return {};
    bytes = descriptor->value;
    if (gatt::is_client_configuration(*descriptor))
      bytes = {static_cast<char>(subscriptions_[{request.service, request.characteristic}]), '\0'};
  } else if ((one->properties & gatt::reads) == 0 || one->encrypted) {
    return {};
  }
  return {.ok = true, .bytes = bytes.substr(0, static_cast<std::size_t>(mtu) - 1), .table = {}};
}

AttAnswer WorldPeer::write(const AttRequest& request) {
  auto& table = description.table;
  gatt::Characteristic* one = gatt::find(table, request.service, request.characteristic);
  if (one == nullptr) return {};
  if (request.descriptor != 0) {
    gatt::Descriptor* descriptor = gatt::find(table, request.service, request.characteristic, request.descriptor);
    if (descriptor == nullptr) return {};
    if (gatt::is_client_configuration(*descriptor)) return subscribe(request);
    if (!descriptor->writable || request.bytes.size() > descriptor->most) return {};
    descriptor->value = request.bytes;
    return {.ok = true, .bytes = {}, .table = {}};
  }
  if ((one->properties & (gatt::writes | gatt::writes_silently)) == 0 || one->encrypted ||
      request.bytes.size() > one->most)
    return {};
  one->value = request.bytes;
  heard.push_back({{"written", one->uuid}, {"value", gatt::to_hex(request.bytes)}});
  if (!one->echo_to.empty()) set_value(one->echo_to, request.bytes);
  return {.ok = true, .bytes = {}, .table = {}};
}

AttAnswer WorldPeer::subscribe(const AttRequest& request) {
  const gatt::Characteristic& one = *gatt::find(description.table, request.service, request.characteristic);
  const int allowed =
      ((one.properties & gatt::notifies) != 0 ? 1 : 0) | ((one.properties & gatt::indicates) != 0 ? 2 : 0);
  if (request.bytes.size() != 2 || request.bytes[1] != 0 || (request.bytes[0] & ~allowed) != 0 || one.encrypted)
    return {};
  int& state = subscriptions_[{request.service, request.characteristic}];
  const int before = std::exchange(state, request.bytes[0]);
  if (before == 0 && state != 0 && one.notify_every.count() > 0) {
    timers_[{request.service, request.characteristic}] = ++last_timer_;
    board_.firmware()->spawn(notify_on_time(request.service, request.characteristic, last_timer_));
  }
  return {.ok = true, .bytes = {}, .table = {}};
}

void WorldPeer::notify(int service, int characteristic, const std::string& bytes) {
  const int state = subscriptions_[{service, characteristic}];
  if (!connected_ || !in_range() || state == 0) return;
  board_.firmware()->bluetooth.receive(this, {service, characteristic, bytes, (state & 1) == 0});
}

Task<void> WorldPeer::notify_on_time(int service, int characteristic, unsigned timer) {
  const auto self = shared_from_this();
  Firmware& firmware = *board_.firmware();
  for (std::size_t turn = 0;; ++turn) {
    const gatt::Characteristic& one = *gatt::find(description.table, service, characteristic);
    co_await firmware.sleep(one.notify_every);
    co_await firmware.bluetooth.reports.room(enough);
    if (timer != timers_[{service, characteristic}] || subscriptions_[{service, characteristic}] == 0) co_return;
    const auto& values = one.notify_values;
    notify(service, characteristic, values.empty() ? one.value : values[turn % values.size()]);
  }
}

Task<bool> WorldPeer::tell(Firmware& firmware, std::shared_ptr<BleLink> link, AttValue value) {
  if (value.indication) co_await firmware.sleep(link->parameters.event());
  if (link->closed || !in_range()) co_return false;
  heard.push_back({{value.indication ? "indicated" : "notified", {value.service, value.characteristic}},
                   {"value", gatt::to_hex(value.bytes)}});
  co_return true;
}

}  // namespace sim
