#include "module/wire.hpp"

#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace espat::module {
namespace asio = boost::asio;
namespace {

/// Holds what arrives at 5 Mbaud in 16 ms.
constexpr std::size_t read_buffer_size = 8192;

}  // namespace

Wire::Wire(std::unique_ptr<transport::Transport> transport, asio::any_io_executor executor, Clock& clock,
           WireCounters& counters)
    : transport_(std::move(transport)),
      clock_(clock),
      counters_(counters),
      write_limit_(clock.make_alarm(executor)),
      resumed_(clock.make_alarm(std::move(executor))),
      buffer_(read_buffer_size) {}

asio::awaitable<Error> Wire::read_until_closed() {
  for (;;) {
    auto count = co_await transport_->read_some(buffer_);
    if (!count) {
      closed_ = true;
      co_return count.error();
    }
    counters_.bytes_in += *count;
    while (!reading_ && !closed_) co_await resumed_->wait_until(never);
    if (listener_) listener_(at::Bytes(buffer_.data(), *count));
  }
}

void Wire::set_reading(bool on) {
  reading_ = on;
  resumed_->ring();
}

void Wire::close() {
  closed_ = true;
  resumed_->ring();
  transport_->close();
}

asio::awaitable<Result<void>> Wire::write(at::Bytes bytes, Duration limit) {
  using asio::experimental::awaitable_operators::operator||;
  write_began_ = clock_.now();
  auto first = co_await (transport_->write(bytes) || write_limit_->wait_until(clock_.now() + limit));
  write_began_.reset();
  if (first.index() == 0) {
    const Result<void>& written = std::get<0>(first);
    if (written) counters_.bytes_out += bytes.size();
    co_return written;
  }
  if (std::get<1>(first)) co_return Error{ErrorKind::cancelled, transport_->description() + ": writing was given up"};
  co_return Error{
      ErrorKind::timeout,
      transport_->description() + ": the module does not take bytes (CTS is off): check the flow control wiring"};
}

void Wire::cancel_write(Duration lasted) {
  if (write_began_ && clock_.now() - *write_began_ >= lasted) write_limit_->ring();
}

}  // namespace espat::module
