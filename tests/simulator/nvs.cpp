#include "nvs.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sim {

Nvs::Nvs(std::string file) : file_(std::move(file)) {
  std::ifstream in(file_);
  if (file_.empty() || !in) return;
  const auto data = nlohmann::ordered_json::parse(in, nullptr, false);
  if (!data.is_object()) throw std::runtime_error(file_ + ": not a JSON object; remove it to start afresh");
  if (data.contains("settings")) settings_ = nlohmann::json::parse(data.at("settings").dump());
  if (data.contains("manufacturing")) manufacturing_ = data.at("manufacturing");
}

void Nvs::set(const std::string& key, nlohmann::json value) {
  auto& place = settings_[key];
  if (place == value) return;
  place = std::move(value);
  save();
}

void Nvs::restore() {
  settings_ = nlohmann::json::object();
  save();
}

void Nvs::save() const {
  if (file_.empty()) return;
  nlohmann::ordered_json data;
  constexpr auto replace = nlohmann::json::error_handler_t::replace;  // an SSID need not be UTF-8
  data["settings"] = nlohmann::ordered_json::parse(settings_.dump(-1, ' ', false, replace));
  data["manufacturing"] = manufacturing_;
  const std::string fresh = file_ + ".new";
  std::ofstream(fresh) << data.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  std::error_code ignored;
  std::filesystem::rename(fresh, file_, ignored);
}

}  // namespace sim
