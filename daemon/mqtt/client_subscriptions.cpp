// What the module is subscribed to: made what the owners of topics want, one topic after the other.
//
// Each begin and end is carried out whoever leaves meanwhile, since others may have the topic, too. In a session that
// is being made, only restore_topics() subscribes; who wants a topic then is served by it.
#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mqtt/client.hpp"
#include "mqtt/failures.hpp"

namespace espat::mqtt {
namespace {

using boost::asio::awaitable;

Error ended_meanwhile(const std::string& topic) {
  return {ErrorKind::cancelled, "The topic " + topic + " was unsubscribed from or given up meanwhile."};
}

Error stopping() {
  return {ErrorKind::cancelled, "The daemon is stopping."};
}

}  // namespace

/// The module has none any more, or will not have in a moment.
void Client::forget_subscriptions() {
  ++sessions_;
  left_over_.clear();
  for (auto& [name, topic] : topics_) topic.subscribed.reset();
}

/// One topic is begun or ended in the module after the other, in the order in which that was asked for.
class Client::TopicTurn {
 public:
  explicit TopicTurn(Client& client) : client_(client) {}
  TopicTurn(const TopicTurn&) = delete;
  TopicTurn& operator=(const TopicTurn&) = delete;
  ~TopicTurn() {
    ++client_.topic_turn_;
    client_.topic_turn_over_.cancel();
  }

 private:
  Client& client_;
};

awaitable<void> Client::until_turn(std::uint64_t ticket) {
  const auto self = shared_from_this();
  while (topic_turn_ != ticket && !stopped_) {
    boost::system::error_code ignored;
    co_await topic_turn_over_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
}

/// `before`: the QoS that the owner had wanted until now, if any.
awaitable<Result<void>> Client::begin_topic(std::string owner, std::string topic, std::optional<unsigned> before) {
  const auto self = shared_from_this();
  const std::uint64_t ticket = topic_tickets_++;
  co_await until_turn(ticket);
  if (stopped_) co_return stopping();
  const TopicTurn turn(*this);
  const unsigned session = sessions_;
  Result<void> done = co_await subscribe_in_module(topic);
  if (done.has_value()) co_return done;
  // Lost with the session, it is subscribed with the next one. After ERROR it is not, even if the session is lost: such
  // a topic may have ended it (quirk 138), and would end every one.
  const bool refused = done.error().kind == ErrorKind::module;
  if (session != sessions_ && !refused) co_return Result<void>();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return done;
  if (before) {
    found->second.owners[owner] = *before;
  } else {
    found->second.owners.erase(owner);
  }
  if (found->second.owners.empty()) {
    topics_.erase(found);
    show_topics();
  } else if (!found->second.subscribed) {
    // Those who had it keep it as it was.
    const Result<void> kept = co_await subscribe_in_module(topic);
    if (kept.has_error() && session == sessions_ && !stopped_) give_up_topic(topic, kept.error());
  }
  co_return done;
}

awaitable<Result<void>> Client::subscribe_in_module(std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return ended_meanwhile(topic);
  if (stopped_) co_return stopping();
  const unsigned wanted = found->second.qos();
  if (status_.state != ClientState::connected) co_return Result<void>();  // it comes with the next session
  if (found->second.subscribed && *found->second.subscribed >= wanted) co_return Result<void>();
  // A second subscription of a topic does not change its QoS (measured H.2), so the first one ends.
  const unsigned session = sessions_;
  if (std::exchange(found->second.subscribed, std::nullopt)) (void)co_await end_topic_in_module(topic);
  if (session != sessions_) co_return Result<void>();  // the same
  co_return co_await ask_for(topic, wanted);
}

awaitable<Result<void>> Client::end_topic_in_module(std::string topic) {
  const auto self = shared_from_this();
  Result<at::Command> built = at::commands::mqtt_unsubscribe(topic);
  if (built.has_error()) co_return built.error();
  at::Command command = std::move(*built);
  module::RunOptions options;
  options.is_wanted = [self, session = sessions_] { return self->sessions_ == session; };
  const at::Outcome outcome = co_await channel_.run(std::move(command), std::move(options));
  if (!outcome.ok()) co_return outcome.error("Unsubscribing from " + topic);
  co_return Result<void>();
}

awaitable<Result<void>> Client::ask_for(std::string topic, unsigned qos) {
  const auto self = shared_from_this();
  if (!topics_.contains(topic)) co_return ended_meanwhile(topic);
  Result<at::Command> built = at::commands::mqtt_subscribe(topic, qos);
  if (built.has_error()) co_return built.error();
  at::Command command = std::move(*built);
  const unsigned session = sessions_;
  module::RunOptions options;
  options.is_wanted = [self, session] { return self->sessions_ == session; };
  const at::Outcome outcome = co_await channel_.run(std::move(command), std::move(options));
  if (!outcome.ok()) {
    const auto subscribed = std::count_if(topics_.begin(), topics_.end(),
                                          [](const auto& entry) { return entry.second.subscribed.has_value(); });
    co_return subscribe_failure(outcome, topic, static_cast<std::size_t>(subscribed));
  }
  if (session != sessions_) co_return Error{ErrorKind::not_ready, "The session was lost meanwhile."};
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    // In a session that stands, who ended it waits for its turn to tell the module.
    if (status_.state != ClientState::connected) left_over_.insert(topic);
    co_return ended_meanwhile(topic);
  }
  found->second.subscribed = qos;
  co_return Result<void>();
}

/// Until the module has all of them and no others, also those that come and go meanwhile.
awaitable<Result<void>> Client::restore_topics(unsigned generation) {
  const auto self = shared_from_this();
  for (;;) {
    const unsigned disconnects = disconnects_;
    const auto next = std::find_if(topics_.begin(), topics_.end(), [](const auto& entry) {
      return !entry.second.subscribed || *entry.second.subscribed < entry.second.qos();
    });
    const std::string topic = next != topics_.end() ? next->first : left_over_.empty() ? "" : *left_over_.begin();
    if (topic.empty()) co_return Result<void>();
    const bool is_held =
        left_over_.erase(topic) > 0 || (next != topics_.end() && std::exchange(next->second.subscribed, std::nullopt));
    if (is_held) (void)co_await end_topic_in_module(topic);
    if (generation != generation_) co_return ended_meanwhile(topic);
    const auto wanted = topics_.find(topic);
    if (wanted == topics_.end()) continue;
    const Result<void> done = co_await ask_for(topic, wanted->second.qos());
    if (generation != generation_) co_return done;
    if (done.has_value() || done.error().kind == ErrorKind::cancelled) continue;  // its owner has left meanwhile
    if (done.error().kind != ErrorKind::module || disconnects != disconnects_) co_return done;
    // Refused in a session that goes on: it would keep every session from coming about.
    give_up_topic(topic, done.error());
  }
}

awaitable<Result<void>> Client::end_topic(std::string topic) {
  const auto self = shared_from_this();
  const std::uint64_t ticket = topic_tickets_++;
  co_await until_turn(ticket);
  if (stopped_) co_return stopping();
  const TopicTurn turn(*this);
  const auto found = topics_.find(topic);
  const bool is_back = found != topics_.end() && found->second.subscribed;
  if (is_back || status_.state != ClientState::connected) co_return Result<void>();
  const Result<void> done = co_await end_topic_in_module(topic);
  // Lost meanwhile: then it is not subscribed any more either.
  if (done.has_error() && status_.state != ClientState::connected) co_return Result<void>();
  co_return done;
}

}  // namespace espat::mqtt
