#include "at/connect_error.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace espat::at {
namespace {

using Origin = ConnectError::Origin;

struct Meaning {
  std::uint32_t number;
  Origin origin;
  std::string_view text;
};

// SO_ERROR or errno (quirk 4). IDF's newlib and lwIP's own table number them differently: both are met. An ECONNABORTED
// (113, 103) is lwIP that gave up sending SYNs. 96 to 127 have bit 5, which is no flag of a certificate here.
constexpr std::array socket_errors{
    Meaning{5, Origin::socket, "an input/output error"},
    Meaning{11, Origin::socket, "the connect took too long"},
    Meaning{12, Origin::socket, "the module is out of memory"},
    Meaning{23, Origin::socket, "the module has no socket left"},
    Meaning{100, Origin::no_network, "the module's network is down"},
    Meaning{101, Origin::no_network, "the network is unreachable"},
    Meaning{103, Origin::no_host, "the host does not answer"},
    Meaning{104, Origin::refused, "the far end reset the connection"},
    Meaning{105, Origin::socket, "the module is out of memory"},
    Meaning{110, Origin::no_host, "the connect timed out"},
    Meaning{111, Origin::refused, "the far end refused the connection"},
    Meaning{112, Origin::socket, "the address is in use"},
    Meaning{113, Origin::no_host, "the host does not answer"},
    Meaning{114, Origin::no_network, "the network is unreachable"},
    Meaning{115, Origin::no_network, "the module's network is down"},
    Meaning{116, Origin::no_host, "the connect timed out"},
    Meaning{117, Origin::no_host, "the host is down"},
    Meaning{118, Origin::no_host, "the host is unreachable"},
    Meaning{128, Origin::socket, "the socket is not connected"},
};

// mbedTLS (mbedtls/ssl.h, x509.h, net_sockets.h), without their sign; esp-tls from 0x8001 on (esp_tls_errors.h).
constexpr std::array tls_errors{
    Meaning{0x42, Origin::socket, "the module has no socket left"},
    Meaning{0x44, Origin::socket, "the far end could not be connected to"},
    Meaning{0x4c, Origin::handshake, "the connection broke while the module waited for the server's answer"},
    Meaning{0x4e, Origin::handshake, "the connection broke during the handshake"},
    Meaning{0x50, Origin::handshake, "the server reset the connection during the handshake"},
    Meaning{0x2180, Origin::certificate, "the certificate cannot be read"},
    Meaning{0x2400, Origin::certificate, "the certificate has a date that cannot be read"},
    Meaning{0x2600, Origin::certificate, "the certificate has a signature of an unknown kind"},
    Meaning{0x2700, Origin::certificate, "the certificate was not accepted"},
    Meaning{0x2780, Origin::certificate, "the certificate cannot be read"},
    Meaning{0x2880, Origin::handshake, "the module is out of memory"},
    Meaning{0x3000, Origin::certificate, "the certificate cannot be checked"},
    Meaning{0x6600, Origin::handshake, "the server sent a parameter that TLS does not allow"},
    Meaning{0x6800, Origin::handshake, "the server did not go on with the handshake in time"},
    Meaning{0x6c00, Origin::handshake, "an internal error of the module's TLS"},
    Meaning{0x6c80, Origin::handshake, "the server does not know the identity of the pre-shared key"},
    Meaning{0x6e00, Origin::handshake, "client and server have no common way to do TLS"},
    Meaning{0x6e80, Origin::handshake, "the server wants another version of TLS; the module has 1.2 at most"},
    Meaning{0x7080, Origin::handshake, "the server wants something that the module's TLS lacks"},
    Meaning{0x7100, Origin::handshake, "the module's TLS settings are wrong"},
    Meaning{0x7180, Origin::handshake, "a message could not be verified: the pre-shared keys may differ"},
    Meaning{0x7200, Origin::handshake, "the server's answer is not TLS"},
    Meaning{0x7280, Origin::handshake, "the server closed the connection during the handshake"},
    Meaning{0x7300, Origin::handshake, "a message of the server cannot be read"},
    Meaning{0x7480, Origin::handshake, "the module has no client certificate to show"},
    Meaning{0x7580, Origin::handshake, "the server speaks none of the ALPN protocols"},
    Meaning{0x7600, Origin::handshake, "the module has no private key for the client certificate"},
    Meaning{0x7680, Origin::certificate, "the module has no CA certificate to check the server with"},
    Meaning{0x7700, Origin::handshake, "the server sent an unexpected message"},
    Meaning{0x7780, Origin::handshake, "the server ended the handshake with an alert"},
    Meaning{0x7800, Origin::handshake, "the server does not know the server name"},
    Meaning{0x7880, Origin::handshake, "the server closed the connection during the handshake"},
    Meaning{0x7900, Origin::handshake, "a message of the handshake cannot be read"},
    Meaning{0x7980, Origin::handshake, "the server's hello cannot be read"},
    Meaning{0x7a00, Origin::certificate, "the certificate cannot be used"},
    Meaning{0x7f00, Origin::handshake, "the module is out of memory"},
    Meaning{0x8001, Origin::socket, "the name could not be resolved"},
    Meaning{0x8002, Origin::socket, "the module has no socket left"},
    Meaning{0x8004, Origin::socket, "the far end could not be connected to"},
    Meaning{0x8005, Origin::socket, "the socket could not be set up"},
    Meaning{0x8006, Origin::socket, "the connect timed out"},
    Meaning{0x8008, Origin::handshake, "the server closed the connection during the handshake"},
    Meaning{0x8012, Origin::handshake, "the server name cannot be used"},
    Meaning{0x8014, Origin::handshake, "the ALPN protocols cannot be used"},
    Meaning{0x8015, Origin::certificate, "a certificate that the module has stored cannot be read"},
    Meaning{0x8016, Origin::handshake, "the client certificate that the module has stored cannot be used"},
    Meaning{0x8017, Origin::handshake, "the module's TLS could not be set up; it may be out of memory"},
    Meaning{0x8019, Origin::handshake, "the private key that the module has stored cannot be read"},
    Meaning{0x801a, Origin::handshake, "the handshake failed"},
    Meaning{0x801b, Origin::handshake, "the pre-shared key cannot be used"},
};

constexpr auto by_number = [](const Meaning& a, const Meaning& b) { return a.number < b.number; };
static_assert(std::is_sorted(socket_errors.begin(), socket_errors.end(), by_number));
static_assert(std::is_sorted(tls_errors.begin(), tls_errors.end(), by_number));

// MBEDTLS_X509_BADCERT_… (mbedtls/x509.h). Those of revocation lists and of Netscape's type are left out: the module
// has no such lists, and every error of mbedTLS from 0x2000 on has one of these bits, so that the two can be told
// apart.
constexpr std::array certificate_flags{
    Meaning{0x000001, Origin::certificate, "the certificate has expired"},
    Meaning{0x000002, Origin::certificate, "the certificate was revoked"},
    Meaning{0x000004, Origin::certificate, "the certificate is for another name"},
    Meaning{0x000008, Origin::certificate, "the certificate does not come from the CA that the module has"},
    Meaning{0x000040, Origin::certificate, "the server showed no certificate"},
    Meaning{0x000100, Origin::certificate, "the certificate was not accepted"},
    Meaning{0x000200, Origin::certificate, "the certificate is not valid yet"},
    Meaning{0x000800, Origin::certificate, "the certificate is not made for servers"},
    Meaning{0x001000, Origin::certificate, "the certificate is not made for servers"},
    Meaning{0x004000, Origin::certificate, "the certificate is signed with a hash that is not accepted"},
    Meaning{0x008000, Origin::certificate, "the certificate has a key of a kind that is not accepted"},
    Meaning{0x010000, Origin::certificate, "the certificate's key is too short"},
};

template <std::size_t size>
const Meaning* find(const std::array<Meaning, size>& table, std::uint32_t number) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Meaning& m) { return m.number == number; });
  return found == table.end() ? nullptr : &*found;
}

