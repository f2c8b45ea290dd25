// Datagrams to and from one remote, for a program that has a descriptor instead of an address (program_socket.hpp): a
// flow of udp_table.hpp that ends here.
//
// Toward the network the program is held back, so that nothing is dropped on our side: its next datagram is taken when
// at most one waits for the line. Toward the program a datagram that its socket has no room for is dropped and counted,
// as any kernel does. A far end cannot end a stream of datagrams: it ends when the program closes its end, 30 s of
// silence after it shut down writing (end of file), or with the network (ECONNRESET).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "at/types.hpp"
#include "net/file_descriptor.hpp"
#include "net/packet_address.hpp"
#include "net/program_socket.hpp"
#include "net/timers.hpp"
#include "net/udp_table.hpp"

namespace espat::net {

class DescriptorTable;

class DatagramStream final : public DatagramEnd {
 public:
  /// `table` owns it.
  DatagramStream(DescriptorTable& table, const FlowKey& key);
  ~DatagramStream() override;
  DatagramStream(const DatagramStream&) = delete;
  DatagramStream& operator=(const DatagramStream&) = delete;

  /// The program's end. To be called once.
  Result<FileDescriptor> open();
  const FlowKey& key() const { return key_; }

  // --- DatagramEnd ---
  void datagram_received(Bytes datagram) override;
  void queue_moved() override { go_on(); }

 private:
  /// May destroy the stream.
  void go_on();
  void on_due(TimePoint now);

  DescriptorTable& table_;
  const FlowKey key_;
  std::unique_ptr<ProgramSocket> socket_;
  std::vector<std::uint8_t> datagram_;  // on its way to the network; as large as the module takes
  Timer timer_;
  TimePoint last_activity_{};
};

}  // namespace espat::net
