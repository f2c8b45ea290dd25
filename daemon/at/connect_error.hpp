// What the number of +ERRNO says about a connect that failed, in words.
//
// Firmware 5 prints it before the ERROR of AT+CIPSTART if AT+SYSLOG=1 (quirk 4). For TCP it is the socket's SO_ERROR or
// errno; for SSL the first that is not 0 of: flags of the certificate's verification, the error of mbedTLS, the error
// of esp-tls (guide, table of messages). The ranges overlap nowhere that matters: see connect_error.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace espat::at {

struct ConnectError {
  enum class Origin : std::uint8_t {
    refused,      // the far end, or something before it, said no
    no_network,   // the module has no network, or that has no way there
    no_host,      // nobody answered
    socket,       // something else before TLS: the time that it took tells more
    certificate,  // what the server showed was not accepted
    handshake,    // anything else between the two TLS ends
    unknown,
  } origin = Origin::unknown;
  std::string text;  // part of a sentence: "the certificate has expired"
};

/// `ssl`: the link's type. A number that nobody knows is told as a number.
ConnectError explain_connect_error(std::uint32_t number, bool ssl);

}  // namespace espat::at
