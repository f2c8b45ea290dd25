// Topics, whose they are, and the messages that come for them.
#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "module/carried_out.hpp"
#include "mqtt/client.hpp"
#include "mqtt/failures.hpp"
#include "mqtt/topic.hpp"

namespace espat::mqtt {

using boost::asio::awaitable;

namespace {

Error ended_meanwhile(const std::string& topic) {
  return {ErrorKind::cancelled, "The topic " + topic + " was unsubscribed from meanwhile."};
}

}  // namespace

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
  while (topic_turn_ != ticket) {
    boost::system::error_code ignored;
    co_await topic_turn_over_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
}

awaitable<Result<void>> Client::subscribe(std::string owner, std::string topic, unsigned qos) {
  const auto self = shared_from_this();
  if (const auto checked = check_filter(topic); checked.has_error()) co_return checked.error();
  if (qos > 2) co_return Error{ErrorKind::invalid_argument, "There is no QoS above 2."};
  if (!request_) {
    co_return Error{ErrorKind::not_ready, "There is no session with a broker: `espatctl mqtt connect` makes one."};
  }
  if (topics_.size() >= most_topics && !topics_.contains(topic)) {
    co_return Error{ErrorKind::busy,
                    "There are 100 topics already: unsubscribe from one first (`espatctl mqtt status` lists them)."};
  }
  // Before it is asked for: messages may come before its OK (quirk 137).
  Topic& entry = topics_[topic];
  const bool is_new = entry.owners.insert(owner).second;
  const unsigned before = entry.qos;
  entry.qos = std::max(entry.qos, qos);
  show_topics();
  if (status_.state != ClientState::connected || (entry.subscribed && *entry.subscribed >= qos)) {
    co_return Result<void>();
  }
  // Others may have the topic, too: what is begun is finished, whoever leaves.
  awaitable<Result<void>> work = begin_topic(owner, topic, is_new, before);
  const auto done = co_await module::carried_out(environment_.clock, channel_.executor(), std::move(work));
  co_return *done;
}

/// `before`: the QoS that others had asked for.
awaitable<Result<void>> Client::begin_topic(std::string owner, std::string topic, bool is_new, unsigned before) {
  const auto self = shared_from_this();
  const std::uint64_t ticket = topic_tickets_++;
  co_await until_turn(ticket);
  const TopicTurn turn(*this);
  Result<void> done = co_await subscribe_in_module(topic);
  if (done.has_value()) co_return done;
  // Lost with the module, it is subscribed with the next session. After ERROR it is not, even if the session is lost:
  // such a topic may have ended it (quirk 138), and would end every one.
  const bool refused = done.error().kind == ErrorKind::module;
  if (status_.state != ClientState::connected && !refused) co_return Result<void>();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return done;
  if (is_new) found->second.owners.erase(owner);
  if (found->second.owners.empty()) {
    topics_.erase(found);
    show_topics();
  } else if (!found->second.subscribed) {
    // Those who had it keep it as it was.
    found->second.qos = before;
    const Result<void> kept = co_await subscribe_in_module(topic);
    if (kept.has_error() && status_.state == ClientState::connected) give_up_topic(topic, kept.error());
  }
  co_return done;
}

awaitable<Result<void>> Client::subscribe_in_module(std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return ended_meanwhile(topic);
  const unsigned wanted = found->second.qos;
  if (status_.state != ClientState::connected) co_return Result<void>();  // it comes with the next session
  if (found->second.subscribed && *found->second.subscribed >= wanted) co_return Result<void>();
  // A second subscription of a topic does not change its QoS (measured H.2), so the first one ends.
  if (std::exchange(found->second.subscribed, std::nullopt)) (void)co_await end_topic_in_module(topic);
  co_return co_await ask_for(topic, wanted);
}

awaitable<Result<void>> Client::end_topic_in_module(std::string topic) {
  const auto self = shared_from_this();
  Result<at::Command> built = at::commands::mqtt_unsubscribe(topic);
  if (built.has_error()) co_return built.error();
  at::Command command = std::move(*built);
  const at::Outcome outcome = co_await channel_.run(std::move(command));
  if (!outcome.ok()) co_return outcome.error("Unsubscribing from " + topic);
  co_return Result<void>();
}

awaitable<Result<void>> Client::ask_for(std::string topic, unsigned qos) {
  const auto self = shared_from_this();
  if (!topics_.contains(topic)) co_return ended_meanwhile(topic);
  Result<at::Command> built = at::commands::mqtt_subscribe(topic, qos);
  if (built.has_error()) co_return built.error();
  at::Command command = std::move(*built);
  const at::Outcome outcome = co_await channel_.run(std::move(command));
  if (!outcome.ok()) {
    const auto subscribed = std::count_if(topics_.begin(), topics_.end(),
                                          [](const auto& entry) { return entry.second.subscribed.has_value(); });
    co_return subscribe_failure(outcome, topic, static_cast<std::size_t>(subscribed));
  }
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    // In a session that stands, who ended it waits for its turn to tell the module.
    if (status_.state != ClientState::connected) (void)co_await end_topic_in_module(topic);
    co_return ended_meanwhile(topic);
  }
  found->second.subscribed = qos;
  co_return Result<void>();
}

