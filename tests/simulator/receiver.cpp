#include "receiver.hpp"

#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// Data that have waited longer than this were held back by something; far more than this machine's own delays.
constexpr auto late = std::chrono::milliseconds(50);

}  // namespace

Receiver::Receiver(Firmware& firmware)
    : firmware_(firmware), work_(firmware.executor()), served_(firmware.executor()) {}

void Receiver::start() {
  firmware_.spawn(run());
}

void Receiver::hold(bool on) {
  held_ += on ? 1 : -1;
  if (held_ == 0) wake();
}

std::string Receiver::take(Link& link, std::size_t most) {
  std::string bytes;
  while (!link.unread.empty() && bytes.size() < most) {
    std::string& first = link.unread.front();
    const std::size_t size = std::min(most - bytes.size(), first.size());
    bytes.append(first, 0, size);
    if (size == first.size() || link.transport == Transport::udp) {
      link.unread_size -= first.size();
      link.unread.pop_front();
    } else {
      link.unread_size -= size;
      first.erase(0, size);
    }
  }
  link.room.notify();
  return bytes;
}

std::string Receiver::report(const Link& link, const std::string& data) const {
  if (link.raw) return data;
  std::string text = "\r\n+IPD," + firmware_.with_id(link.id, format("%zu", data.size()));
  if (firmware_.show_remote) text += format(",\"%s\",%d", link.remote.c_str(), link.remote_port);
  return text + ":" + data + "\r\n";
}

std::string Receiver::announcement(const Link& link, std::size_t size) const {
  return "\r\n+IPD," + firmware_.with_id(link.id, format("%zu\r\n", size));
}

bool Receiver::finish(const std::shared_ptr<Link>& link) {
  if (link->closed || !link->ended || link->unread_size > 0 || !link->air.empty()) return false;
  const std::string text = firmware_.links.closed_text(*link);
  const bool silent = link->silent_close;
  firmware_.links.close(link);
  if (!silent) firmware_.say(text);
  if (link->raw) firmware_.passthrough.lost(link);
  return true;
}

Task<void> Receiver::drain(std::shared_ptr<Link> link) {
  while (!link->closed && link->unread_size > 0) {
    co_await firmware_.line().room_for(std::min(largest_report, link->unread_size) + 64);
    firmware_.check();
    firmware_.say(report(*link, take(*link, largest_report)));
  }
  link->announced = false;
}

/// Moves what has arrived out of the air. Returns when the next piece is due. Segments of a stream are joined only when
/// the module is late: it has been stopped, or the line has no room for the first of them (K.2, data path); a TLS
/// record is never joined with the next (F.2); a datagram is a report of its own.
Time Receiver::land(Link& link) const {
  while (!link.air.empty() && link.air.front().due <= Clock::now()) {
    if (link.transport != Transport::tcp && link.unread_size > 0 && reports(link)) return Clock::now();
    auto piece = std::move(link.air.front());
    link.air.pop_front();
    link.in_air -= piece.bytes.size();
    link.last_data = Clock::now();
    if (link.unread_size == 0) link.waits_since = piece.due;
    if (piece.end) link.ended = true;
    if (piece.bytes.empty()) continue;
    if (link.transport == Transport::udp && link.udp_mode == 2) {
      link.remote = piece.from.address().to_string();
      if (link.v6) link.remote = ipv6_text(link.remote);
      link.remote_port = piece.from.port();
    }
    const bool in_time = link.unread_size == 0 && Clock::now() - piece.due < late;
    link.unread_size += piece.bytes.size();
    link.unread.push_back(std::move(piece.bytes));
    if (in_time && reports(link) && firmware_.line().pending() + link.unread_size + 64 <= Line::transmit_buffer)
      return Clock::now();
  }
  return link.air.empty() ? Time::max() : link.air.front().due;
}

bool Receiver::reports(const Link& link) const {
  return link.raw || !firmware_.links.passive(link.id);
}

Time Receiver::waits_since(const Link& link) const {
  if (link.closed) return Time::max();
  if (link.to_report) return Time::min();
  if (link.unread_size > 0) return reports(link) || !link.announced ? link.waits_since : Time::max();
  return link.ended && link.air.empty() ? link.last_due : Time::max();
}

std::shared_ptr<Link> Receiver::next_to_serve() const {
  std::shared_ptr<Link> first;
  for (const auto& link : firmware_.links.all())
    if (link && waits_since(*link) < (first ? waits_since(*first) : Time::max())) first = link;
  return first;
}

Task<void> Receiver::catch_up() {
  const Time now = Clock::now();
  const auto behind = [this, now] {
    for (const auto& link : firmware_.links.all())
      if (link && (waits_since(*link) <= now || (!link->air.empty() && link->air.front().due <= now))) return true;
    return false;
  };
  while (behind()) {
    wake();
    co_await firmware_.wait(served_);
  }
}

/// One report of one link.
Task<void> Receiver::serve(std::shared_ptr<Link> link) {
  if (link->to_report) {
    link->to_report = false;
    firmware_.say(firmware_.links.connect_text(*link));
    co_return;
  }
  if (link->unread_size > 0) {
    if (!reports(*link)) {
      link->announced = true;
      firmware_.say(announcement(*link, link->unread.front().size()));
      co_return;
    }
    const std::size_t expected = std::min(largest_report, link->unread_size);
    if (firmware_.line().pending() + expected + 64 > Line::transmit_buffer) {
      co_await firmware_.line().room_for(expected + 64);
      firmware_.check();
      co_return;  // much may have changed meanwhile: look again
    }
    // A datagram is a report of its own; pieces of a stream are joined.
    const std::size_t size = link->transport == Transport::udp ? link->unread.front().size() : largest_report;
    std::string text = report(*link, take(*link, size));
    if (link->unread_size > 0) link->waits_since = Clock::now();  // the rest of a flood lets the other links go first
    auto& fault = firmware_.board().faults.reset_after;
    const std::size_t payload_at = text.find(':') + 1;
    if (fault > 0 && payload_at + fault < text.size()) {
      // The firmware dies inside the payload (QUIRKS 23).
      text.resize(payload_at + std::exchange(fault, 0));
      firmware_.say(text);
      co_await firmware_.line().drained();
      asio::post(firmware_.executor(), [&board = firmware_.board()] { board.restart(); });
      co_await firmware_.wait(work_);
    }
    firmware_.say(text);
    co_return;
  }
  finish(link);
}

Task<void> Receiver::run() {
  for (;;) {
    Time next = Time::max();
    std::shared_ptr<Link> link;
    if (held_ == 0) {
      for (const auto& each : firmware_.links.all())
        if (each && !each->closed) next = std::min(next, land(*each));
      link = next_to_serve();
    }
    if (link) {
      co_await serve(link);
      served_.notify();
      co_await asio::post(firmware_.executor(), asio::use_awaitable);
    } else {
      served_.notify();
      co_await firmware_.wait(work_, next);
    }
    firmware_.check();
  }
}

}  // namespace sim
