// The GATT client's commands. Source: guide 3.4.22 to 3.4.26; the prompt without OK before it is QUIRKS 62. What the
// host has not discovered in this connection cannot be named. The released library has no text for AT+BLEGATTCINCLSRV
// (message-shapes), so that says nothing but OK.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

using What = AttRequest::What;

std::shared_ptr<BleLink> client_link(Firmware& fw, Parameters& p) {
  const auto link = fw.bluetooth.find(p.integer(0));
  return p.ok() && link && link->asks ? link : nullptr;
}

/// One exchange more for each `step`: discovery asks again after every answer.
Task<bool> take_time(Firmware& fw, std::shared_ptr<BleLink> link, std::size_t steps) {
  for (std::size_t step = 0; step < steps && !link->closed; ++step) co_await fw.sleep(link->parameters.event());
  co_return !link->closed;
}

Task<Outcome> discover_services(Firmware& fw, Parameters& p) {
  const auto link = client_link(fw, p);
  if (!link) co_return error;
  AttRequest request;
  request.what = What::discover;
  const auto answer = co_await fw.bluetooth.ask(link, request);
  if (!answer.ok) co_return error;
  link->remote = answer.table;
  link->services_known = true;
  link->characteristics_known.clear();
  for (std::size_t i = 0; i < link->remote.size(); ++i)
    if (link->remote[i].primary)
      fw.say(format("+BLEGATTCPRIMSRV:%d,%zu,0x%s,1\r\n", link->index, i + 1, link->remote[i].uuid.c_str()));
  co_return ok;
}

Task<Outcome> discover_included(Firmware& fw, Parameters& p) {
  const auto link = client_link(fw, p);
  const auto service = static_cast<int>(p.integer(1));
  if (!p.ok() || !link || !link->services_known || gatt::find(link->remote, service) == nullptr) co_return error;
  const bool there = co_await take_time(fw, link, 1);
  if (there) co_return ok;
  co_return error;
}

Task<Outcome> discover_characteristics(Firmware& fw, Parameters& p) {
  const auto link = client_link(fw, p);
  const auto service = static_cast<int>(p.integer(1));
  if (!p.ok() || !link || !link->services_known) co_return error;
  const gatt::Service* found = gatt::find(link->remote, service);
  if (found == nullptr) co_return error;
  const bool there = co_await take_time(fw, link, 1 + found->characteristics.size());
  if (!there) co_return error;
  link->characteristics_known.insert(service);
  int c = 0;
  for (const auto& one : found->characteristics) {
    fw.say(format("+BLEGATTCCHAR:\"char\",%d,%d,%d,0x%s,0x%02x\r\n", link->index, service, ++c, one.uuid.c_str(),
                  static_cast<unsigned>(one.properties)));
    int d = 0;
    for (const auto& descriptor : one.descriptors)
      fw.say(
          format("+BLEGATTCCHAR:\"desc\",%d,%d,%d,%d,0x%s\r\n", link->index, service, c, ++d, descriptor.uuid.c_str()));
  }
  co_return ok;
}

struct Place {
  std::shared_ptr<BleLink> link;
  AttRequest request;
  int properties = 0;
};

/// <conn>,<service>,<characteristic>[,<descriptor>]. Nothing: ERROR.
std::optional<Place> read_place(Firmware& fw, Parameters& p) {
  Place place;
  place.link = client_link(fw, p);
  AttRequest& request = place.request;
  request.service = static_cast<int>(p.integer(1));
  request.characteristic = static_cast<int>(p.integer(2));
  request.descriptor = static_cast<int>(p.integer_or(3, 0));
  if (!p.ok() || !place.link || !place.link->characteristics_known.contains(request.service)) return std::nullopt;
  const auto* one = gatt::find(place.link->remote, request.service, request.characteristic);
  if (one == nullptr) return std::nullopt;
  place.properties = one->properties;
  if (p.given(3) &&
      gatt::find(place.link->remote, request.service, request.characteristic, request.descriptor) == nullptr)
    return std::nullopt;
  return place;
}

Task<Outcome> read(Firmware& fw, Parameters& p) {
  auto place = read_place(fw, p);
  if (!place) co_return error;
  if (place->request.descriptor == 0 && (place->properties & gatt::reads) == 0) co_return error;
  place->request.what = What::read;
  const auto answer = co_await fw.bluetooth.ask(place->link, place->request);
  if (!answer.ok) co_return error;
  fw.say(format("+BLEGATTCRD:%d,%zu,", place->link->index, answer.bytes.size()) + answer.bytes + "\r\n");
  co_return ok;
}

Task<Outcome> transmit(Firmware& fw, Place place, std::string bytes) {
  place.request.bytes = std::move(bytes);
  const auto answer = co_await fw.bluetooth.ask(place.link, place.request);
  // A write without response is done when it is sent.
  const bool silent = place.request.descriptor == 0 && (place.properties & gatt::writes) == 0;
  if (answer.ok || (silent && !place.link->closed)) co_return ok;
  co_return error;
}

Outcome write(Firmware& fw, Parameters& p) {
  auto place = read_place(fw, p);
  const auto length = p.integer(4);
  if (!p.ok() || !place || length < 1 || length > place->link->mtu - 3) return error;
  if (place->request.descriptor == 0 && (place->properties & (gatt::writes | gatt::writes_silently)) == 0) return error;
  place->request.what = What::write;
  fw.say("\r\n>");
  fw.interpreter.expect({.size = static_cast<std::size_t>(length), .done = [&fw, place = *place](std::string bytes) {
                           return transmit(fw, place, std::move(bytes));
                         }});
  return nothing;
}

}  // namespace

void add_bluetooth_client_commands(CommandTable& t) {
  t.set("AT+BLEGATTCPRIMSRV", 1, discover_services);
  t.set("AT+BLEGATTCINCLSRV", 2, discover_included);
  t.set("AT+BLEGATTCCHAR", 2, discover_characteristics);
  t.set("AT+BLEGATTCRD", 4, read);
  t.set("AT+BLEGATTCWR", 5, write);
}

}  // namespace sim
