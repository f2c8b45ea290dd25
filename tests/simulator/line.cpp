#include "line.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace sim {
namespace {

constexpr auto slice_time = std::chrono::milliseconds(2);
/// A late wake-up is made up for, but not more than this.
constexpr auto largest_lag = std::chrono::milliseconds(20);
/// A pause that ends a burst: longer than the receive time-out of the UART driver (10 symbols at 115200 baud).
constexpr auto burst_gap = std::chrono::microseconds(1500);

}  // namespace

Line::Line(asio::any_io_executor executor, Port& port, bool paced, std::uint64_t seed)
    : executor_(executor),
      port_(port),
      paced_(paced),
      random_(seed),
      arrived_(executor),
      queued_(executor),
      sent_(executor),
      consumed_(executor) {}

void Line::start() {
  asio::co_spawn(executor_, pump_in(), asio::detached);
  asio::co_spawn(executor_, pump_out(), asio::detached);
}

void Line::stop() {
  stopped_ = true;
  port_.close();
  for (Signal* signal : {&arrived_, &queued_, &sent_, &consumed_}) signal->notify();
}

void Line::clear() {
  out_.clear();
  carried_ = queued_size_;
  in_.clear();
  in_size_ = 0;
  sent_.notify();
  consumed_.notify();
}

Duration Line::byte_time() const {
  const double bits = 1 + settings_.data_bits + (settings_.parity != 0 ? 1 : 0) +
                      (settings_.stop_bits == 1   ? 1.0
                       : settings_.stop_bits == 2 ? 1.5
                                                  : 2.0);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(bits / settings_.rate));
}

bool Line::garbled() const {
  const unsigned host = port_.host().rate;
  if (host == 0) return false;
  return std::abs(static_cast<double>(host) - settings_.rate) > 0.03 * settings_.rate;
}

bool Line::host_stops_us() const {
  return (settings_.flow_control & 2) != 0 && port_.host().flow_control;
}
bool Line::we_stop_host() const {
  return (settings_.flow_control & 1) != 0 && port_.host().flow_control;
}

void Line::damage(std::string& bytes, bool in) {
  const bool all = garbled();
  auto& drop = in ? faults.drop_in : faults.drop_out;
  auto& corrupt = in ? faults.corrupt_in : faults.corrupt_out;
  const double loss = in ? faults.loss_in : faults.loss_out;
  if (!all && drop == 0 && corrupt == 0 && loss <= 0) return;
  std::string left;
  for (const char byte : bytes) {
    if (drop > 0) {
      --drop;
      ++(in ? counters.lost_in : counters.lost_out);
    } else if (loss > 0 && std::generate_canonical<double, 32>(random_) < loss) {
      ++(in ? counters.lost_in : counters.lost_out);
    } else if (all || corrupt > 0) {
      if (corrupt > 0) --corrupt;
      ++(in ? counters.garbled_in : counters.garbled_out);
      left += static_cast<char>(byte ^ static_cast<char>(1 + random_() % 255));
    } else {
      left += byte;
    }
  }
  bytes = std::move(left);
}

/// Bytes the line carries from line_time up to one slice after now.
std::size_t Line::slice(Time line_time, Time now) const {
  const auto span = std::min<Duration>(now - line_time, largest_lag) + slice_time;
  return std::max<std::size_t>(1, static_cast<std::size_t>(span / byte_time()));
}

void Line::send(std::string_view bytes) {
  const bool idle = out_.empty();
  out_ += bytes;
  queued_size_ += bytes.size();
  if (idle) queued_.notify();
}

bool Line::has_room(std::size_t size) const {
  return stopped_ || (waiting_for_room_->empty() && (out_.empty() || out_.size() + size <= transmit_buffer));
}

