// The streams that were opened over D-Bus: who asked for one gets a descriptor (descriptor_stream.hpp for tcp and ssl,
// datagram_stream.hpp for udp). They take their turns for links with the flows of the interface (stream_table.hpp,
// udp_table.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "net/datagram_stream.hpp"
#include "net/descriptor_stream.hpp"
#include "net/file_descriptor.hpp"
#include "net/link_context.hpp"
#include "net/stream_table.hpp"
#include "net/udp_table.hpp"

namespace espat::net {

class DescriptorTable {
 public:
  /// Streams that may be open or wait at a time: each takes a few descriptors of the daemon.
  static constexpr std::size_t kMostStreams = 128;
  /// How long OpenStream waits for a link and the far end together.
  static constexpr std::chrono::seconds kPatience{30};

  /// All must outlive the table.
  DescriptorTable(LinkContext& context, StreamTable& streams, UdpTable& udp);
  ~DescriptorTable();
  DescriptorTable(const DescriptorTable&) = delete;
  DescriptorTable& operator=(const DescriptorTable&) = delete;

  /// Ends when the far end has accepted or it is clear that it will not, at `until` at the latest. The table must live
  /// until then.
  boost::asio::awaitable<Result<FileDescriptor>> open(LinkTarget target, TimePoint until);
  /// At once: a datagram needs no consent.
  Result<FileDescriptor> open_datagrams(const SocketAddress& remote);
  /// Every stream of that family breaks; those that wait are told.
  void reset_all(AddressFamily family = AddressFamily::any);

  std::size_t size() const { return streams_of_bytes_.size() + streams_of_datagrams_.size(); }

  // --- for the streams ---
  LinkContext& context() { return context_; }
  StreamTable& streams() { return streams_; }
  UdpTable& udp() { return udp_; }
  void remove(DescriptorStream& stream);
  void remove(DatagramStream& stream);

 private:
  Result<void> check() const;
  /// The stream that the opening is for, until there is an outcome.
  DescriptorStream* find(const StreamOpening& opening) const;

  LinkContext& context_;
  StreamTable& streams_;
  UdpTable& udp_;
  std::vector<std::unique_ptr<DescriptorStream>> streams_of_bytes_;
  std::vector<std::unique_ptr<DatagramStream>> streams_of_datagrams_;
  std::uint16_t next_local_port_ = 0;
};

}  // namespace espat::net
