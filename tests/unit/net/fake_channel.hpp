// A channel with a module behind it that does what the test says: links, far ends, receive types, virtual time.
//
// As measured (reference/measured-*.md): one command at a time; a connect that hangs stops reception too; passive links
// announce once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "module/channel.hpp"
#include "virtual_clock.hpp"

namespace espat::net {

class FakeChannel final : public module::Channel {
 public:
  /// What a far end does when it is connected to.
  struct FarEnd {
    enum class Kind : std::uint8_t {
      accepts,
      refuses,
      silent,
      fails_handshake,
      accepts_and_closes
    } kind = Kind::accepts;
    std::optional<std::uint32_t> error_number{};  // +ERRNO, where the firmware tells
  };
  struct Link {
    bool open = false;
    bool udp = false;
    bool passive = false;
    bool announced = false;
    bool close_after_data = false;
    bool closed_by_far_end = false;
    bool incoming = false;
    std::string remote;    // "192.0.2.1:80"
    std::string received;  // from us
    std::string buffer;    // for us, while passive
    std::uint16_t local_port = 0;
  };

  FakeChannel(boost::asio::io_context& io, VirtualClock& clock);

  boost::asio::any_io_executor executor() const override { return io_.get_executor(); }
  module::State state() const override { return state_; }
  module::LineRate line_rate() const override { return rate; }
  const at::Dialect& dialect() const override { return the_dialect; }
  boost::asio::awaitable<at::Outcome> run(at::Command command, module::RunOptions options) override;
  boost::asio::awaitable<at::Outcome> send(at::LinkId link, module::BlockSource source) override;
  void set_reading(bool on) override;
  bool is_busy() const override { return busy_; }
  module::Subscription observe(module::Observer& observer) override;
  /// As the module does it: recovery begins before this returns.
  void report_trouble(std::string what) override;

  // --- the test's side ---
  void set_state(module::State state);
  void report(const at::Report& report);
  /// The far end of a link sends; held back while a connect hangs, buffered while passive.
  void far_end_sends(at::LinkId link, const std::string& data, std::optional<at::Endpoint> from = std::nullopt);
  void far_end_closes(at::LinkId link);
  /// The rest of an announced payload never comes.
  void break_off_payload(at::LinkId link);
  /// A client of the server gets the lowest free link. `tells`: with +LINK_CONN, else `n,CONNECT` only.
  at::LinkId client_arrives(const std::string& address, std::uint16_t port, bool tells = true);
  std::optional<at::LinkId> link_to(const std::string& remote) const;

  module::LineRate rate{};
  at::Dialect the_dialect{};
  std::map<std::string, FarEnd> far_ends;  // by "address:port"; others accept
  std::vector<Link> links;
  std::vector<Link> closed_links;     // as they were
  std::vector<std::string> commands;  // as they began
  std::vector<std::string> loggable;  // the same as they may be logged: of secret ones the name
  struct Datagram {
    at::LinkId link;
    std::string to;
    std::string payload;
  };
  std::vector<Datagram> datagrams;
  std::map<std::string, std::string> taken;  // what each far end got on streams, by "address:port"
  std::vector<std::string> troubles;
  std::set<at::LinkId> foreign;                // ids that CIPSTART finds taken
  std::set<std::string> unanswered;            // names of commands that end by their deadline
  std::set<std::string> refused;               // names of commands that get ERROR
  std::map<std::string, std::string> remarks;  // by the command's name: a line that the module says before its OK
  bool send_fails = false;                     // SEND FAIL
  bool send_hangs = false;                     // until cleared
  bool reading = true;                         // while not, payloads and answers wait
  std::size_t largest_read = SIZE_MAX;         // longer AT+CIPRECVDATA get ERROR
  bool joined = true;
  bool ping_answers = true;
  std::string address = "192.0.2.15";
  std::string ipv6_link_local{}, ipv6_global{};  // empty: none (yet)
  std::string dns = "\"192.0.2.3\",\"114.114.114.114\",\"8.8.8.8\"";
  std::size_t longest_turn = 8192;  // what the schedule allows a link
  bool open_send_ends = false;      // somebody else wants the channel
  std::size_t longest_block = 0;
  /// How many of so many bytes of a payload arrive at once; all, if not set.
  std::function<std::size_t(std::size_t)> chunk{};

 private:
  boost::asio::awaitable<void> enter();
  void leave();
  at::Outcome answer(at::Outcome::Status status);
  boost::asio::awaitable<at::Outcome> connect(const std::string& text);
  void shut(at::LinkId id);
  void set_passive(at::LinkId id, bool passive);
  at::Outcome read(const std::string& arguments, const module::RunOptions& options);
  void deliver(at::LinkId link, const std::string& data, const std::optional<at::Endpoint>& from);
  using PayloadHandler = std::function<void(const at::Payload&, at::Bytes chunk, std::size_t remaining, bool aborted)>;
  void hand_over(const at::Payload& payload, const std::string& data, const PayloadHandler& handler) const;

  boost::asio::io_context& io_;
  VirtualClock& clock_;
  module::State state_ = module::State::ready;
  module::Observer* observer_ = nullptr;
  bool busy_ = false;
  bool deaf_ = false;
  std::uint64_t restarts_ = 0;
  std::deque<std::shared_ptr<module::Alarm>> queue_;
  struct Held {
    at::LinkId link;
    std::string data;
    std::optional<at::Endpoint> from;
    bool close = false;
  };
  std::vector<Held> held_;
  std::vector<Held> unread_;
};

}  // namespace espat::net
