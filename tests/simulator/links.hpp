// Links: the module's sockets and what is known about them. Data from the network spend the Wi-Fi round trip "in the
// air", then wait unread in the link's window of 5760 bytes; nothing more is read from the socket meanwhile, so the
// peer is really held back. Writing may stop the whole module (measured, C.10).
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "signal.hpp"
#include "stream.hpp"

namespace sim {

class Firmware;

enum class Transport { tcp, udp, ssl };

struct Link {
  explicit Link(asio::any_io_executor executor) : room(executor) {}

  /// A piece that is on its way through the air.
  struct Piece {
    Time due;
    std::string bytes;
    asio::ip::udp::endpoint from;
    bool end = false;
  };

  int id = 0;
  Transport transport = Transport::tcp;
  bool v6 = false;
  bool incoming = false;  ///< a client of the module's server
  std::string remote;
  std::uint16_t remote_port = 0, local_port = 0;
  int udp_mode = 0;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<asio::ip::udp::socket> datagrams;

  std::deque<Piece> air;
  std::size_t in_air = 0;
  std::deque<std::string> unread;  ///< UDP: one entry a datagram; else pieces as they came
  std::size_t unread_size = 0;
  Time waits_since{};      ///< when the first of the unread bytes arrived
  bool announced = false;  ///< passive mode: +IPD has been said since the buffer was empty
  bool ended = false;      ///< the peer has closed; said when everything is read
  bool closed = false;     ///< no longer in the table
  bool to_report = false;  ///< CONNECT of an incoming client has not been said yet
  bool raw = false;        ///< has been in passthrough: data come without +IPD (B.10)
  bool silent_close = false;
  Signal room;  ///< the window has opened
  Time last_data = Clock::now();
  Time last_due{};

  std::string type_name() const;
  std::size_t held() const { return in_air + unread_size; }
};

class LinkTable {
 public:
  static constexpr std::size_t window = 5760;
  static constexpr std::size_t segment = 1440;

  explicit LinkTable(Firmware& firmware);

  std::shared_ptr<Link> find(int id) const;
  bool any() const;
  int count() const;
  /// The lowest free id, or -1.
  int free_id() const;
  const std::vector<std::shared_ptr<Link>>& all() const { return table_; }

  std::shared_ptr<Link> make() const;
  /// Puts a link that is connected into the table and starts to read from it.
  void add(const std::shared_ptr<Link>& link);
  /// "4,CONNECT" or +LINK_CONN, as AT+SYSMSG says.
  std::string connect_text(const Link& link) const;
  std::string closed_text(const Link& link) const;
  /// Closes towards the peer and takes the link out of the table. Says nothing.
  void close(const std::shared_ptr<Link>& link);
  /// TCP and SSL links die with the station; UDP links stay (E.11). Returns what has to be said.
  std::string take_stream_closings();
  void close_all_streams();
  /// All links end, and no other can be opened until the next restart (quirk 108).
  void break_off();
  bool broken() const { return broken_; }
  /// A restart: peers hear nothing.
  void abandon();

  /// False on failure or when so_sndtimeo passes. While it waits nothing else in the module moves.
  Task<bool> write(std::shared_ptr<Link> link, std::string bytes);
  void write_datagram(Link& link, const std::string& bytes);

  bool passive(int id) const { return passive_.at(static_cast<std::size_t>(id)); }
  void set_passive(int id, bool on) { passive_.at(static_cast<std::size_t>(id)) = on; }

 private:
  Task<void> read_stream(std::shared_ptr<Link> link);
  Task<void> read_datagrams(std::shared_ptr<Link> link);
  void arrive(Link& link, std::string bytes, bool end, const asio::ip::udp::endpoint& from = {});

  Firmware& firmware_;
  std::vector<std::shared_ptr<Link>> table_;
  std::vector<bool> passive_;
  bool broken_ = false;
};

}  // namespace sim
