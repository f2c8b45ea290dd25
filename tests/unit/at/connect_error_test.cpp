#include "at/connect_error.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace espat::at {
namespace {

using Origin = ConnectError::Origin;

struct Case {
  std::uint32_t number;
  bool ssl;
  Origin origin;
  const char* text;
};

TEST(ConnectErrors, AreToldInWords) {
  const Case cases[] = {
      {111, false, Origin::refused, "the far end refused the connection (0x6f)"},
      {118, false, Origin::no_host, "the host is unreachable (0x76)"},
      {1, false, Origin::unknown, "the module says error 0x1"},
      // Flags of the certificate come first, alone and together.
      {0x1, true, Origin::certificate, "the certificate has expired (0x1)"},
      {0x4, true, Origin::certificate, "the certificate is for another name (0x4)"},
      {0x8, true, Origin::certificate, "the certificate does not come from the CA that the module has (0x8)"},
      {0xc, true, Origin::certificate,
       "the certificate is for another name; the certificate does not come from the CA that the module has (0xc)"},
      {0x200, true, Origin::certificate, "the certificate is not valid yet (0x200)"},
      {0x1800, true, Origin::certificate, "the certificate is not made for servers (0x1800)"},
      // mbedTLS with and without its sign, alone and with a low-level error added.
      {0x2700, true, Origin::certificate, "the certificate was not accepted (0x2700)"},
      {0xffffd900, true, Origin::certificate, "the certificate was not accepted (0xffffd900)"},
      {0x7780, true, Origin::handshake, "the server ended the handshake with an alert (0x7780)"},
      {0xffff8880, true, Origin::handshake, "the server ended the handshake with an alert (0xffff8880)"},
      {0x73 + 0x7300, true, Origin::handshake, "a message of the server cannot be read (0x7373)"},
      {0x50, true, Origin::handshake, "the server reset the connection during the handshake (0x50)"},
      // esp-tls.
      {0x8004, true, Origin::socket, "the far end could not be connected to (0x8004)"},
      {0x8006, true, Origin::socket, "the connect timed out (0x8006)"},
      {0x801a, true, Origin::handshake, "the handshake failed (0x801a)"},
      // The socket's own number is no combination of flags.
      {111, true, Origin::refused, "the far end refused the connection (0x6f)"},
      {104, true, Origin::refused, "the far end reset the connection (0x68)"},
      {0x12345678, true, Origin::unknown, "the module says error 0x12345678"},
  };
  for (const auto& expected : cases) {
    SCOPED_TRACE(expected.text);
    const ConnectError error = explain_connect_error(expected.number, expected.ssl);
    EXPECT_EQ(error.text, expected.text);
    EXPECT_EQ(error.origin, expected.origin);
  }
}

}  // namespace
}  // namespace espat::at
