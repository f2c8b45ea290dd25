#include "control.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "ble_control.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

using nlohmann::json;

std::string unused(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_socket(path, ignored)) std::filesystem::remove(path, ignored);
  return path;
}

Milliseconds milliseconds(const json& order, const char* key, int otherwise) {
  return Milliseconds(order.value(key, otherwise));
}

/// {"fault": NAME, …}. False: no such fault.
bool order_fault(Board& board, const json& order) {
  const std::string fault = order.at("fault").get<std::string>();
  const auto count = order.value("count", std::uint64_t{1});
  auto& line = board.line.faults;
  auto& faults = board.faults;
  if (fault == "drop-in")
    line.drop_in = count;
  else if (fault == "drop-out")
    line.drop_out = count;
  else if (fault == "corrupt-in")
    line.corrupt_in = count;
  else if (fault == "corrupt-out")
    line.corrupt_out = count;
  else if (fault == "loss-in")
    line.loss_in = order.at("probability").get<double>();
  else if (fault == "loss-out")
    line.loss_out = order.at("probability").get<double>();
  else if (fault == "busy-storm")
    board.firmware()->interpreter.busy_storm = static_cast<unsigned>(count);
  else if (fault == "missing-send-ok")
    faults.missing_send_ok = static_cast<unsigned>(count);
  else if (fault == "missing-publish-answer")
    faults.missing_publish_answer = static_cast<unsigned>(count);
  else if (fault == "stuck-publish")
    faults.stuck_publish = static_cast<unsigned>(count);
  else if (fault == "subscribe-failure")
    faults.subscribe_failure = static_cast<unsigned>(count);
  else if (fault == "subscribe-hang")
    faults.subscribe_hang = static_cast<unsigned>(count);
  else if (fault == "lose-broker")
    board.firmware()->mqtt.lose_broker();
  else if (fault == "late-answer") {
    faults.late_answers = static_cast<unsigned>(count);
    faults.late_answer = milliseconds(order, "ms", 1000);
  } else if (fault == "reset-in-payload")
    faults.reset_after = order.value("after", std::uint64_t{1});
  else if (fault == "wrong-rate")
    faults.wrong_rate = order.at("rate").get<unsigned>();
  else if (fault == "brown-out")
    faults.brown_outs = static_cast<unsigned>(count);
  else if (fault == "hang")
    faults.hang = order.value("on", true);
  else if (fault == "refuse-links")
    board.firmware()->links.break_off();
  else if (fault == "split-prompt")
    faults.split_prompt = order.value("on", true);
  else
    return false;
  return true;
}

}  // namespace

Control::Control(asio::any_io_executor executor, const std::string& path, Board& board)
    : board_(board), path_(unused(path)), acceptor_(executor, asio::local::stream_protocol::endpoint(path_)) {
  asio::co_spawn(executor, accept(), asio::detached);
}

Control::~Control() {
  stop();
}

void Control::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& held : clients_)
    if (const auto client = held.lock()) client->close(ignored);
  std::error_code missing;
  std::filesystem::remove(path_, missing);
}

Task<void> Control::accept() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (error) co_return;
    auto client = std::make_shared<Socket>(std::move(socket));
    clients_.remove_if([](const auto& held) { return held.expired(); });
    clients_.push_back(client);
    asio::co_spawn(acceptor_.get_executor(), serve(client), asio::detached);
  }
}

Task<void> Control::serve(std::shared_ptr<Socket> client) {
  std::string waiting;
  for (;;) {
    const auto [error, size] =
        co_await asio::async_read_until(*client, asio::dynamic_buffer(waiting, 1 << 20), '\n', as_result);
    if (error) co_return;
    const json order = json::parse(waiting.substr(0, size), nullptr, false);
    waiting.erase(0, size);
    json answer;
    try {
      answer = order.is_object() ? obey(order) : json{{"error", "expected a JSON object"}};
    } catch (const std::exception& failure) {
      answer = {{"error", failure.what()}};
    }
    const std::string text = answer.dump() + "\n";
    const auto [failed, written] = co_await asio::async_write(*client, asio::buffer(text), as_result);
    if (failed) co_return;
  }
}

