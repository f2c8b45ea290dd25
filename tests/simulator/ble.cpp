#include "ble.hpp"

#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// How long a request may wait for a link that is out of range (Core 5.0, vol. 3, part F, 3.3.3).
constexpr auto transaction_limit = std::chrono::seconds(30);

}  // namespace

Bluetooth::Bluetooth(Firmware& firmware)
    : table(gatt::firmware_table()), scanner(firmware), reports(firmware), firmware_(firmware) {}

void Bluetooth::start() {
  reports.start();
}

bool Bluetooth::initialise(int role) {
  if (role_ != 0 && role != role_) return false;
  if (first_role_ != 0 && role != first_role_) return false;
  role_ = first_role_ = role;
  table[1].characteristics[0].value = firmware_.get("ble-name").get<std::string>();
  return true;
}

void Bluetooth::deinitialise() {
  scanner.stop();
  advertising = {};
  advertisement_changed();
  for (const auto& link : links_)
    if (link) {
      const auto ending = link;
      ending->far->terminate();
      drop(ending);
    }
  role_ = 0;
}

void Bluetooth::stop() {
  scanner.stop();
  advertising.on = false;
  advertisement_changed();
  for (auto& link : links_)
    if (link) {
      link->closed = true;
      link->changed.notify();
      link->far->forsake();
      link.reset();
    }
}

int Bluetooth::address_type() const {
  return firmware_.number("ble-address-type");
}

/// A static random address is the public one with its two highest bits set (the guide asks for these only).
std::string Bluetooth::address() const {
  std::string address = firmware_.world().bluetooth.address;
  if (address_type() == 1) {
    const auto first = static_cast<unsigned char>(gatt::from_hex(address.substr(0, 2)).value_or("\0").front());
    address.replace(0, 2, format("%02x", first | 0xc0U));
  }
  return address;
}

const Advertisement* Bluetooth::advertisement() const {
  if (!advertising.on) return nullptr;
  const int type = advertising.type;
  on_air_.address = address();
  on_air_.address_type = address_type();
  on_air_.data = advertising.data;
  on_air_.response = advertising.response;
  on_air_.rssi = firmware_.world().bluetooth.rssi;
  on_air_.connectable = type == 0 || type == 1 || type == 4 || type == 6;
  on_air_.scannable = type == 0 || type == 2 || type == 7;
  on_air_.interval = std::chrono::duration_cast<Milliseconds>(std::chrono::microseconds(625) * advertising.most);
  return &on_air_;
}

void Bluetooth::advertisement_changed() {
  if (const auto* ether = firmware_.board().air.ether()) ether->announce();
}

std::shared_ptr<BleLink> Bluetooth::find(std::int64_t index) const {
  if (index < 0 || index >= static_cast<std::int64_t>(most_links)) return nullptr;
  return links_[static_cast<std::size_t>(index)];
}

std::shared_ptr<BleLink> Bluetooth::link_of(const Far* far) const {
  for (const auto& link : links_)
    if (link && link->far.get() == far) return link;
  return nullptr;
}

std::size_t Bluetooth::count() const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& link) { return !!link; }));
}

void Bluetooth::open(const std::shared_ptr<BleLink>& link) {
  links_[static_cast<std::size_t>(link->index)] = link;
  reports.add(format("+BLECONN:%d,\"%s\"\r\n", link->index, link->address.c_str()));
}

Task<std::shared_ptr<BleLink>> Bluetooth::connect(int index, std::string address, int address_type, Duration limit) {
  Air& air = firmware_.board().air;
  const Time deadline = Clock::now() + limit;
  while (Clock::now() < deadline) {
    std::shared_ptr<Advertiser> target;
    for (const auto& advertiser : air.advertisers())
      if (const auto* heard = advertiser->advertisement(); heard != nullptr && heard->connectable &&
                                                           upper(heard->address) == upper(address) &&
                                                           heard->address_type == address_type)
        target = advertiser;
    if (!target) {
      co_await firmware_.wait(air.changed, deadline);
      continue;
    }
    BleCaller caller;
    caller.address = this->address();
    caller.address_type = this->address_type();
    auto far = co_await target->connect(firmware_, caller);
    if (!far) continue;
    auto link = std::make_shared<BleLink>(firmware_.executor(), index);
    link->address = address;
    for (char& letter : link->address) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    link->address_type = address_type;
    link->far = std::move(far);
    link->asks = true;
    open(link);
    co_await reports.said();
    co_return link;
  }
  co_return nullptr;
}

