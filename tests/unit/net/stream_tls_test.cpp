// Streams over D-Bus in which the module does TLS.
#include <algorithm>
#include <deque>

#include "stream_program.hpp"

namespace espat::net {
namespace {

struct TlsStreams : Translator {
  void SetUp() override {
    for (const char* name : {"CONF", "CN", "SNI", "ALPN", "PSKHEX"})
      channel.the_dialect.commands.insert(std::string("+CIPSSLC") + name);
    channel.the_dialect.commands.insert("+SYSTIMESTAMP");
    Translator::SetUp();
    TlsRules rules;
    rules["device"] = {.ports = {9}, .server_name = "rule.test", .verify = false, .client_certificate = 1};
    interface->set_tls_rules(rules);
  }
  StreamRequest request(const std::string& host) {
    StreamRequest request;
    request.type = StreamType::ssl;
    request.host = host;
    request.port = 443;
    return request;
  }
  bool was_sent(const std::string& command) const {
    return std::find(channel.commands.begin(), channel.commands.end(), command) != channel.commands.end();
  }
};

TEST_F(TlsStreams, a_stream_checks_the_certificate_for_the_server_name_before_it_carries_anything) {
  StreamRequest wanted = request("198.51.100.7");
  wanted.server_name = "www.espat.example";
  wanted.alpn = {"h2"};
  StreamProgram program(*this, wanted);
  run(milliseconds(200));
  ASSERT_TRUE(program.is_open()) << program.error().message;
  EXPECT_TRUE(was_sent("AT+CIPSSLCCONF=4,2,0,0"));
  EXPECT_TRUE(was_sent("AT+CIPSSLCSNI=4,\"www.espat.example\""));
  EXPECT_TRUE(was_sent("AT+CIPSSLCCN=4,\"www.espat.example\""));
  EXPECT_TRUE(was_sent("AT+CIPSSLCALPN=4,1,\"h2\""));
  EXPECT_EQ(channel.commands.back().substr(0, 38), "AT+CIPSTART=4,\"SSL\",\"198.51.100.7\",443");
  ASSERT_EQ(interface->links().size(), 1U);
  EXPECT_EQ(interface->links().front().type, at::SocketType::ssl);
  program.write("question");
  run(milliseconds(50));
  EXPECT_EQ(channel.links[4].received, "question");
}

TEST_F(TlsStreams, one_that_waits_is_shown_as_what_it_will_be) {
  std::deque<HostProgram> flows;
  for (std::uint16_t i = 0; i < 4; ++i) {
    flows.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.20",
                       static_cast<std::uint16_t>(1000 + i));
    flows.back().connect();
    run(milliseconds(20));
  }
  StreamRequest wanted = request("198.51.100.7");
  wanted.server_name = "www.espat.example";
  StreamProgram program(*this, wanted);
  run(milliseconds(200));
  ASSERT_EQ(interface->waiters().size(), 1U);
  EXPECT_EQ(interface->waiters().front().type, at::SocketType::ssl);
  EXPECT_EQ(interface->waiters().front().waits_for, WaitsFor::free_link);
}

TEST_F(TlsStreams, a_rule_says_how) {
  StreamRequest wanted = request("198.51.100.7");
  wanted.rule = "device";
  StreamProgram program(*this, wanted);
  run(milliseconds(200));
  ASSERT_TRUE(program.is_open()) << program.error().message;
  EXPECT_TRUE(was_sent("AT+CIPSSLCSNI=4,\"rule.test\""));
  EXPECT_TRUE(was_sent("AT+CIPSSLCCONF=4,1,1,0"));
}

TEST_F(TlsStreams, a_failed_handshake_says_why) {
  channel.far_ends["198.51.100.7:443"] = {FakeChannel::FarEnd::Kind::refuses};
  StreamRequest wanted = request("198.51.100.7");
  wanted.server_name = "www.espat.example";
  StreamProgram program(*this, wanted);
  run(seconds(1));
  EXPECT_EQ(program.error().kind, ErrorKind::failed) << program.error().message;
  run(seconds(1));
  EXPECT_TRUE(interface->links().empty());
}

TEST_F(TlsStreams, without_a_name_or_with_an_unknown_rule_nothing_is_tried) {
  StreamProgram nameless(*this, request("198.51.100.7"));
  StreamRequest unknown = request("198.51.100.7");
  unknown.rule = "no such rule";
  StreamProgram ruled(*this, unknown);
  run(milliseconds(200));
  EXPECT_EQ(nameless.error().kind, ErrorKind::invalid_argument);
  EXPECT_EQ(ruled.error().kind, ErrorKind::not_found);
  EXPECT_EQ(count_commands("AT+CIPSTART"), 0U);
}

TEST_F(TlsStreams, firmware_that_cannot_check_names_is_not_used) {
  channel.the_dialect.commands.erase("+CIPSSLCCN");
  StreamRequest wanted = request("198.51.100.7");
  wanted.server_name = "www.espat.example";
  StreamProgram program(*this, wanted);
  run(milliseconds(200));
  EXPECT_EQ(program.error().kind, ErrorKind::not_supported);
}

}  // namespace
}  // namespace espat::net
