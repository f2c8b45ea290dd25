#include "mqtt_session.hpp"

#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <mosquitto.h>

#include "firmware.hpp"

namespace sim {
namespace {

/// libmosquitto takes no shorter one.
constexpr int shortest_keep_alive = 5;
constexpr auto one_burst = std::chrono::milliseconds(1);
/// The window of the module's TCP.
constexpr std::size_t most_in_air = LinkTable::window;

/// A directory of our own that is gone with the object.
class PrivateDirectory {
 public:
  PrivateDirectory() {
    std::error_code ignored;
    std::string pattern = (std::filesystem::temp_directory_path(ignored) / "espat-sim-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~PrivateDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  std::string path() const { return path_; }

 private:
  std::string path_;
};

struct Library {
  Library() { mosquitto_lib_init(); }
  ~Library() { mosquitto_lib_cleanup(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

}  // namespace

MqttSession::MqttSession(Firmware& firmware, MqttSettings settings, std::unique_ptr<Stream> broker, Listener& listener)
    : firmware_(firmware),
      settings_(std::move(settings)),
      broker_(std::move(broker)),
      listener_(&listener),
      client_(nullptr),
      outer_(firmware.executor()),
      inner_(firmware.executor()),
      changed_(firmware.executor()) {
  static const Library library;
  client_ = mosquitto_new(settings_.client_id.c_str(), settings_.clean_session, this);
}

MqttSession::~MqttSession() {
  mosquitto_destroy(client_);
}

void MqttSession::set_callbacks() {
  mosquitto_connect_callback_set(client_, [](mosquitto*, void* object, int code) {
    auto& self = *static_cast<MqttSession*>(object);
    if (code != 0) return;
    self.connected_ = true;
    if (self.listener_ != nullptr) self.listener_->on_connected();
    self.changed_.notify();
  });
  mosquitto_disconnect_callback_set(client_,
                                    [](mosquitto*, void* object, int) { static_cast<MqttSession*>(object)->on_end(); });
  mosquitto_message_callback_set(client_, [](mosquitto*, void* object, const mosquitto_message* message) {
    const auto& self = *static_cast<MqttSession*>(object);
    const auto* bytes = static_cast<const char*>(message->payload);
    const std::string_view payload(bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(message->payloadlen));
    if (self.listener_ != nullptr) self.listener_->on_message(message->topic, payload, message->qos);
  });
  const auto acknowledge = [](mosquitto*, void* object, int number) {
    auto& self = *static_cast<MqttSession*>(object);
    self.acknowledged_[number] = 0;
    self.changed_.notify();
  };
  mosquitto_publish_callback_set(client_, acknowledge);
  mosquitto_unsubscribe_callback_set(client_, acknowledge);
  mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* object, int number, int count, const int* granted) {
    auto& self = *static_cast<MqttSession*>(object);
    self.acknowledged_[number] = count > 0 ? granted[0] : 0;
    self.changed_.notify();
  });
}

/// Everything here is done at once: the connection waits in the listener's queue until it is accepted.
bool MqttSession::open_inner() {
  const PrivateDirectory directory;
  if (directory.path().empty()) return false;
  const std::string path = directory.path() + "/broker";
  Error failed;
  asio::local::stream_protocol::acceptor acceptor(firmware_.executor());
  acceptor.open(asio::local::stream_protocol(), failed);
  if (!failed) acceptor.bind(path, failed);
  if (!failed) acceptor.listen(1, failed);
  const int keep_alive = std::max(settings_.keep_alive, shortest_keep_alive);
  if (failed || mosquitto_connect(client_, path.c_str(), 0, keep_alive) != MOSQ_ERR_SUCCESS) return false;
  acceptor.accept(outer_, failed);
  const int own = ::fcntl(mosquitto_socket(client_), F_DUPFD_CLOEXEC, 0);
  if (failed || own < 0) return false;
  inner_.assign(own, failed);
  if (!failed) inner_.non_blocking(true, failed);
  return !failed;
}

bool MqttSession::start() {
  if (client_ == nullptr) return false;
  set_callbacks();
  if (!settings_.username.empty() || !settings_.password.empty())
    mosquitto_username_pw_set(client_, settings_.username.c_str(),
                              settings_.password.empty() ? nullptr : settings_.password.c_str());
  if (!settings_.will_topic.empty() &&
      mosquitto_will_set(client_, settings_.will_topic.c_str(), static_cast<int>(settings_.will_message.size()),
                         settings_.will_message.data(), settings_.will_qos, settings_.will_retain) != MOSQ_ERR_SUCCESS)
    return false;
  if (!open_inner()) return false;
  const Self self = shared_from_this();
  firmware_.spawn(to_broker(self));
  firmware_.spawn(from_broker(self));
  firmware_.spawn(land(self));
  firmware_.spawn(read(self));
  firmware_.spawn(keep_alive(self));
  write_rest();
  return true;
}

void MqttSession::on_end() {
  if (std::exchange(ended_, true)) return;
  Error ignored;
  inner_.close(ignored);
  changed_.notify();
  if (listener_ != nullptr && connected_) listener_->on_lost();
}

Task<bool> MqttSession::accepted(Time deadline) {
  while (!connected_ && !ended_ && Clock::now() < deadline) co_await firmware_.wait(changed_, deadline);
  co_return connected_ && !ended_;
}

std::optional<int> MqttSession::publish(const std::string& topic, const std::string& data, int qos, bool retain) {
  int number = 0;
  const int result =
      mosquitto_publish(client_, &number, topic.c_str(), static_cast<int>(data.size()), data.data(), qos, retain);
  write_rest();
  return result == MOSQ_ERR_SUCCESS ? std::optional(number) : std::nullopt;
}

std::optional<int> MqttSession::subscribe(const std::string& topic, int qos) {
  int number = 0;
  const int result = mosquitto_subscribe(client_, &number, topic.c_str(), qos);
  write_rest();
  return result == MOSQ_ERR_SUCCESS ? std::optional(number) : std::nullopt;
}

std::optional<int> MqttSession::unsubscribe(const std::string& topic) {
  int number = 0;
  const int result = mosquitto_unsubscribe(client_, &number, topic.c_str());
  write_rest();
  return result == MOSQ_ERR_SUCCESS ? std::optional(number) : std::nullopt;
}

Task<std::optional<int>> MqttSession::acknowledged(int number, Time deadline) {
  for (;;) {
    if (const auto found = acknowledged_.find(number); found != acknowledged_.end()) {
      const int granted = found->second;
      acknowledged_.erase(found);
      co_return granted;
    }
    if (ended_ || Clock::now() >= deadline) co_return std::nullopt;
    co_await firmware_.wait(changed_, deadline);
  }
}

void MqttSession::disconnect() {
  listener_ = nullptr;
  mosquitto_disconnect(client_);
  write_rest();
}

void MqttSession::drop() {
  Error ignored;
  broker_->socket().close(ignored);
  outer_.close(ignored);
  on_end();
}

void MqttSession::abandon() {
  listener_ = nullptr;
  firmware_.board().bury(std::move(broker_->socket()));
  Error ignored;
  outer_.close(ignored);
  on_end();
}

/// libmosquitto writes at once what the connection takes; this sees to the rest.
void MqttSession::write_rest() {
  if (ended_ || writing_ || !mosquitto_want_write(client_)) return;
  writing_ = true;
  firmware_.spawn(write(shared_from_this()));
}

Task<void> MqttSession::write(Self) {
  while (!ended_ && mosquitto_want_write(client_)) {
    const auto [error] = co_await inner_.async_wait(inner_.wait_write, as_result);
    firmware_.check();
    if (!ended_) mosquitto_loop_write(client_, 1);
    if (error) break;
  }
  writing_ = false;
}

Task<void> MqttSession::read(Self) {
  while (!ended_) {
    const auto [error] = co_await inner_.async_wait(inner_.wait_read, as_result);
    firmware_.check();
    if (error || ended_) co_return;
    // All that has arrived, before whoever waits for an acknowledgement goes on: a message that came with it is told
    // first (QUIRKS 137).
    asio::posix::stream_descriptor::bytes_readable waiting(1);
    Error failed;
    while (!ended_ && !failed && waiting.get() > 0 && mosquitto_loop_read(client_, 1) == MOSQ_ERR_SUCCESS)
      if (!ended_) inner_.io_control(waiting, failed);
    write_rest();
  }
}

Task<void> MqttSession::keep_alive(Self) {
  while (!ended_) {
    co_await firmware_.wait(changed_, Clock::now() + std::chrono::seconds(1));
    if (ended_) co_return;
    mosquitto_loop_misc(client_);
    write_rest();
  }
}

Task<void> MqttSession::to_broker(Self) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto [error, size] = co_await outer_.async_read_some(asio::buffer(buffer), as_result);
    if (error) break;
    const std::string_view bytes(buffer.data(), size);
    const Error failed = co_await broker_->write(bytes, Time::max());
    if (failed) break;
  }
  // libmosquitto has hung up: so does the module, after all that it had to say.
  Error ignored;
  broker_->socket().close(ignored);
}

/// What the broker sends is in the air for the Wi-Fi round trip.
Task<void> MqttSession::from_broker(Self) {
  std::array<char, 4096> buffer{};
  for (;;) {
    while (in_air_ > most_in_air && !ended_) co_await firmware_.wait(changed_);
    const auto [error, size] = co_await broker_->read(buffer.data(), buffer.size());
    firmware_.check();
    if (ended_) co_return;
    const auto& timing = firmware_.world().timing;
    Time due = Clock::now() + (firmware_.line().paced() ? Duration(timing.round_trip) : Duration::zero());
    if (timing.wifi_bytes_per_second > 0)
      due = std::max(due, last_due_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                          static_cast<double>(size) / timing.wifi_bytes_per_second)));
    last_due_ = due;
    air_.push_back({due, std::string(buffer.data(), size), error.failed()});
    in_air_ += size;
    changed_.notify();
    if (error) co_return;
  }
}

/// Hands what has landed to libmosquitto. Pieces that follow one another closely come in one burst of the radio.
Task<void> MqttSession::land(Self) {
  bool end = false;
  while (!ended_ && !end) {
    while (air_.empty() && !ended_) co_await firmware_.wait(changed_);
    while (!ended_ && Clock::now() < air_.front().due) co_await firmware_.wait(changed_, air_.front().due);
    if (ended_) co_return;
    std::string burst;
    while (!air_.empty() && !end && air_.front().due <= Clock::now() + one_burst) {
      burst += air_.front().bytes;
      end = air_.front().end;
      air_.pop_front();
    }
    if (listener_ != nullptr) co_await listener_->room();
    const auto [failed, written] = co_await asio::async_write(outer_, asio::buffer(burst), as_result);
    firmware_.check();
    in_air_ -= burst.size();
    changed_.notify();
    if (failed) co_return;
  }
  // Only this direction: libmosquitto reads what is still there, then hangs up itself.
  Error ignored;
  outer_.shutdown(outer_.shutdown_send, ignored);
}

}  // namespace sim
