// The descriptors of AcquireNotify and AcquireWrite: each datagram is one value (net/program_socket.hpp).
//
// Both end cleanly when the device disconnects (close()), and tell when the program has closed its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bluetooth/bluetooth.hpp"
#include "net/file_descriptor.hpp"
#include "net/program_socket.hpp"

namespace espat::bus {

/// From the device to a program. A program that does not read in time loses values, the newest and whole ones: what it
/// reads is in order and has its bounds. The log has one warning when losing begins, and the number of lost values when
/// the program has caught up or the descriptor ends. Caught up means that three quarters of the room are free (only
/// then the kernel tells of reads), so a program that is always a little late does not fill the log.
class NotifySocket {
 public:
  /// `path`: of the characteristic, for the log. `gone`: the program has closed its end; it may
  /// destroy this.
  static Result<std::pair<std::unique_ptr<NotifySocket>, net::FileDescriptor>> open(
      std::shared_ptr<bluetooth::Bluetooth> bluetooth, const boost::asio::any_io_executor& executor, std::string path,
      std::function<void()> gone);
  ~NotifySocket();
  /// False: there was no room for it, it is lost.
  bool value(const bluetooth::ByteVector& bytes);
  void close();

 private:
  void end_losing();

  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  std::string path_;
  std::unique_ptr<net::ProgramSocket> socket_;
  std::uint64_t losing_ = 0;  // values since losing began
};

/// From a program to the device, one write after the other. Lives on while a write is under way.
class WriteSocket : public std::enable_shared_from_this<WriteSocket> {
 public:
  /// `gone`: the program has closed its end and everything is written, or a write failed.
  static Result<std::pair<std::shared_ptr<WriteSocket>, net::FileDescriptor>> open(
      std::shared_ptr<bluetooth::Bluetooth> bluetooth, const boost::asio::any_io_executor& executor,
      std::string address, at::AttributePlace place, std::function<void()> gone);
  void close();

 private:
  void on_change();
  boost::asio::awaitable<void> pass_on();
  void end();

  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  boost::asio::any_io_executor executor_;
  std::string address_;
  at::AttributePlace place_;
  std::function<void()> gone_;
  std::unique_ptr<net::ProgramSocket> socket_;
  bool passing_ = false;
};

}  // namespace espat::bus