/// Until the module has all of them, also those that come meanwhile.
awaitable<Result<void>> Client::restore_topics(unsigned generation) {
  const auto self = shared_from_this();
  for (;;) {
    const auto next = std::find_if(topics_.begin(), topics_.end(), [](const auto& entry) {
      return !entry.second.subscribed || *entry.second.subscribed < entry.second.qos;
    });
    if (next == topics_.end()) co_return Result<void>();
    const std::string topic = next->first;
    const unsigned qos = next->second.qos;
    const unsigned disconnects = disconnects_;
    if (std::exchange(next->second.subscribed, std::nullopt)) (void)co_await end_topic_in_module(topic);
    const Result<void> done = co_await ask_for(topic, qos);
    if (generation != generation_) co_return done;
    if (done.has_value() || done.error().kind == ErrorKind::cancelled) continue;  // its owner has left meanwhile
    if (done.error().kind != ErrorKind::module || disconnects != disconnects_) co_return done;
    // Refused in a session that goes on: it would keep every session from coming about.
    give_up_topic(topic, done.error());
  }
}

awaitable<Result<void>> Client::unsubscribe(std::string owner, std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end() || !found->second.owners.contains(owner)) {
    co_return Error{ErrorKind::not_found, "You have not subscribed to " + topic + "."};
  }
  co_return co_await drop(std::move(owner), std::move(topic));
}

awaitable<Result<void>> Client::unsubscribe_everybody(std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return Error{ErrorKind::not_found, "Nobody has subscribed to " + topic + "."};
  const std::string last = *found->second.owners.begin();
  found->second.owners = {last};
  co_return co_await drop(last, std::move(topic));
}

awaitable<Result<void>> Client::drop(std::string owner, std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return Result<void>();
  found->second.owners.erase(owner);
  if (!found->second.owners.empty()) co_return Result<void>();
  topics_.erase(found);
  show_topics();
  if (status_.state != ClientState::connected) co_return Result<void>();
  // What is begun is finished, whoever leaves: else the module would go on with it for nobody.
  awaitable<Result<void>> work = end_topic(topic);
  const auto done = co_await module::carried_out(environment_.clock, channel_.executor(), std::move(work));
  co_return *done;
}

awaitable<Result<void>> Client::end_topic(std::string topic) {
  const auto self = shared_from_this();
  const std::uint64_t ticket = topic_tickets_++;
  co_await until_turn(ticket);
  const TopicTurn turn(*this);
  const auto found = topics_.find(topic);
  const bool is_back = found != topics_.end() && found->second.subscribed;
  if (is_back || status_.state != ClientState::connected) co_return Result<void>();
  const Result<void> done = co_await end_topic_in_module(topic);
  // Lost meanwhile: then it is not subscribed any more either.
  if (done.has_error() && status_.state != ClientState::connected) co_return Result<void>();
  co_return done;
}

void Client::forget_owner(const std::string& owner) {
  std::vector<std::string> theirs;
  for (const auto& [topic, entry] : topics_)
    if (entry.owners.contains(owner)) theirs.push_back(topic);
  for (const auto& topic : theirs) {
    boost::asio::co_spawn(
        channel_.executor(),
        [self = shared_from_this(), owner, topic]() -> awaitable<void> { (void)co_await self->drop(owner, topic); },
        boost::asio::detached);
  }
}

void Client::give_up_topic(const std::string& topic, const Error& why) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  channel_.log().warn("MQTT: the topic {} is given up: {}", topic, why.message);
  const std::vector<std::string> owners(found->second.owners.begin(), found->second.owners.end());
  const std::string name = topic;  // `topic` may be the one that goes
  topics_.erase(found);
  show_topics();
  watchers_.notify([&](Watcher& watcher) { watcher.on_topic_lost(name, owners, why); });
}

void Client::show_topics() {
  change([this](ClientStatus& status) {
    status.topics.clear();
    for (const auto& [topic, entry] : topics_) status.topics.push_back(topic);
  });
}

void Client::on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) {
  const auto now = environment_.clock.now();
  if (payload.kind != at::PayloadKind::mqtt_message) {
    joiner_.note_traffic(now);
    return;
  }
  if (aborted) {
    channel_.log().warn("MQTT: a message broke off and is lost");
    joiner_.abort();
    return;
  }
  if (chunk.size() + remaining == payload.length) {
    auto topic = at::parse_mqtt_topic(payload);
    joiner_.begin(topic ? std::move(*topic) : std::string(), payload.length);
  }
  joiner_.add(chunk);
  if (remaining > 0) return;
  joiner_.end(now);
  piece_alarm_->ring();
}

awaitable<void> Client::watch_pieces() {
  const auto self = shared_from_this();
  while (!stopped_) {
    co_await piece_alarm_->wait_until(joiner_.deadline());
    if (!stopped_) joiner_.expire(environment_.clock.now());
  }
}

void Client::deliver(Message message) {
  std::set<std::string> owners;
  for (const auto& [topic, entry] : topics_)
    if (matches(topic, message.topic)) owners.insert(entry.owners.begin(), entry.owners.end());
  if (owners.empty()) return;
  const std::vector<std::string> listed(owners.begin(), owners.end());
  watchers_.notify([&](Watcher& watcher) { watcher.on_message(message, listed); });
}

}  // namespace espat::mqtt