json Control::counters() const {
  const auto& line = board_.line.counters;
  const Firmware& fw = *board_.firmware();
  json links = json::array();
  for (const auto& link : fw.links.all())
    if (link)
      links.push_back({{"id", link->id},
                       {"type", link->type_name()},
                       {"remote", link->remote},
                       {"remote-port", link->remote_port},
                       {"local-port", link->local_port},
                       {"unread", link->unread_size},
                       {"in-air", link->in_air}});
  return {{"received", line.received},
          {"sent", line.sent},
          {"lost-in", line.lost_in},
          {"lost-out", line.lost_out},
          {"garbled-in", line.garbled_in},
          {"garbled-out", line.garbled_out},
          {"commands", board_.commands_seen},
          {"boots", board_.boots},
          {"rate", board_.line.settings().rate},
          {"flow-control", board_.line.settings().flow_control},
          {"links", links},
          {"mqtt", static_cast<int>(fw.mqtt.state())},
          {"station", static_cast<int>(fw.station.state())},
          {"address", fw.station.address()},
          {"link-local", fw.station.link_local()},
          {"global", fw.station.global()}};
}

json Control::obey(const json& order) {
  const json done = {{"ok", true}};
  Firmware& fw = *board_.firmware();
  if (order.contains("fault")) return order_fault(board_, order) ? done : json{{"error", "no such fault"}};
  const std::string action = order.at("do").get<std::string>();
  if (action.starts_with("ble-")) return obey_bluetooth(board_, order);
  if (action == "counters") return counters();
  if (action == "reset") {
    board_.faults.hang = false;
    board_.restart();
  } else if (action == "say") {
    board_.line.send(order.at("text").get<std::string>());
  } else if (action == "ap-up") {
    json description = order;
    description.erase("do");
    const AccessPoint point = read_access_point(description);
    auto& all = board_.world.access_points;
    std::erase_if(all, [&](const auto& old) { return old.ssid == point.ssid && old.bssid == point.bssid; });
    all.push_back(point);
    fw.station.look_again();
  } else if (action == "ap-down" || action == "ap-change") {
    const auto ssid = order.at("ssid").get<std::string>();
    for (auto& point : board_.world.access_points) {
      if (point.ssid != ssid) continue;
      if (action == "ap-down")
        point.up = false;
      else
        point.up = true;
      point.address = order.value("address", point.address);
      point.gateway = order.value("gateway", point.gateway);
      point.netmask = order.value("netmask", point.netmask);
      point.rssi = order.value("rssi", point.rssi);
      point.psk = order.value("psk", point.psk);
      if (order.contains("ipv6")) point.ipv6_prefix = read_ipv6_prefix(order.at("ipv6"));
      if (order.contains("dns")) point.dns = order.at("dns").get<std::vector<std::string>>();
    }
    fw.station.look_again();
  } else if (action == "name") {
    board_.world.names[order.at("name").get<std::string>()] = order.at("addresses").get<std::vector<std::string>>();
  } else if (action == "timing") {
    board_.world.timing.turn_around = milliseconds(order, "turn-around-ms", 2);
    board_.world.timing.round_trip = milliseconds(order, "round-trip-ms", 5);
  } else if (action == "join" || action == "leave") {
    if (!fw.station.soft_ap_enabled()) return {{"error", "the module is no access point (AT+CWMODE)"}};
    const auto soft_ap = fw.get("soft-ap");
    if (order.value("ssid", soft_ap.at("ssid").get<std::string>()) != soft_ap.at("ssid") ||
        order.value("password", soft_ap.at("password").get<std::string>()) != soft_ap.at("password"))
      return {{"error", "wrong SSID or password"}};
    const auto mac = order.value("mac", std::string("10:02:00:00:00:01"));
    const auto address = order.value("address", std::string("192.168.4.2"));
    if (action == "join") {
      fw.station.guests[mac] = address;
      fw.say("+STA_CONNECTED:\"" + mac + "\"\r\n+DIST_STA_IP:\"" + mac + "\",\"" + address + "\"\r\n");
    } else if (fw.station.guests.erase(mac) != 0) {
      fw.say("+STA_DISCONNECTED:\"" + mac + "\"\r\n");
    }
  } else {
    return {{"error", "no such order: " + action}};
  }
  return done;
}

}  // namespace sim
