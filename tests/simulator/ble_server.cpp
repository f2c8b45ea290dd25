// The GATT server of the firmware: what a client reads and writes in its table, and what the host hears of it.
#include "ble.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {

AttAnswer Bluetooth::serve(const Far* far, const AttRequest& request) {
  const auto link = link_of(far);
  if (!link) return {};
  AttAnswer answer;
  switch (request.what) {
    case AttRequest::What::discover:
      answer.ok = true;
      answer.table = table;
      break;
    case AttRequest::What::exchange_mtu:
      answer.ok = true;
      answer.mtu = link->mtu = std::min(request.mtu, preferred_mtu);
      reports.add(format("+BLECFGMTU:%d,%d\r\n", link->index, link->mtu));
      break;
    case AttRequest::What::read:
      answer = read(*link, request);
      break;
    case AttRequest::What::write:
      answer = write(*link, request);
      break;
  }
  return answer;
}

AttAnswer Bluetooth::read(BleLink& link, const AttRequest& request) {
  const gatt::Characteristic* one = gatt::find(table, request.service, request.characteristic);
  if (one == nullptr) return {};
  std::string bytes = one->value;
  bool own = request.service > gatt::stack_services;
  if (request.descriptor != 0) {
    const gatt::Descriptor* descriptor = gatt::find(table, request.service, request.characteristic, request.descriptor);
    if (descriptor == nullptr || !descriptor->readable) return {};
    bytes = descriptor->value;
    if (gatt::is_client_configuration(*descriptor)) {
      bytes = {static_cast<char>(link.subscriptions[{request.service, request.characteristic}]), '\0'};
      own = false;
    }
  } else if ((one->properties & gatt::reads) == 0) {
    return {};
  }
  if (own) reports.add(format("+READ:%d,\"%s\"\r\n", link.index, link.address.c_str()));
  return {.ok = true, .bytes = bytes.substr(0, static_cast<std::size_t>(link.mtu) - 1), .table = {}};
}

AttAnswer Bluetooth::write(BleLink& link, const AttRequest& request) {
  gatt::Characteristic* one = gatt::find(table, request.service, request.characteristic);
  if (one == nullptr) return {};
  const AttAnswer done{.ok = true, .bytes = {}, .table = {}};
  if (request.descriptor != 0) {
    gatt::Descriptor* descriptor = gatt::find(table, request.service, request.characteristic, request.descriptor);
    if (descriptor == nullptr) return {};
    if (gatt::is_client_configuration(*descriptor)) return subscribe(link, request, one->properties);
    if (!descriptor->writable || request.bytes.size() > descriptor->most) return {};
    descriptor->value = request.bytes;
    return done;
  }
  if ((one->properties & (gatt::writes | gatt::writes_silently)) == 0 || request.bytes.size() > one->most) return {};
  one->value = request.bytes;
  reports.add(format("+WRITE:%d,%d,%d,,%zu,", link.index, request.service - gatt::stack_services,
                     request.characteristic, request.bytes.size()) +
              request.bytes + "\r\n");
  return done;
}

/// The other grammar of +WRITE: one byte of hex text (QUIRKS 9), and only when the subscription changes.
AttAnswer Bluetooth::subscribe(BleLink& link, const AttRequest& request, int properties) {
  const int allowed = ((properties & gatt::notifies) != 0 ? 1 : 0) | ((properties & gatt::indicates) != 0 ? 2 : 0);
  if (request.bytes.size() != 2 || request.bytes[1] != 0 || (request.bytes[0] & ~allowed) != 0) return {};
  int& state = link.subscriptions[{request.service, request.characteristic}];
  const int before = std::exchange(state, request.bytes[0]);
  if (before != state && request.service > gatt::stack_services)
    reports.add(format("+WRITE:%d,%d,%d,1,2,%02x\r\n", link.index, request.service - gatt::stack_services,
                       request.characteristic, static_cast<unsigned>(state)));
  return {.ok = true, .bytes = {}, .table = {}};
}

}  // namespace sim