/// Nothing if a bit is set that means nothing.
std::string flags_text(std::uint32_t number) {
  std::string text;
  for (const Meaning& flag : certificate_flags) {
    if ((number & flag.number) == 0) continue;
    number &= ~flag.number;
    if (text.find(flag.text) != std::string::npos) continue;
    text.append(text.empty() ? "" : "; ").append(flag.text);
  }
  return number == 0 ? text : std::string();
}

std::string number_text(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(number));
  return text;
}

}  // namespace

ConnectError explain_connect_error(std::uint32_t number, bool ssl) {
  const std::string known = " (" + number_text(number) + ")";
  if (!ssl) {
    if (const Meaning* meaning = find(socket_errors, number))
      return {meaning->origin, std::string(meaning->text) + known};
    return {Origin::unknown, "the module says error " + number_text(number)};
  }
  // mbedTLS counts its errors below zero; whether the sign is printed is up to the firmware.
  const std::uint32_t positive = number >= 0x80000000U ? 0U - number : number;
  const Meaning* meaning = find(tls_errors, positive);
  if (meaning != nullptr) return {meaning->origin, std::string(meaning->text) + known};
  if (const std::string text = flags_text(number); !text.empty()) return {Origin::certificate, text + known};
  meaning = find(socket_errors, positive);
  // A low-level error of mbedTLS may be added to one of its high-level ones, which are multiples of 0x80.
  if (meaning == nullptr && positive >= 0x2000 && positive < 0x8000) meaning = find(tls_errors, positive & ~0x7fU);
  if (meaning != nullptr) return {meaning->origin, std::string(meaning->text) + known};
  return {Origin::unknown, "the module says error " + number_text(number)};
}

}  // namespace espat::at
