#include "render_json.hpp"

namespace espat::cli {

Json to_json(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows()) {
    Json object = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) object[key_of(table.columns()[i].title)] = row[i].value;
    rows.push_back(std::move(object));
  }
  return rows;
}

Json to_json(const Sheet& sheet) {
  Json object = Json::object();
  object["name"] = sheet.name;
  for (const Field& field : sheet.fields) object[field.key] = field.cell.value;
  return object;
}

std::string render(const Json& json, JsonMode mode) {
  return json.dump(mode == JsonMode::pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace espat::cli
