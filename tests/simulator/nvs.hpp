// The module's flash: settings that survive a restart, and the manufacturing area (AT+SYSMFG) with its certificates.
// Kept in a JSON file that is replaced as a whole, so a killed simulator leaves the old or the new one.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace sim {

class Nvs {
 public:
  /// An empty name keeps everything in memory. Throws std::runtime_error if the file is there but is not JSON.
  explicit Nvs(std::string file);

  const nlohmann::json& settings() const { return settings_; }
  void set(const std::string& key, nlohmann::json value);
  /// AT+RESTORE; the manufacturing area stays.
  void restore();

  /// Name spaces and keys in the order in which they were written (F.10b).
  nlohmann::ordered_json& manufacturing() { return manufacturing_; }
  void save() const;

 private:
  std::string file_;
  nlohmann::json settings_ = nlohmann::json::object();
  nlohmann::ordered_json manufacturing_ = nlohmann::ordered_json::object();
};

}  // namespace sim
