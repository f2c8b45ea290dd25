#include "bus/gatt_sockets.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace espat::bus {
namespace {

constexpr std::size_t longest_attribute = 512;

}  // namespace

Result<std::pair<std::unique_ptr<NotifySocket>, net::FileDescriptor>> NotifySocket::open(
    std::shared_ptr<bluetooth::Bluetooth> bluetooth, const boost::asio::any_io_executor& executor, std::string path,
    std::function<void()> gone) {
  auto owner = std::make_unique<NotifySocket>();
  auto pair = net::ProgramSocket::open(executor, net::ProgramSocket::Kind::datagrams,
                                       [self = owner.get(), gone = std::move(gone)] {
                                         // There is room again, or the program has gone. One that writes, which
                                         // nobody reads here, only has the number told early.
                                         self->end_losing();
                                         if (self->socket_->gone()) gone();
                                       });
  if (pair.has_error()) return pair.error();
  owner->bluetooth_ = std::move(bluetooth);
  owner->path_ = std::move(path);
  owner->socket_ = std::move(pair->ours);
  return std::pair(std::move(owner), std::move(pair->theirs));
}

NotifySocket::~NotifySocket() {
  end_losing();
}

bool NotifySocket::value(const bluetooth::ByteVector& bytes) {
  if (socket_->send_datagram(bytes)) return true;
  if (losing_++ == 0) {
    bluetooth_->log().warn(
        "{}: the program that has the descriptor of AcquireNotify does not read it, so values are lost from now on: "
        "it must read faster, or close the descriptor; NotifyLost counts them",
        path_);
  }
  return false;
}

void NotifySocket::end_losing() {
  const std::uint64_t lost = std::exchange(losing_, 0);
  if (lost > 0)
    bluetooth_->log().warn("{}: values lost before the program read again or its descriptor ended: {}", path_, lost);
}

void NotifySocket::close() {
  end_losing();
  socket_->close_cleanly();
}

Result<std::pair<std::shared_ptr<WriteSocket>, net::FileDescriptor>> WriteSocket::open(
    std::shared_ptr<bluetooth::Bluetooth> bluetooth, const boost::asio::any_io_executor& executor, std::string address,
    at::AttributePlace place, std::function<void()> gone) {
  auto owner = std::make_shared<WriteSocket>();
  auto pair = net::ProgramSocket::open(executor, net::ProgramSocket::Kind::datagrams,
                                       [weak = std::weak_ptr<WriteSocket>(owner)] {
                                         if (const auto self = weak.lock()) self->on_change();
                                       });
  if (pair.has_error()) return pair.error();
  owner->bluetooth_ = std::move(bluetooth);
  owner->executor_ = executor;
  owner->address_ = std::move(address);
  owner->place_ = place;
  owner->gone_ = std::move(gone);
  owner->socket_ = std::move(pair->ours);
  return std::pair(std::move(owner), std::move(pair->theirs));
}

void WriteSocket::on_change() {
  if (passing_ || !socket_) return;
  passing_ = true;
  boost::asio::co_spawn(
      executor_,
      [](std::shared_ptr<WriteSocket> self) -> boost::asio::awaitable<void> {
        co_await self->pass_on();
      }(shared_from_this()),
      boost::asio::detached);
}

boost::asio::awaitable<void> WriteSocket::pass_on() {
  std::array<std::uint8_t, longest_attribute + 1> buffer{};
  while (socket_) {
    const auto size = socket_->receive_datagram(buffer);
    if (!size) break;
    bluetooth::ByteVector value(buffer.begin(),
                                buffer.begin() + static_cast<std::ptrdiff_t>(std::min(*size, buffer.size())));
    const Result<void> written = co_await bluetooth_->write(address_, place_, std::move(value));
    if (written.has_error() && socket_) {
      socket_.reset();  // not cleanly: the program learns that a value is lost
      end();
    }
  }
  passing_ = false;
  if (socket_ && socket_->gone()) close();
}

void WriteSocket::close() {
  if (!socket_) return;
  socket_->close_cleanly();
  socket_.reset();
  end();
}

void WriteSocket::end() {
  if (const auto gone = std::exchange(gone_, nullptr)) gone();
}

}  // namespace espat::bus
