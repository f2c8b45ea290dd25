#include "nvs.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sim {

Nvs::Nvs(std::string file) : file_(std::move(file)) {
  if (std::ifstream in(file_); !file_.empty() && in) {
    data_ = nlohmann::json::parse(in, nullptr, false);
    if (!data_.is_object()) throw std::runtime_error(file_ + ": not a JSON object; remove it to start afresh");
  } else {
    data_ = nlohmann::json::object();
  }
  for (const char* part : {"settings", "manufacturing"})
    if (!data_.contains(part)) data_[part] = nlohmann::json::object();
}

void Nvs::set(const std::string& key, nlohmann::json value) {
  auto& place = data_["settings"][key];
  if (place == value) return;
  place = std::move(value);
  save();
}

void Nvs::restore() {
  data_["settings"] = nlohmann::json::object();
  save();
}

void Nvs::save() const {
  if (file_.empty()) return;
  const std::string fresh = file_ + ".new";
  std::ofstream(fresh) << data_.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  std::error_code ignored;
  std::filesystem::rename(fresh, file_, ignored);
}

}  // namespace sim
