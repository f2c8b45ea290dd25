#include "bus/gatt_sockets.hpp"

#include <array>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace espat::bus {
namespace {

constexpr std::size_t longest_attribute = 512;

}  // namespace

Result<std::pair<std::unique_ptr<NotifySocket>, net::FileDescriptor>> NotifySocket::open(
    const boost::asio::any_io_executor& executor, std::function<void()> gone) {
  auto owner = std::make_unique<NotifySocket>();
  auto pair = net::ProgramSocket::open(executor, net::ProgramSocket::Kind::datagrams,
                                       [self = owner.get(), gone = std::move(gone)] {
                                         if (self->socket_->gone()) gone();
                                       });
  if (pair.has_error()) return pair.error();
  owner->socket_ = std::move(pair->ours);
  return std::pair(std::move(owner), std::move(pair->theirs));
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
