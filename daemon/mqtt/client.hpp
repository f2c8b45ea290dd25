// The module's MQTT client: one session with one broker, which the host keeps up.
//
// The module's own reconnecting stays off: after a loss it knows neither subscriptions nor settings. A session that was
// up once is made again after loss of the broker, of Wi-Fi and of the module, with back-off, until disconnect(); then
// the topics are subscribed again and what was published meanwhile is sent.
//
// Invariants:
// - one user operation (connect) at a time; it and disconnect() displace the keeper, the coroutine that reconnects;
// - a topic is subscribed once in the module, for as long as anybody wants it (owners are the bus's callers);
// - messages are sent in the order of publish(); while the session is away they wait, at most `most_waiting` of them
//   and `most_waiting_bytes`: what comes then is refused, nothing that was accepted is thrown away for it;
// - a password goes to the module, nowhere else.
//
// Lives in a shared_ptr, because its coroutines hold one while they wait for the module. Whoever owns it calls stop()
// and then lets the loop run before the channel is destroyed.
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

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "at/mqtt.hpp"
#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"
#include "module/module_time.hpp"
#include "module/observer_list.hpp"
#include "module/wall_clock.hpp"
#include "mqtt/message_joiner.hpp"

namespace espat::mqtt {

/// `reconnecting`: it was lost, and is made again by itself.
enum class ClientState : std::uint8_t { disconnected, connecting, connected, reconnecting };

struct ClientStatus {
  bool supported = false;  // by the firmware; known since the module was first ready
  ClientState state = ClientState::disconnected;
  std::string reason;               // why not connected; empty when connected
  std::string broker;               // "mqtts://host:port"; empty if none was asked for
  std::string client_id;            // the same
  std::vector<std::string> topics;  // subscribed, or to be once there is a session
  std::size_t waiting = 0;          // messages that wait for the session
  bool operator==(const ClientStatus&) const = default;
};

struct ConnectRequest {
  at::MqttTransport transport = at::MqttTransport::tcp;
  std::string host;  // a name or an IPv4 address
  std::uint16_t port = 1883;
  std::string client_id{};  // empty: one is made
  std::string username{}, password{};
  unsigned keep_alive = 120;  // seconds, 1 to 7200
  bool clean_session = true;
  std::optional<at::MqttWill> will{};
  at::SslVerification verification = at::SslVerification::check_server;  // of tls and wss
  unsigned certificate = 0, authority = 0;                               // numbers of what is in the module
  std::vector<std::string> alpn{};
  std::string server_name{};  // empty: the host, if that is a name
  std::string path{};         // of ws and wss
};

struct Publication {
  std::string topic;
  std::vector<std::uint8_t> payload{};
  unsigned qos = 0;
  bool retain = false;
};

/// What became of a publication that was not refused. `sent`: the module said so; from QoS 1 on the broker has it.
enum class Published : std::uint8_t { sent, waiting };

/// Hears what changes. Called from the reader and from coroutines: it must neither block nor destroy the client.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_status() {}
  /// A message, with the owners of the topics that mean it.
  virtual void on_message(const Message&, const std::vector<std::string>& owners) { (void)owners; }
  /// A topic was refused when a lost session was made again, or went with the firmware: its owners hear no more of it.
  virtual void on_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error& why) {
    (void)topic, (void)owners, (void)why;
  }
};

/// What the client takes from the world.
struct ClientEnvironment {
  module::Clock& clock;                 // these outlive the client's coroutines
  const module::WallClock& wall_clock;  // tells a module that is to check certificates the time
  std::function<double()> random;       // in [0, 1)
  /// The daemon's own name lookup, since the module's holds its channel for up to 21 s (measured 14). An IPv4 address.
  std::function<boost::asio::awaitable<Result<std::string>>(std::string)> resolve;
};

class Client final : public module::Observer, public std::enable_shared_from_this<Client> {
 public:
  static constexpr std::size_t most_waiting = 100;
  static constexpr std::size_t most_waiting_bytes = 262'144;
  /// Topics, all owners' together: far more than firmware takes (guide 3.5.12: 10).
  static constexpr std::size_t most_topics = 100;
  /// More than a module has as memory.
  static constexpr std::size_t longest_publication = 131'072;

  /// Use std::make_shared, then start(). `channel` outlives the client's coroutines.
  Client(module::Channel& channel, ClientEnvironment environment);

  void start();
  /// Ends every wait and every observation. Coroutines in the middle of a command end with its answer.
  void stop();

  const ClientStatus& status() const { return status_; }
  /// The watcher outlives the subscription.
  module::Subscription watch(Watcher& watcher) { return watchers_.add(watcher); }

  /// Ends what there is and makes a session; done when the broker has accepted it and the topics are subscribed, or
  /// after 19 s. Only a session that came about is made again by itself.
  boost::asio::awaitable<Result<void>> connect(ConnectRequest request);
  /// Ends the session; what waits is thrown away. Topics stay with their owners, for the next session.
  boost::asio::awaitable<Result<void>> disconnect();

