#include "fake_channel.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include "module/long_sends.hpp"

namespace espat::net {
namespace asio = boost::asio;
using Status = at::Outcome::Status;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTurnAround{2};
// What a long send passes on at once, and reports.
constexpr std::size_t kPortion = 2920;

std::string listed(const FakeChannel::Link& link) {
  if (!link.incoming) return ",\"TCP\",\"198.51.100.2\",7,334,0";
  const auto colon = link.remote.rfind(':');
  return ",\"TCP\",\"" + link.remote.substr(0, colon) + "\"," + link.remote.substr(colon + 1) + ",8080,1";
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> fields;
  std::string field;
  std::istringstream in(text);
  while (std::getline(in, field, ',')) {
    std::erase(field, '"');
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

FakeChannel::FakeChannel(asio::io_context& io, VirtualClock& clock) : links(5), io_(io), clock_(clock) {
  the_dialect.family = at::Family::esp32c61;
  the_dialect.commands = {"+CWSTATE", "+CIPSTATE", "+CIPRECVTYPE"};
}

module::Subscription FakeChannel::observe(module::Observer& observer) {
  observer_ = &observer;
  return module::Subscription([this] { observer_ = nullptr; });
}

void FakeChannel::set_state(module::State state) {
  state_ = state;
  if (state != module::State::ready) {
    ++restarts_;
    held_.clear();
    foreign.clear();
    for (std::size_t i = 0; i < links.size(); ++i)
      if (links[i].open) shut(static_cast<at::LinkId>(i));
    links.assign(links.size(), Link{});
  }
  if (observer_ != nullptr) observer_->on_state(state);
}

void FakeChannel::report_trouble(std::string what) {
  troubles.push_back(std::move(what));
  set_state(module::State::recovering);
}

void FakeChannel::set_reading(bool on) {
  reading = on;
  while (reading && !unread_.empty()) {
    const Held next = unread_.front();
    unread_.erase(unread_.begin());
    deliver(next.link, next.data, next.from);
  }
}

void FakeChannel::report(const at::Report& report) {
  if (observer_ != nullptr) observer_->on_report(report);
}

asio::awaitable<void> FakeChannel::enter() {
  if (busy_) {
    auto alarm = std::shared_ptr<module::Alarm>(clock_.make_alarm(io_.get_executor()));
    queue_.push_back(alarm);
    co_await alarm->wait_until(module::never);
  }
  busy_ = true;
}

void FakeChannel::leave() {
  if (queue_.empty()) {
    busy_ = false;
    return;
  }
  const auto next = queue_.front();
  queue_.pop_front();
  next->ring();
}

at::Outcome FakeChannel::answer(Status status) {
  at::Outcome outcome;
  outcome.status = status;
  outcome.elapsed = kTurnAround;
  return outcome;
}

asio::awaitable<at::Outcome> FakeChannel::run(at::Command command, module::RunOptions options) {
  if (state_ != module::State::ready) co_return answer(Status::not_ready);
  const auto restarts = restarts_;
  for (int asked = 0; asked < 100 && command.holds() != at::Holds::nothing; ++asked) {
    if (observer_ == nullptr || observer_->is_prepared_for_hold()) break;
    co_await module::pause(clock_, milliseconds(10));
  }
  co_await enter();
  if (options.is_wanted && !options.is_wanted()) {
    leave();
    co_return answer(Status::cancelled);
  }
  const std::string text = command.text();
  commands.push_back(text);
  loggable.emplace_back(command.secret() ? command.name() : text);
  co_await module::pause(clock_, kTurnAround);
  while (!reading) co_await module::pause(clock_, milliseconds(10));
  at::Outcome outcome = answer(Status::ok);
  const auto equals = text.find('=');
  const std::string arguments = equals == std::string::npos ? "" : text.substr(equals + 1);
  const std::string name(command.name());
  if (state_ != module::State::ready || restarts != restarts_) {
    outcome.status = Status::reset;
  } else if (unanswered.contains(name)) {
    co_await module::pause(clock_, std::chrono::seconds(5));
    outcome.status = Status::timeout;
  } else if (refused.contains(name)) {
    outcome.status = Status::error;
  } else if (name == "CIPSTART") {
    outcome = co_await connect(arguments);
  } else if (name == "CIPCLOSE") {
    const auto link = static_cast<at::LinkId>(std::stoi(arguments));
    foreign.erase(link);
    if (link < links.size() && links[link].open) {
      shut(link);
      report(at::LinkClosed{link});
    } else {
      outcome.status = Status::error;
    }
  } else if (name == "CIPRECVTYPE") {
    const auto fields = split(arguments);
    set_passive(static_cast<at::LinkId>(std::stoi(fields[0])), fields[1] == "1");
  } else if (name == "CIPRECVMODE") {
    for (std::size_t id = 0; id < links.size(); ++id) set_passive(static_cast<at::LinkId>(id), arguments == "1");
  } else if (name == "CIPRECVDATA") {
    outcome = read(arguments, options);
  } else if (name == "CIPRECVLEN") {
    std::string lengths;
    for (const Link& link : links) lengths += (lengths.empty() ? "" : ",") + std::to_string(link.buffer.size());
    outcome.responses.push_back({"CIPRECVLEN", lengths});
  } else if (name == "CIPSTATE") {
    for (const at::LinkId id : foreign)
      outcome.responses.push_back({"CIPSTATE", std::to_string(id) + ",\"TCP\",\"198.51.100.1\",7,333,1"});
    for (std::size_t i = 0; i < links.size(); ++i)
      if (links[i].open) outcome.responses.push_back({"CIPSTATE", std::to_string(i) + listed(links[i])});
  } else if (name == "CWSTATE") {
    outcome.responses.push_back({"CWSTATE", joined ? "2,\"net\"" : "0,\"\""});
  } else if (name == "CIPSTA") {
    outcome.responses.push_back({"CIPSTA", "ip:\"" + address + "\""});
    outcome.responses.push_back({"CIPSTA", "gateway:\"192.0.2.1\""});
    outcome.responses.push_back({"CIPSTA", "netmask:\"255.255.255.0\""});
    if (!ipv6_link_local.empty()) outcome.responses.push_back({"CIPSTA", "ip6ll:\"" + ipv6_link_local + "\""});
    if (!ipv6_global.empty()) outcome.responses.push_back({"CIPSTA", "ip6gl:\"" + ipv6_global + "\""});
  } else if (name == "CIPDNS") {
    outcome.responses.push_back({"CIPDNS", "0," + dns});
  } else if (name == "PING") {
    co_await module::pause(clock_, std::chrono::seconds(1));
    outcome.status = ping_answers ? Status::ok : Status::error;
    outcome.responses.push_back({"PING", ping_answers ? "5" : "TIMEOUT"});
  }
  if (const auto remark = remarks.find(name); remark != remarks.end())
    outcome.responses.push_back({"", remark->second});
  leave();
  co_return outcome;
}

asio::awaitable<at::Outcome> FakeChannel::connect(const std::string& arguments) {
  const auto fields = split(arguments);
  const auto id = static_cast<at::LinkId>(std::stoi(fields[0]));
  at::Outcome outcome = answer(Status::ok);
  if (foreign.contains(id) || id >= links.size() || links[id].open) {
    outcome.status = Status::error;
    co_return outcome;
  }
  Link link;
  link.open = true;
  link.udp = fields[1].starts_with("UDP");
  link.remote = fields[2] + ":" + fields[3];
  if (link.udp) link.local_port = static_cast<std::uint16_t>(std::stoi(fields[4]));
  const auto known = far_ends.find(link.remote);
  const FarEnd far_end = known == far_ends.end() || link.udp ? FarEnd{} : known->second;
  if (far_end.kind == FarEnd::Kind::silent) {
    const milliseconds limit = fields.size() > 6 ? milliseconds(std::stoi(fields[6])) : milliseconds(15000);
    deaf_ = true;
    const auto restarts = restarts_;
    co_await module::pause(clock_, limit);
    deaf_ = false;
    outcome.elapsed = limit + kTurnAround;
    if (restarts != restarts_) {
      outcome.status = Status::reset;
      co_return outcome;
    }
    for (const Held& held : std::exchange(held_, {})) {
      if (!held.data.empty()) far_end_sends(held.link, held.data, held.from);
      if (held.close) far_end_closes(held.link);
    }
  }
  if (far_end.kind == FarEnd::Kind::fails_handshake) {
    co_await module::pause(clock_, milliseconds(300));
    outcome.elapsed = milliseconds(300) + kTurnAround;
  }
  if (far_end.kind != FarEnd::Kind::accepts && far_end.kind != FarEnd::Kind::accepts_and_closes) {
    outcome.status = Status::error;
    outcome.error_number = far_end.error_number;
    co_return outcome;
  }
  link.passive = links[id].passive;
  links[id] = link;
  at::LinkConnected connected;
  connected.link = id;
  connected.incoming = false;
  report(connected);
  if (far_end.kind == FarEnd::Kind::accepts_and_closes) far_end_closes(id);
  co_return outcome;
}

// What is in the buffer comes out when a link goes back to active, and the end behind it.
void FakeChannel::set_passive(at::LinkId id, bool passive) {
  Link& link = links[id];
  link.passive = passive;
  link.announced = false;
  if (passive) return;
  const std::string waiting = std::exchange(link.buffer, {});
  if (!waiting.empty()) deliver(id, waiting, std::nullopt);
  if (!link.close_after_data) return;
  shut(id);
  report(at::LinkClosed{id});
}

at::Outcome FakeChannel::read(const std::string& arguments, const module::RunOptions& options) {
  const auto fields = split(arguments);
  const auto id = static_cast<at::LinkId>(std::stoi(fields[0]));
  Link& link = links[id];
  const auto length = std::min(link.buffer.size(), static_cast<std::size_t>(std::stoul(fields[1])));
  if (length == 0 || static_cast<std::size_t>(std::stoul(fields[1])) > largest_read) return answer(Status::error);
  const std::string data = link.buffer.substr(0, length);
  link.buffer.erase(0, length);
  at::Payload payload;
  payload.kind = at::PayloadKind::receive_data;
  payload.length = length;
  hand_over(payload, data, options.on_payload);
  if (!link.buffer.empty()) {
    report(at::DataWaiting{id, link.buffer.size()});
  } else {
    link.announced = false;
    if (link.close_after_data) {
      shut(id);
      report(at::LinkClosed{id});
    }
  }
  return answer(Status::ok);
}

asio::awaitable<at::Outcome> FakeChannel::send(at::LinkId id, module::BlockSource source) {
  if (state_ != module::State::ready) co_return answer(Status::not_ready);
  const auto restarts = restarts_;
  co_await enter();
  if (restarts != restarts_) {
    leave();
    co_return answer(Status::reset);
  }
  auto block = source(longest_turn);
  at::Outcome outcome = answer(Status::cancelled);
  if (block) {
    commands.push_back(block->command.text());
    longest_block = std::max(longest_block, block->payload.size());
    const auto line_time = [this](std::size_t bytes) {
      return milliseconds(static_cast<long>(1000.0 * static_cast<double>(bytes) / rate.bytes_per_second()));
    };
    co_await module::pause(clock_, 2 * kTurnAround);
    const bool is_long = block->command.name() == "CIPSENDL";
    std::size_t passed = 0;
    std::vector<std::uint8_t> portion(module::send_portion);
    while (block->next_portion && links[id].open && !send_fails && !open_send_ends && block->next_portion(portion)) {
      co_await module::pause(clock_, line_time(portion.size()));
      links[id].received.append(portion.begin(), portion.end());
      taken[links[id].remote].append(portion.begin(), portion.end());
      passed += portion.size();
      block->on_progress(passed);
    }
    if (block->next_portion) passed = 0;  // of the payload, which it has not
    while (is_long && passed + kPortion < block->payload.size() && links[id].open && !send_fails) {
      co_await module::pause(clock_, line_time(kPortion));
      const auto portion = block->payload.subspan(passed, kPortion);
      links[id].received.append(portion.begin(), portion.end());
      if (!links[id].udp) taken[links[id].remote].append(portion.begin(), portion.end());
      passed += kPortion;
      block->on_progress(passed);
    }
    co_await module::pause(clock_, line_time(block->payload.size() - passed));
    while (send_hangs && state_ == module::State::ready) co_await module::pause(clock_, milliseconds(100));
    const auto rest = block->payload.subspan(passed);
    const std::string payload(rest.begin(), rest.end());
    if (state_ != module::State::ready || restarts != restarts_)
      outcome.status = Status::reset;
    else if (!links[id].open)
      outcome.status = Status::error;
    else if (send_fails)
      outcome.status = Status::send_failed;
    else
      outcome.status = Status::ok;
    if (outcome.ok()) {
      links[id].received += payload;
      if (!links[id].udp) taken[links[id].remote] += payload;
      const auto fields = split(block->command.text().substr(block->command.text().find('=') + 1));
      if (fields.size() > 3) datagrams.push_back({id, fields[2] + ":" + fields[3], payload});
    }
  }
  leave();
  co_return outcome;
}

void FakeChannel::far_end_sends(at::LinkId id, const std::string& data, std::optional<at::Endpoint> from) {
  if (deaf_) {
    held_.push_back({id, data, from, false});
    return;
  }
  Link& link = links[id];
  if (!link.passive) {
    deliver(id, data, from);
    return;
  }
  link.buffer += data;
  if (!std::exchange(link.announced, true)) report(at::DataWaiting{id, data.size()});
}

void FakeChannel::deliver(at::LinkId id, const std::string& data, const std::optional<at::Endpoint>& from) {
  constexpr std::size_t kLargestReport = 2920;
  if (!reading) {
    unread_.push_back({id, data, from, false});
    return;
  }
  for (std::size_t at = 0; at < data.size(); at += kLargestReport) {
    const std::string piece = data.substr(at, kLargestReport);
    at::Payload payload;
    payload.kind = at::PayloadKind::ipd;
    payload.link = id;
    payload.length = piece.size();
    payload.from = from;
    if (observer_ == nullptr) return;
    hand_over(payload, piece, [this](const at::Payload& what, at::Bytes bytes, std::size_t remaining, bool aborted) {
      if (observer_ != nullptr) observer_->on_payload(what, bytes, remaining, aborted);
    });
  }
}

void FakeChannel::hand_over(const at::Payload& payload, const std::string& data, const PayloadHandler& handler) const {
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t rest = data.size() - at;
    const std::size_t length = chunk ? std::clamp<std::size_t>(chunk(rest), 1, rest) : rest;
    handler(payload, at::Bytes(reinterpret_cast<const std::uint8_t*>(data.data()) + at, length), rest - length, false);
    at += length;
  }
}

void FakeChannel::break_off_payload(at::LinkId id) {
  at::Payload payload;
  payload.kind = at::PayloadKind::ipd;
  payload.link = id;
  payload.length = 100;
  observer_->on_payload(payload, {}, 50, true);
}

void FakeChannel::far_end_closes(at::LinkId id) {
  links[id].closed_by_far_end = true;
  if (deaf_) {
    held_.push_back({id, {}, {}, true});
    return;
  }
  if (links[id].passive && !links[id].buffer.empty()) {
    links[id].close_after_data = true;
    return;
  }
  shut(id);
  report(at::LinkClosed{id});
}

at::LinkId FakeChannel::client_arrives(const std::string& address, std::uint16_t port, bool tells) {
  const auto free = std::find_if(links.begin(), links.end(), [](const Link& link) { return !link.open; });
  const auto id = static_cast<at::LinkId>(free - links.begin());
  Link& link = *free;
  link.open = link.incoming = true;
  link.remote = address + ":" + std::to_string(port);
  at::LinkConnected connected;
  connected.link = id;
  if (tells) {
    connected.incoming = true;
    connected.type = at::SocketType::tcp;
    connected.remote = at::Endpoint{address, port};
    connected.local_port = 8080;
  }
  report(connected);
  return id;
}

// The receive type stays with the id (measured D.12).
void FakeChannel::shut(at::LinkId id) {
  const bool passive = links[id].passive;
  closed_links.push_back(std::move(links[id]));
  links[id] = Link{};
  links[id].passive = passive;
}

std::optional<at::LinkId> FakeChannel::link_to(const std::string& remote) const {
  for (std::size_t i = 0; i < links.size(); ++i)
    if (links[i].open && links[i].remote == remote) return static_cast<at::LinkId>(i);
  return std::nullopt;
}

}  // namespace espat::net