std::shared_ptr<BleLink> Bluetooth::accept(std::shared_ptr<Far> far, const BleCaller& caller) {
  const Advertisement* heard = advertisement();
  if (heard == nullptr || !heard->connectable) return nullptr;
  for (std::size_t index = 0; index < most_links; ++index) {
    if (links_[index]) continue;
    auto link = std::make_shared<BleLink>(firmware_.executor(), static_cast<int>(index));
    link->address = caller.address;
    link->address_type = caller.address_type;
    link->parameters = caller.parameters;
    link->far = std::move(far);
    advertising.on = false;  // a connection ends it (guide 3.4.11)
    advertisement_changed();
    open(link);
    return link;
  }
  return nullptr;
}

void Bluetooth::drop(const std::shared_ptr<BleLink>& link) {
  if (link->closed) return;
  link->closed = true;
  link->changed.notify();
  links_[static_cast<std::size_t>(link->index)].reset();
  reports.add(format("+BLEDISCONN:%d,\"%s\"\r\n", link->index, link->address.c_str()));
}

Task<void> Bluetooth::drop_soon(std::shared_ptr<BleLink> link) {
  co_await firmware_.sleep(link->parameters.event());
  if (!link->closed) link->far->terminate();
  drop(link);
}

void Bluetooth::disconnect(const std::shared_ptr<BleLink>& link) {
  firmware_.spawn(drop_soon(link));
}

Task<AttAnswer> Bluetooth::ask(std::shared_ptr<BleLink> link, AttRequest request) {
  const Time deadline = Clock::now() + transaction_limit;
  co_await firmware_.sleep(link->parameters.event());
  while (!link->closed && !link->far->in_range() && Clock::now() < deadline)
    co_await firmware_.wait(link->changed, deadline);
  if (link->closed || !link->far->in_range()) co_return AttAnswer{};
  const auto far = link->far;
  AttAnswer answer = co_await far->ask(firmware_, link, std::move(request));
  if (link->closed) answer.ok = false;
  co_return answer;
}

void Bluetooth::receive(const Far* far, const AttValue& value) {
  const auto link = link_of(far);
  if (!link) return;
  const char* name = value.indication ? "INDICATE" : "NOTIFY";
  // v5.0.1.0 prints the indices of its own table's characteristics whoever speaks (QUIRKS 8).
  const int service = firmware_.dialect().fixed_notify_indices ? 3 : value.service;
  const int fixed = value.indication ? 7 : 6;
  const int characteristic = firmware_.dialect().fixed_notify_indices ? fixed : value.characteristic;
  reports.add(format("+%s:%d,%d,%d,%zu,", name, link->index, service, characteristic, value.bytes.size()) +
              value.bytes + "\r\n");
}

void Bluetooth::parameters_changed(const Far* far, const BleParameters& parameters) {
  const auto link = link_of(far);
  if (!link) return;
  link->parameters = parameters;
  reports.add(format("+BLECONNPARAM:%d,%d,%d,%d,%d,%d\r\n", link->index, parameters.least, parameters.most,
                     parameters.interval, parameters.latency, parameters.timeout));
}

void Bluetooth::ended(const Far* far) {
  const auto link = link_of(far);
  if (!link) return;
  link->far->forsake();
  drop(link);
}

void Bluetooth::range_changed(const Far* far) {
  const auto link = link_of(far);
  if (!link) return;
  link->changed.notify();
  if (!far->in_range()) firmware_.spawn(supervise(link));
}

Task<void> Bluetooth::supervise(std::shared_ptr<BleLink> link) {
  const Time end = Clock::now() + link->parameters.supervision();
  while (!link->closed && !link->far->in_range()) {
    if (Clock::now() >= end) {
      const auto far = link->far;
      drop(link);
      far->forsake();
      co_return;
    }
    co_await firmware_.wait(link->changed, end);
  }
}

}  // namespace sim