Task<void> Line::room_for(std::size_t size) {
  if (has_room(size)) co_return;
  struct Place {
    std::shared_ptr<std::list<char>> queue;
    std::list<char>::iterator own;
    ~Place() { queue->erase(own); }
  };
  {
    const auto queue = waiting_for_room_;
    const Place place{queue, queue->insert(queue->end(), char{})};
    while (!stopped_ && (place.own != queue->begin() || (!out_.empty() && out_.size() + size > transmit_buffer)))
      co_await sent_.wait();
  }
  if (!waiting_for_room_->empty()) sent_.notify();
}

Task<void> Line::drained() {
  const std::uint64_t end = queued_size_;
  while (!stopped_ && carried_ < end) co_await sent_.wait();
}

Task<Line::Received> Line::receive(Time deadline) {
  if (in_.empty() && !stopped_) co_await arrived_.wait(deadline);
  if (in_.empty()) co_return Received{};
  Received piece = std::move(in_.front());
  in_.pop_front();
  const bool was_full = in_size_ >= fifo_size;
  in_size_ -= std::min(in_size_, piece.bytes.size());
  if (was_full) consumed_.notify();
  co_return piece;
}

Task<void> Line::pump_in() {
  std::array<char, 8192> buffer{};
  asio::steady_timer timer(executor_);
  Time line_time = Clock::now();  // when the last byte that was read has passed the line
  Time last_byte{};
  while (!stopped_) {
    while (!stopped_ && in_size_ >= fifo_size && we_stop_host()) co_await consumed_.wait();
    const std::size_t limit = paced_ ? std::min(buffer.size(), slice(line_time, Clock::now())) : buffer.size();
    const std::size_t size = port_.read(buffer.data(), limit);
    if (size == 0) {
      co_await port_.readable();
      line_time = std::max(line_time, Clock::now());
      continue;
    }
    const bool continues = line_time - last_byte < burst_gap;
    if (paced_) {
      line_time = std::max(line_time, Clock::now() - largest_lag) + byte_time() * static_cast<int>(size);
      timer.expires_at(line_time);
      if (line_time > Clock::now()) co_await timer.async_wait(as_result);
    } else {
      line_time = Clock::now();
    }
    last_byte = line_time;
    counters.received += size;
    std::string bytes(buffer.data(), size);
    damage(bytes, true);
    if (in_size_ + bytes.size() > fifo_size && !we_stop_host() && paced_) {
      const std::size_t room = fifo_size - std::min(fifo_size, in_size_);
      counters.lost_in += bytes.size() - room;
      bytes.resize(room);
    }
    if (bytes.empty()) continue;
    in_size_ += bytes.size();
    in_.push_back({std::move(bytes), continues});
    arrived_.notify();
  }
}

Task<void> Line::pump_out() {
  asio::steady_timer timer(executor_);
  Time line_time = Clock::now();
  while (!stopped_) {
    if (out_.empty()) {
      co_await queued_.wait();
      line_time = std::max(line_time, Clock::now());
      continue;
    }
    std::size_t size = out_.size();
    if (paced_) {
      size = std::min(size, slice(line_time, Clock::now()));
      line_time = std::max(line_time, Clock::now() - largest_lag) + byte_time() * static_cast<int>(size);
      timer.expires_at(line_time);
      if (line_time > Clock::now()) co_await timer.async_wait(as_result);
      size = std::min(size, out_.size());  // a reset may have emptied the buffer meanwhile
    }
    std::string bytes = out_.substr(0, size);
    out_.erase(0, size);
    carried_ += size;
    counters.sent += size;
    damage(bytes, false);
    std::size_t done = 0;
    while (!stopped_ && done < bytes.size()) {
      const std::size_t put = port_.write(bytes.data() + done, bytes.size() - done);
      done += put;
      if (put > 0) continue;
      if (paced_ && !host_stops_us()) {
        counters.lost_out += bytes.size() - done;
        break;
      }
      co_await port_.writable();
      line_time = std::max(line_time, Clock::now());
    }
    sent_.notify();
  }
}

}  // namespace sim