  boost::asio::awaitable<Result<Published>> publish(Publication publication);

  /// While the session is away, done when it is noted: it is subscribed with the next one.
  boost::asio::awaitable<Result<void>> subscribe(std::string owner, std::string topic, unsigned qos);
  /// Error not_found if the owner has no such topic.
  boost::asio::awaitable<Result<void>> unsubscribe(std::string owner, std::string topic);
  /// For all its owners. Error not_found if it has none.
  boost::asio::awaitable<Result<void>> unsubscribe_everybody(std::string topic);
  /// The owner has left: its topics go.
  void forget_owner(const std::string& owner);

  void on_state(module::State state) override;
  void on_report(const at::Report& report) override;
  void on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) override;

 private:
  struct Keeper {
    std::unique_ptr<module::Alarm> alarm;
    bool stopped = false;
  };
  struct Topic {
    std::map<std::string, unsigned> owners;  // with the QoS that each wants
    std::optional<unsigned> subscribed{};    // in this session, with that QoS
    unsigned qos() const;
    std::vector<std::string> owner_names() const;
  };
  class TopicTurn;
  enum class WiFi : std::uint8_t { unknown, down, up };

  // client.cpp
  void change(const std::function<void(ClientStatus&)>& edit);
  boost::asio::awaitable<at::Outcome> transmit(Publication publication, bool* refused);
  Result<Published> keep_waiting(Publication publication);
  void show_waiting();
  void forget_waiting();

  // client_session.cpp
  boost::asio::awaitable<Result<void>> establish(unsigned generation, bool asked_for);
  boost::asio::awaitable<Result<void>> prepare_verification();
  void give_up();
  void clean_up();
  void lose(std::string reason);
  void start_keeper();
  void stop_keeper();
  boost::asio::awaitable<void> keep_connected(std::shared_ptr<Keeper> keeper);
  boost::asio::awaitable<void> send_waiting(std::shared_ptr<Keeper> keeper);
  bool may_try() const;

  // client_settings.cpp
  boost::asio::awaitable<Result<void>> configure(unsigned generation);
  boost::asio::awaitable<Result<void>> introduce(at::MqttUser user);
  boost::asio::awaitable<Result<void>> step(Result<at::Command> command, std::string what,
                                            std::vector<std::uint8_t> payload);

  // client_subscriptions.cpp
  void forget_subscriptions();
  boost::asio::awaitable<Result<void>> restore_topics(unsigned generation);
  boost::asio::awaitable<void> until_turn(std::uint64_t ticket);
  boost::asio::awaitable<Result<void>> begin_topic(std::string owner, std::string topic,
                                                   std::optional<unsigned> before);
  boost::asio::awaitable<Result<void>> end_topic(std::string topic);
  boost::asio::awaitable<Result<void>> subscribe_in_module(std::string topic);
  boost::asio::awaitable<Result<void>> end_topic_in_module(std::string topic);
  boost::asio::awaitable<Result<void>> ask_for(std::string topic, unsigned qos);

  // client_topics.cpp
  boost::asio::awaitable<Result<void>> drop(std::string owner, std::string topic);
  boost::asio::awaitable<Result<void>> finish(boost::asio::awaitable<Result<void>> work, std::string what);
  void show_topics();
  void give_up_topic(const std::string& topic, const Error& why);
  void deliver(Message message);
  boost::asio::awaitable<void> watch_pieces();

  module::Channel& channel_;
  ClientEnvironment environment_;
  module::Subscription subscription_;
  ClientStatus status_;
  module::ObserverList<Watcher> watchers_;

  std::shared_ptr<const ConnectRequest> request_;  // of the session that is wanted, or being made
  std::map<std::string, Topic> topics_;
  std::set<std::string> left_over_;                   // in the module, but nobody's any more
  unsigned sessions_ = 0;                             // counts what ends every subscription in the module
  std::uint64_t topic_tickets_ = 0, topic_turn_ = 0;  // given out; the one whose turn it is
  boost::asio::steady_timer topic_turn_over_;         // never expires; cancelled at the end of every turn
  std::deque<Publication> waiting_;
  std::size_t waiting_bytes_ = 0;
  module::ModuleTime time_;
  MessageJoiner joiner_;
  std::unique_ptr<module::Alarm> piece_alarm_;
  std::shared_ptr<Keeper> keeper_;

  bool stopped_ = false;
  bool connecting_ = false;   // for a user
  bool retry_now_ = false;    // something has changed for the better
  unsigned generation_ = 0;   // counts user operations: what began before has nothing to say
  unsigned disconnects_ = 0;  // +MQTTDISCONNECTED and losses of the module
  WiFi wifi_ = WiFi::unknown;
};

}  // namespace espat::mqtt
