// Topics, whose they are, and the messages that come for them.
#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "module/carried_out.hpp"
#include "mqtt/client.hpp"
#include "mqtt/topic.hpp"

namespace espat::mqtt {

using boost::asio::awaitable;

unsigned Client::Topic::qos() const {
  unsigned highest = 0;
  for (const auto& [owner, qos] : owners) highest = std::max(highest, qos);
  return highest;
}

std::vector<std::string> Client::Topic::owner_names() const {
  std::vector<std::string> names;
  for (const auto& [owner, qos] : owners) names.push_back(owner);
  return names;
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
  const auto own = entry.owners.find(owner);
  const std::optional<unsigned> before = own == entry.owners.end() ? std::nullopt : std::optional(own->second);
  entry.owners[owner] = std::max(qos, before.value_or(0));
  show_topics();
  if (status_.state != ClientState::connected || (entry.subscribed && *entry.subscribed >= qos)) {
    co_return Result<void>();
  }
  // Others may have the topic, too: what is begun is finished, whoever leaves.
  awaitable<Result<void>> work = begin_topic(owner, topic, before);
  std::string what = "Subscribing to " + topic;
  co_return co_await finish(std::move(work), std::move(what));
}

awaitable<Result<void>> Client::finish(awaitable<Result<void>> work, std::string what) {
  const auto self = shared_from_this();
  const module::TimePoint limit = environment_.clock.now() + module::longest_reply;
  const auto done = co_await module::carried_out(environment_.clock, channel_.executor(), std::move(work), limit);
  if (done) co_return *done;
  co_return Error{ErrorKind::timeout, what + " takes long and goes on: `espatctl mqtt status` shows what comes of it."};
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
  const std::string last = found->second.owners.begin()->first;
  found->second.owners.erase(std::next(found->second.owners.begin()), found->second.owners.end());
  co_return co_await drop(last, std::move(topic));
}

awaitable<Result<void>> Client::drop(std::string owner, std::string topic) {
  const auto self = shared_from_this();
  const auto found = topics_.find(topic);
  if (found == topics_.end()) co_return Result<void>();
  found->second.owners.erase(owner);
  if (!found->second.owners.empty()) co_return Result<void>();
  if (found->second.subscribed && status_.state != ClientState::connected) left_over_.insert(topic);
  topics_.erase(found);
  show_topics();
  if (status_.state != ClientState::connected) co_return Result<void>();
  // What is begun is finished, whoever leaves: else the module would go on with it for nobody.
  awaitable<Result<void>> work = end_topic(topic);
  std::string what = "Unsubscribing from " + topic;
  co_return co_await finish(std::move(work), std::move(what));
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
  const std::vector<std::string> owners = found->second.owner_names();
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
    if (matches(topic, message.topic))
      for (const auto& [owner, qos] : entry.owners) owners.insert(owner);
  if (owners.empty()) return;
  const std::vector<std::string> listed(owners.begin(), owners.end());
  watchers_.notify([&](Watcher& watcher) { watcher.on_message(message, listed); });
}

}  // namespace espat::mqtt
