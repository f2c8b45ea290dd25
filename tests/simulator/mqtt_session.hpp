// One MQTT connection, from CONNECT to its end. The protocol is libmosquitto's, run by the simulator's own loop without
// threads. libmosquitto makes its sockets itself and knows neither the module's clock nor its certificates, so it gets
// one end of a private Unix connection; what goes over that is carried to and from the broker's stream, which is the
// module's: bound to its address, with its TLS, as slow as its Wi-Fi.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "mqtt_settings.hpp"
#include "signal.hpp"
#include "stream.hpp"

struct mosquitto;
struct mosquitto_message;

namespace sim {

class Firmware;

class MqttSession : public std::enable_shared_from_this<MqttSession> {
 public:
  /// Whom a session tells what happens.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_connected() = 0;
    /// The connection has ended, by the broker or on the way. Not called after disconnect() or abandon().
    virtual void on_lost() = 0;
    virtual void on_message(std::string_view topic, std::string_view payload, int qos) = 0;
    /// Returns when there is room for more messages: until then nothing is read from the broker.
    virtual Task<void> room() = 0;
  };

  MqttSession(Firmware& firmware, MqttSettings settings, std::unique_ptr<Stream> broker, Listener& listener);
  ~MqttSession();
  MqttSession(const MqttSession&) = delete;
  MqttSession& operator=(const MqttSession&) = delete;

  /// Sends CONNECT. False if libmosquitto refuses.
  bool start();
  /// True when the broker has accepted; false when it has refused, at the deadline and when the connection ends.
  Task<bool> accepted(Time deadline);
  bool ended() const { return ended_; }

  /// The number of what was sent; nothing if the protocol forbids it (a broker would hang up).
  std::optional<int> publish(const std::string& topic, const std::string& data, int qos, bool retain);
  std::optional<int> subscribe(const std::string& topic, int qos);
  std::optional<int> unsubscribe(const std::string& topic);
  /// What the broker granted or 0 for other acknowledgements; nothing at the deadline or when the connection ends.
  Task<std::optional<int>> acknowledged(int number, Time deadline);

  /// DISCONNECT, then the end.
  void disconnect();
  /// The connection breaks: the broker sees it end without DISCONNECT.
  void drop();
  /// Wi-Fi is gone or the firmware has restarted: the broker hears nothing.
  void abandon();

 private:
  using Self = std::shared_ptr<MqttSession>;
  struct Piece {
    Time due;
    std::string bytes;
    bool end = false;
  };

  bool open_inner();
  void set_callbacks();
  void on_end();
  void write_rest();
  Task<void> read(Self self);
  Task<void> write(Self self);
  Task<void> keep_alive(Self self);
  Task<void> to_broker(Self self);
  Task<void> from_broker(Self self);
  Task<void> land(Self self);

  Firmware& firmware_;
  MqttSettings settings_;
  std::unique_ptr<Stream> broker_;
  Listener* listener_;
  mosquitto* client_;
  asio::local::stream_protocol::socket outer_;  ///< our end
  asio::posix::stream_descriptor inner_;        ///< libmosquitto's end, to wait for it
  Signal changed_;
  bool connected_ = false;
  bool ended_ = false;
  bool writing_ = false;
  std::map<int, int> acknowledged_;
  std::deque<Piece> air_;
  std::size_t in_air_ = 0;
  Time last_due_{};
};

}  // namespace sim
