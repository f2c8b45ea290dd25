#include "net/descriptor_table.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace espat::net {
namespace asio = boost::asio;
namespace {

// The module's receive window: what may come out at once when a link goes back to active receive (quirk 79).
constexpr std::size_t kModuleWindow = 5760;
constexpr std::size_t kSegment = 1460;

}  // namespace

DescriptorTable::DescriptorTable(LinkContext& context, StreamTable& streams, UdpTable& udp)
    : context_(context), streams_(streams), udp_(udp) {}

DescriptorTable::~DescriptorTable() {
  reset_all();
}

Result<void> DescriptorTable::check() const {
  if (!context_.wifi_up) return not_joined();
  if (size() >= kMostStreams)
    return Error{ErrorKind::busy, "there are " + std::to_string(kMostStreams) + " streams already; close some"};
  return {};
}

asio::awaitable<Result<FileDescriptor>> DescriptorTable::open(LinkTarget target, TimePoint until) {
  if (const auto possible = check(); !possible) co_return possible.error();
  const auto opening = std::make_shared<StreamOpening>();
  opening->alarm = context_.clock.make_alarm(context_.channel.executor());
  // Also when the caller has left the bus, which destroys this coroutine: then nobody wants the stream.
  const std::shared_ptr<void> leaving(nullptr, [this, opening](void*) {
    if (DescriptorStream* const stream = find(*opening)) remove(*stream);
  });
  const std::size_t ahead = std::max(context_.line_bytes(std::chrono::milliseconds(200)), 2 * kSegment);
  streams_of_bytes_.push_back(std::make_unique<DescriptorStream>(
      *this, target, opening, 2 * context_.channel.dialect().send_block_limit, ahead + kModuleWindow));
  streams_.open(*streams_of_bytes_.back());
  streams_.serve_waiters();
  while (!opening->outcome && context_.clock.now() < until) co_await opening->alarm->wait_until(until);
  if (opening->outcome) co_return std::move(*opening->outcome);

  const std::string remote = target.remote.text();
  const DescriptorStream* const stream = find(*opening);
  if (stream == nullptr || streams_.is_waiting(*stream))
    co_return Error{ErrorKind::busy, "the module had no link for " + remote +
                                         ", or others went first; espatctl links shows who has links and who waits"};
  co_return Error{ErrorKind::timeout,
                  remote + " does not answer; is it there, and reachable from the module's network?"};
}

DescriptorStream* DescriptorTable::find(const StreamOpening& opening) const {
  const auto found = std::find_if(streams_of_bytes_.begin(), streams_of_bytes_.end(),
                                  [&](const auto& stream) { return stream->is_for(opening); });
  return found == streams_of_bytes_.end() ? nullptr : found->get();
}

Result<FileDescriptor> DescriptorTable::open_datagrams(const SocketAddress& remote) {
  if (const auto possible = check(); !possible) return possible.error();
  // Datagrams are told apart by a local address as a program behind the interface would have; this one is nobody's.
  FlowKey key;
  key.protocol = Protocol::udp;
  key.remote = remote;
  if (remote.address.is_v6()) key.local.address = *Address::parse("::");
  const auto taken = [&] {
    return std::any_of(streams_of_datagrams_.begin(), streams_of_datagrams_.end(),
                       [&](const auto& stream) { return stream->key().local.port == next_local_port_; });
  };
  do {
    ++next_local_port_;
  } while (next_local_port_ == 0 || taken());
  key.local.port = next_local_port_;
  auto stream = std::make_unique<DatagramStream>(*this, key);
  auto descriptor = stream->open();
  if (descriptor) streams_of_datagrams_.push_back(std::move(stream));
  return descriptor;
}

void DescriptorTable::reset_all(AddressFamily family) {
  std::vector<DescriptorStream*> broken;
  for (const auto& stream : streams_of_bytes_)
    if (includes(family, stream->target().remote.address)) broken.push_back(stream.get());
  for (DescriptorStream* stream : broken) stream->reset(Counter::resets_module_lost);
  std::erase_if(streams_of_datagrams_,
                [&](const auto& stream) { return includes(family, stream->key().remote.address); });
}

void DescriptorTable::remove(DescriptorStream& stream) {
  streams_.forget(stream);
  std::erase_if(streams_of_bytes_, [&](const auto& other) { return other.get() == &stream; });
}

void DescriptorTable::remove(DatagramStream& stream) {
  std::erase_if(streams_of_datagrams_, [&](const auto& other) { return other.get() == &stream; });
}

}  // namespace espat::net
