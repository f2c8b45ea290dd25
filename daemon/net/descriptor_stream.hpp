// A stream whose program has a descriptor instead of an address: one end of a pair of sockets (program_socket.hpp) that
// Network.OpenStream hands out.
//
// The rules are those of a TCP flow (DESIGN section 6 "End of a stream"):
//   far end closed, all delivered      end of file, after all data
//   broken (module, Wi-Fi, SEND FAIL)  ECONNRESET, after all data that came
//   program shuts down writing         what it wrote is sent, the link stays for the answer until 30 s of silence
//   program closes its end             what it wrote is sent, the link is closed; at once if it left something unread
// The pair is made when the far end has accepted; until then the stream waits like a held SYN, and costs as little.
// Bounds, per stream: from the program what its socket holds (208 KiB in the kernel by default) and two blocks here;
// toward it 200 ms of line rate and the module's window, what is more makes the link passive.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "at/types.hpp"
#include "module/clock.hpp"
#include "net/file_descriptor.hpp"
#include "net/program_socket.hpp"
#include "net/stream.hpp"
#include "net/tcp_ring.hpp"
#include "net/timers.hpp"

namespace espat::net {

class DescriptorTable;

/// Between the one who asked for a stream and the stream.
struct StreamOpening {
  std::unique_ptr<module::Alarm> alarm;             // rung when there is an outcome
  std::optional<Result<FileDescriptor>> outcome{};  // the program's end, or why there is none
};

class DescriptorStream final : public Stream {
 public:
  /// `buffer`: bytes that may wait in each direction. `table` owns it.
  DescriptorStream(DescriptorTable& table, const LinkTarget& target, std::shared_ptr<StreamOpening> opening,
                   std::size_t upload_buffer, std::size_t download_buffer);

  /// Whether the outcome of that opening is still to come.
  bool is_for(const StreamOpening& opening) const { return opening_.get() == &opening; }

  // --- Stream ---
  RingBytes readable() const override { return upload_.read(0, upload_size_); }
  bool app_finished() const override { return socket_ && socket_->finished(); }
  std::size_t end_room() const override;
  std::size_t undelivered() const override { return unread_; }
  std::size_t deliver(Bytes data, bool push, TimePoint now) override;
  void consume(std::size_t length, TimePoint now) override;
  void finish(TimePoint now) override;
  /// Whoever does not want it any more removes it (DescriptorTable::open).
  bool is_abandoned(TimePoint) const override { return false; }
  void connected(TimePoint now) override;
  void connect_failed(const ConnectFailure& failure) override;
  void acknowledge_finish(TimePoint now) override;
  void reset(Counter reason) override;
  void abandon() override;
  void settle() override;

 private:
  void on_socket();
  void on_due(TimePoint now);
  /// Takes over what the program wrote, as far as there is room.
  void pull();
  void tell(Result<FileDescriptor> outcome);

  DescriptorTable& table_;
  std::shared_ptr<StreamOpening> opening_;  // until there is an outcome
  Timer timer_;
  std::unique_ptr<ProgramSocket> socket_;  // since connected()
  ByteRing upload_;
  std::size_t upload_size_ = 0;
  const std::size_t upload_buffer_;
  const std::size_t download_buffer_;
  std::size_t unread_ = 0;
  bool all_sent_ = false;  // the program's end was acknowledged
  bool ended_ = false;     // finish() was called
};

}  // namespace espat::net
