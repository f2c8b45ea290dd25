// A connection over the ether: requests and values as JSON, see ble_ether.hpp.
#include "ble_ether.hpp"
#include "firmware.hpp"

namespace sim {
namespace {

using nlohmann::json;

json to_json(const AttRequest& request) {
  return {{"what", static_cast<int>(request.what)},
          {"place", {request.service, request.characteristic, request.descriptor}},
          {"bytes", gatt::to_hex(request.bytes)},
          {"mtu", request.mtu}};
}

AttRequest to_request(const json& message) {
  const json& place = message.at("place");
  return {.what = static_cast<AttRequest::What>(message.at("what").get<int>()),
          .service = place.at(0),
          .characteristic = place.at(1),
          .descriptor = place.at(2),
          .bytes = gatt::from_hex(message.at("bytes").get<std::string>()).value_or(""),
          .mtu = message.at("mtu")};
}

json to_json(const AttAnswer& answer) {
  return {{"ok", answer.ok},
          {"bytes", gatt::to_hex(answer.bytes)},
          {"mtu", answer.mtu},
          {"table", gatt::shape_of(answer.table)}};
}

AttAnswer to_answer(const json& message) {
  return {.ok = message.at("ok"),
          .bytes = gatt::from_hex(message.at("bytes").get<std::string>()).value_or(""),
          .mtu = message.at("mtu"),
          .table = gatt::table_of_shape(message.at("table"))};
}

}  // namespace

bool EtherFar::in_range() const {
  return !vanished && neighbour_->in_range();
}

void EtherFar::send(json message) {
  message["link"] = link_;
  neighbour_->send(message);
}

/// Sends and waits for the answer; nothing if the link closes first.
Task<std::optional<json>> EtherFar::exchange(Firmware& firmware, std::shared_ptr<BleLink> link, json message) {
  const int number = ++number_;
  message["number"] = number;
  send(std::move(message));
  while (!link->closed && !answers.contains(number)) co_await firmware.wait(link->changed);
  if (!answers.contains(number)) co_return std::nullopt;
  json answer = std::move(answers.at(number));
  answers.erase(number);
  co_return answer;
}

Task<AttAnswer> EtherFar::ask(Firmware& firmware, std::shared_ptr<BleLink> link, AttRequest request) {
  json message;
  message["ask"] = to_json(request);
  const auto answer = co_await exchange(firmware, std::move(link), std::move(message));
  if (!answer) co_return AttAnswer{};
  co_return to_answer(*answer);
}

Task<bool> EtherFar::tell(Firmware& firmware, std::shared_ptr<BleLink> link, AttValue value) {
  json message;
  message["tell"] = {{"place", {value.service, value.characteristic}},
                     {"bytes", gatt::to_hex(value.bytes)},
                     {"indication", value.indication}};
  if (!value.indication) {
    if (in_range()) send(std::move(message));
    co_return true;
  }
  const auto answer = co_await exchange(firmware, std::move(link), std::move(message));
  co_return answer.has_value();
}

void EtherFar::set_parameters(const BleParameters& p) {
  json message;
  message["parameters"] = {p.interval, p.latency, p.timeout};
  send(std::move(message));
}

void EtherFar::terminate() {
  json message;
  message["end"] = true;
  send(std::move(message));
  neighbour_->links.erase(link_);
}

void EtherFar::forsake() {
  json message;
  message["end"] = false;
  send(std::move(message));
  neighbour_->links.erase(link_);
}

void Neighbour::take_link(const json& message) {
  const auto found = links.find(message.at("link").get<std::string>());
  if (found == links.end()) return;
  const auto far = found->second;
  Bluetooth& bluetooth = board_.firmware()->bluetooth;
  if (message.contains("ask")) {
    json answer = {{"link", message.at("link")}, {"number", message.at("number")}};
    answer["answer"] = to_json(bluetooth.serve(far.get(), to_request(message.at("ask"))));
    send(answer);
  } else if (message.contains("answer")) {
    far->answers[message.at("number")] = message.at("answer");
    if (const auto link = bluetooth.link_of(far.get())) link->changed.notify();
  } else if (message.contains("tell")) {
    const json& tell = message.at("tell");
    const AttValue value{tell.at("place").at(0), tell.at("place").at(1),
                         gatt::from_hex(tell.at("bytes").get<std::string>()).value_or(""), tell.at("indication")};
    bluetooth.receive(far.get(), value);
    const json confirmation = {{"link", message.at("link")}, {"number", message.value("number", 0)}, {"answer", true}};
    if (value.indication) send(confirmation);
  } else if (message.contains("parameters")) {
    const json& p = message.at("parameters");
    BleParameters parameters;
    parameters.interval = p.at(0);
    parameters.latency = p.at(1);
    parameters.timeout = p.at(2);
    bluetooth.parameters_changed(far.get(), parameters);
  } else if (message.at("end").get<bool>()) {
    links.erase(found);
    bluetooth.ended(far.get());
  } else {
    far->vanished = true;
    bluetooth.range_changed(far.get());
  }
}

}  // namespace sim
