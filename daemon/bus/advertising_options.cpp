#include "bus/advertising_options.hpp"

#include <map>
#include <utility>

#include "bluetooth/uuid.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

using bluetooth::ByteVector;

Error wrong(const std::string& sentence) {
  return {ErrorKind::invalid_argument, sentence};
}

/// In units of 0.625 ms.
unsigned interval(Options& options, const char* name, std::uint32_t otherwise) {
  constexpr std::uint32_t longest = 10240;
  const std::uint32_t milliseconds = options.take<std::uint32_t>(name).value_or(otherwise);
  return milliseconds > longest ? 0 : milliseconds * 8 / 5;  // 0 is refused with the limits
}

Result<bluetooth::AdvertisementContent> take_content(Options& options) {
  bluetooth::AdvertisementContent content;
  content.name = options.take<std::string>("name").value_or("");
  content.appearance = options.take<std::uint16_t>("appearance");
  for (const auto& text : options.take<std::vector<std::string>>("uuids").value_or(std::vector<std::string>())) {
    std::string uuid = bluetooth::parse_uuid(text);
    if (uuid.empty()) return wrong("“" + valid_text(text) + "” is no UUID.");
    content.uuids.push_back(std::move(uuid));
  }
  using Companies = std::map<std::uint16_t, sdbus::Variant>;
  for (const auto& [company, data] : options.take<Companies>("manufacturer-data").value_or(Companies())) {
    if (!data.containsValueOfType<ByteVector>()) return wrong("The values of “manufacturer-data” are bytes (ay).");
    content.manufacturer_data[company] = data.get<ByteVector>();
  }
  for (const auto& [text, data] : options.take<Dictionary>("service-data").value_or(Dictionary())) {
    const std::string uuid = bluetooth::parse_uuid(text);
    if (uuid.empty()) return wrong("“" + valid_text(text) + "” is no UUID.");
    if (!data.containsValueOfType<ByteVector>()) return wrong("The values of “service-data” are bytes (ay).");
    content.service_data[uuid] = data.get<ByteVector>();
  }
  return content;
}

}  // namespace

Result<bluetooth::AdvertisingRequest> take_advertising_request(Options& options) {
  constexpr std::uint32_t usual_interval = 100;                                 // ms
  constexpr unsigned connectable_type = 0, scannable_type = 2, other_type = 3;  // guide 3.4.8
  bluetooth::AdvertisingRequest request;
  const bool connectable = options.take<bool>("connectable").value_or(true);
  request.parameters.shortest_interval = interval(options, "min-interval", usual_interval);
  request.parameters.longest_interval = interval(options, "max-interval", usual_interval);
  const auto data = options.take<ByteVector>("data");
  const auto scan_response = options.take<ByteVector>("scan-response");
  Result<bluetooth::AdvertisementContent> content = take_content(options);
  if (const auto checked = options.check(); checked.has_error()) return checked.error();
  if (content.has_error()) return content.error();
  content->connectable = connectable;
  if (data || scan_response) {
    const bool words = !content->name.empty() || !content->uuids.empty() || !content->manufacturer_data.empty() ||
                       !content->service_data.empty() || content->appearance;
    if (words) return wrong("Give an advertisement either as bytes or in words.");
    request.data = data.value_or(ByteVector());
    request.scan_response = scan_response.value_or(ByteVector());
  } else {
    Result<bluetooth::EncodedAdvertisement> encoded = bluetooth::encode(*content);
    if (encoded.has_error()) return encoded.error();
    request.data = std::move(encoded->data);
    request.scan_response = std::move(encoded->scan_response);
  }
  request.parameters.type = connectable                      ? connectable_type
                            : !request.scan_response.empty() ? scannable_type
                                                             : other_type;
  return request;
}

}  // namespace espat::bus
