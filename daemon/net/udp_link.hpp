// One shared UDP link in mode 2: every datagram out names its remote, every datagram in tells its true sender (measured
// 25).
//
// The link opens when there is something to send and closes when it is told to. Active receive only: passive reads join
// datagrams (quirk 91). An empty datagram from outside closes it (measured 24): then it is opened again with the same
// local port, so that flows go on; only an idle link gets a new port. One coroutine does everything that takes
// commands.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "net/datagram_queue.hpp"
#include "net/link_context.hpp"
#include "net/rate_meter.hpp"

namespace espat::net {

class UdpLink;

class UdpLinkOwner {
 public:
  virtual ~UdpLinkOwner() = default;
  /// One whole datagram; the bytes are valid during the call.
  virtual void datagram_received(UdpLink& link, const SocketAddress& from, std::span<std::uint8_t> bytes) = 0;
  /// Whether flows still expect answers on this link's port.
  virtual bool is_wanted(const UdpLink& link) const = 0;
  /// A port from the dynamic range (RFC 6335), at random.
  virtual std::uint16_t draw_port() = 0;
  /// An id came back to the pool.
  virtual void udp_link_released() = 0;
  /// Datagrams have left the queue, sent or not.
  virtual void udp_queue_moved() = 0;
};

class UdpLink : public std::enable_shared_from_this<UdpLink> {
 public:
  enum class State : std::uint8_t { idle, opening, open, closing };

  UdpLink(LinkContext& context, UdpLinkOwner& owner, bool v6);

  bool is_v6() const { return v6_; }
  State state() const { return state_; }
  /// Valid unless idle.
  std::optional<at::LinkId> id() const { return id_; }
  std::uint16_t local_port() const { return local_port_; }

  /// Queues a datagram; a flow may queue at most 200 ms of line, its oldest give way (counted).
  void send(std::uint64_t flow, const SocketAddress& remote, Bytes payload);
  /// Datagrams of that flow that wait.
  std::size_t queued(std::uint64_t flow) const { return queue_.count(flow); }
  /// No flow is left: close, give the id back.
  void close_if_unwanted();
  /// The network is gone: what waits is dropped, the link is closed (UDP links outlive Wi-Fi: measured 30).
  void close_now();
  /// See TcpLink::abandon().
  void abandon();
  /// An id may be free.
  void on_link_available() { alarm_->ring(); }

  void on_connected() {}
  void on_closed();
  void on_payload(const at::Payload& payload, Bytes chunk, std::size_t remaining, bool aborted);

  LinkStatus status() const;

 private:
  static boost::asio::awaitable<void> serve(std::shared_ptr<UdpLink> self);
  boost::asio::awaitable<bool> open();
  void open_refused();
  boost::asio::awaitable<void> send_one();
  boost::asio::awaitable<void> close();
  void start();
  void drop_queue();
  void tell_queue_moved();

  LinkContext* context_;
  UdpLinkOwner* owner_;
  const bool v6_;
  std::unique_ptr<module::Alarm> alarm_;
  State state_ = State::idle;
  bool running_ = false;
  bool closed_by_module_ = false;
  bool must_close_ = false;
  bool queue_moved_ = false;  // not told yet
  bool has_opened_ = false;   // since the module started
  int refused_opens_ = 0;     // since then, with every attempt refused
  std::optional<at::LinkId> id_;
  std::uint16_t local_port_ = 0;  // 0: draw one
  DatagramQueue queue_;
  QueuedDatagram sending_;
  std::vector<std::uint8_t> incoming_;
  module::TimePoint since_{};
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  RateMeter meter_;
};

}  // namespace espat::net
