#include "passthrough.hpp"

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

constexpr std::size_t largest_packet = 2920;

}  // namespace

std::shared_ptr<Link> Passthrough::link() const {
  for (const auto& link : firmware_.links.all())
    if (link) return link;
  return nullptr;
}

bool Passthrough::can_begin() const {
  if (!wanted || firmware_.links.count() != 1) return false;
  return !firmware_.server.running() || firmware_.server.most == 1;
}

void Passthrough::begin() {
  active_ = true;
  waiting_.clear();
  if (const auto current = link()) {
    current->raw = true;
    current->silent_close = true;
  }
  firmware_.interpreter.stream(
      {.silence = [this] { return silence(); }, .take = [this](std::string bytes) { return take(std::move(bytes)); }});
  firmware_.receiver.wake();
}

void Passthrough::forget() {
  wanted = false;
  for (const auto& link : firmware_.links.all())
    if (link) link->raw = link->silent_close = false;
}

void Passthrough::remember(const std::string& type, const std::string& host, std::uint16_t port) {
  type_ = type;
  host_ = host;
  port_ = port;
}

/// A lone +++ is recognised at once, however long the packet interval is (B.13, B.15).
Duration Passthrough::silence() const {
  constexpr int guard = 20;
  return std::chrono::milliseconds(waiting_ == "+++" ? guard : std::max(firmware_.packet_interval, guard));
}

Task<bool> Passthrough::take(std::string bytes) {
  if (bytes.empty() && waiting_ == "+++") {
    waiting_.clear();
    active_ = false;
    if (const auto current = link()) current->silent_close = false;
    if (firmware_.messages(0)) firmware_.say("\r\n+QUITT\r\n");
    co_return false;
  }
  const bool silent = bytes.empty();
  waiting_ += bytes;
  const bool at_once = firmware_.packet_interval == 0 && !std::string_view("+++").starts_with(waiting_);
  while (waiting_.size() >= largest_packet || ((silent || at_once) && !waiting_.empty())) {
    std::string packet = waiting_.substr(0, largest_packet);
    waiting_.erase(0, packet.size());
    if (const auto current = link()) co_await firmware_.links.write(current, std::move(packet));
  }
  co_return true;
}

void Passthrough::lost(const std::shared_ptr<Link>& link) {
  if (!active_ || link->incoming || connecting_) return;
  const auto interval = std::chrono::milliseconds(900 + 100 * firmware_.number("reconnect-interval"));
  connecting_ = true;
  local_port_ = link->local_port;
  firmware_.spawn(reconnect(interval));
}

/// Tries until there is a link again, or passthrough is over (B.14).
Task<void> Passthrough::reconnect(Duration pause) {
  struct Done {
    bool& flag;
    ~Done() { flag = false; }
  } done{connecting_};
  while (active_ && !link()) {
    co_await firmware_.sleep(pause);
    if (!active_ || link()) co_return;
    if (!firmware_.station.online()) continue;
    const auto address = co_await firmware_.names.resolve(host_);
    if (!address) continue;
    auto fresh = firmware_.links.make();
    Error failed;
    const auto remote = asio::ip::make_address(*address, failed);
    fresh->remote = *address;
    fresh->remote_port = port_;
    fresh->local_port = local_port_;  // AT+CIPSTATE? shows the first one for ever, or 0 after a boot (B.14, B.17)
    if (type_.starts_with("UDP")) {
      fresh->transport = Transport::udp;
      fresh->datagrams = std::make_unique<asio::ip::udp::socket>(firmware_.executor());
      fresh->datagrams->open(remote.is_v6() ? asio::ip::udp::v6() : asio::ip::udp::v4(), failed);
    } else {
      TcpSocket socket(firmware_.executor());
      failed = co_await connect(socket, {remote, port_}, Clock::now() + firmware_.world().timing.connect);
      firmware_.check();
      fresh->stream = plain_stream(std::move(socket));
    }
    if (failed || link() || !active_) continue;
    fresh->raw = fresh->silent_close = true;
    firmware_.links.add(fresh);
  }
}

void Passthrough::start_saved() {
  const auto& saved = firmware_.get("translink");
  if (saved.is_null()) return;
  wanted = true;
  remember(saved.at("type").get<std::string>(), saved.at("host").get<std::string>(),
           saved.at("port").get<std::uint16_t>());
  firmware_.say("\r\n>");
  begin();
  connecting_ = true;
  local_port_ = 0;
  firmware_.spawn(reconnect(std::chrono::milliseconds(100)));
}

namespace {

Outcome set_mode(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0);
  if (!p.ok() || on < 0 || on > 1) return error;
  if (on == 1 && (fw.links.count() > 1 || fw.bluetooth.role() != 0)) return error;
  if (on == 1)
    fw.passthrough.wanted = true;
  else
    fw.passthrough.forget();
  return ok;
}

Outcome save_link(Firmware& fw, Parameters& p) {
  const auto mode = p.integer(0);
  if (p.ok() && mode == 0 && p.count() == 1) {
    fw.set_always("translink", nullptr);
    return ok;
  }
  const std::string host = p.string(1), type = p.string_or(3, "TCP");
  const auto port = p.integer(2);
  if (!p.ok() || mode != 1 || host.empty() || host.size() > 64 || port < 1 || port > 65535) return error;
  if (!type.starts_with("TCP") && !type.starts_with("UDP") && !type.starts_with("SSL")) return error;
  fw.set_always("translink", {{"host", host}, {"port", port}, {"type", type}});
  return ok;
}

}  // namespace

void add_passthrough_commands(CommandTable& t) {
  t.query("AT+CIPMODE", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPMODE:%d\r\n", fw.passthrough.wanted ? 1 : 0));
    return ok;
  });
  t.set("AT+CIPMODE", 1, set_mode);
  t.set("AT+SAVETRANSLINK", 6, save_link);
  t.query("AT+TRANSINTVL", [](Firmware& fw, Parameters&) {
    fw.say(format("+TRANSINTVL:%d\r\n", fw.packet_interval));
    return ok;
  });
  t.set("AT+TRANSINTVL", 1, [](Firmware& fw, Parameters& p) {
    const auto interval = p.integer(0);
    if (!p.ok() || interval < 0 || interval > 1000) return error;
    fw.packet_interval = static_cast<int>(interval);
    return ok;
  });
}

}  // namespace sim
