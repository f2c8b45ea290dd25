// The outside of net::Interface: see interface_core.hpp for what it does.
#include "net/interface.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/random.h>

#include "net/interface_core.hpp"

namespace espat::net {
namespace asio = boost::asio;

Random system_random() {
  return [] {
    std::uint32_t value = 0;
    while (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value))
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
    return value;
  };
}

Interface::Interface(module::Channel& channel, module::Clock& clock, const module::WallClock& wall_clock,
                     HostNetwork& host, PacketSink& sink, InterfaceSettings settings, Random random)
    : core_(std::make_shared<Core>(channel, clock, wall_clock, host, sink, std::move(settings), std::move(random))) {}

Interface::~Interface() {
  core_->halt();
}

void Interface::start() {
  core_->start();
}
asio::awaitable<void> Interface::stop() {
  return core_->stop();
}
void Interface::on_packet(at::Bytes packet) {
  core_->on_packet(packet);
}
InterfaceStatus Interface::status() const {
  return core_->status();
}
std::uint32_t Interface::mtu() const {
  return core_->settings().mtu;
}
std::vector<LinkStatus> Interface::links() const {
  return core_->links();
}
std::vector<WaiterStatus> Interface::waiters() const {
  return core_->waiters();
}
const Counters& Interface::counters() const {
  return core_->counters();
}
void Interface::set_tls_rules(TlsRules rules) {
  core_->set_tls_rules(std::move(rules));
}
const TlsRules& Interface::tls_rules() const {
  return core_->tls_rules();
}
Result<void> Interface::tls_supported() const {
  return core_->tls_supported();
}
module::Subscription Interface::on_tls_failure(std::function<void(const TlsFailure&)> listener) {
  return core_->on_tls_failure(std::move(listener));
}
asio::awaitable<Result<at::Milliseconds>> Interface::ping(std::string host) {
  return core_->ping(std::move(host));
}
asio::awaitable<Result<std::vector<std::string>>> Interface::resolve(std::string name, AddressFamily family) {
  return core_->resolve(std::move(name), family);
}
Result<void> Interface::add_forward(Forward forward) {
  return core_->add_forward(std::move(forward));
}
Result<void> Interface::remove_forward(const std::string& name) {
  return core_->remove_forward(name);
}
std::vector<ForwardStatus> Interface::forwards() const {
  return core_->forwards();
}
asio::awaitable<Result<FileDescriptor>> Interface::open_stream(StreamRequest request) {
  return core_->open_stream(std::move(request));
}
module::Subscription Interface::on_change(std::function<void()> listener) {
  return core_->on_change(std::move(listener));
}

}  // namespace espat::net
