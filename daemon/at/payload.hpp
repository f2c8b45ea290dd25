// Length-framed data inside the module's output: the header that announces it.
//
// The lexer hands a payload on as views of its input while it arrives; only this header is kept (DESIGN section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "at/types.hpp"

namespace espat::at {

enum class PayloadKind : std::uint8_t {
  ipd,                // +IPD in active mode
  receive_data,       // +CIPRECVDATA, the answer to a passive read
  mqtt_message,       // +MQTTSUBRECV
  http,               // +HTTPCLIENT, +HTTPCGET, +HTTPCPOST, +HTTPCPUT
  websocket,          // +WS_DATA
  gatt_notification,  // +NOTIFY
  gatt_indication,    // +INDICATE
  gatt_write,         // +WRITE
  gatt_read,          // +BLEGATTCRD
  other,              // +BLUFIDATA, +SYSFLASH, +SYSMFG, +FS, +MDNS …: told apart by name
};

struct Payload {
  PayloadKind kind = PayloadKind::other;
  std::string name;              // "IPD", "CIPRECVDATA", …
  std::optional<LinkId> link;    // absent with AT+CIPMUX=0 and in +CIPRECVDATA
  std::size_t length = 0;        // bytes announced
  std::optional<Endpoint> from;  // with AT+CIPDINFO=1 (quirks 81, 85)
  std::string arguments;         // the header's text between name and data, for kinds that carry more
};

}  // namespace espat::at
