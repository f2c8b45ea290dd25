#include "at/messages.hpp"

#include <string>

#include <gtest/gtest.h>

namespace espat::at::test {
namespace {

/// A message as text, so that a table can say what is expected.
std::string describe(const Report& report) {
  struct Describe {
    std::string operator()(const ModuleReady&) { return "ready"; }
    std::string operator()(const ModuleRestarting& r) {
      return r.evidence == ModuleRestarting::Evidence::boot_text ? "boot"
             : r.evidence == ModuleRestarting::Evidence::crash   ? "crash"
                                                                 : "restart announced";
    }
    std::string operator()(const WifiConnected&) { return "wifi connected"; }
    std::string operator()(const WifiGotIp&) { return "wifi got ip"; }
    std::string operator()(const WifiGotIpv6& r) { return r.global ? "wifi got global ipv6" : "wifi got local ipv6"; }
    std::string operator()(const WifiDisconnected&) { return "wifi disconnected"; }
    std::string operator()(const LinkConnected& r) {
      std::string text = "connected " + std::to_string(r.link);
      if (r.failed) text += " failed";
      if (r.incoming) text += *r.incoming ? " incoming" : " outgoing";
      if (r.type) text += " type " + std::to_string(static_cast<int>(*r.type));
      if (r.remote) text += " remote " + r.remote->address + " " + std::to_string(r.remote->port);
      if (r.local_port) text += " local " + std::to_string(*r.local_port);
      return text;
    }
    std::string operator()(const LinkClosed& r) { return "closed " + std::to_string(r.link); }
    std::string operator()(const DataWaiting& r) {
      return "waiting " + std::to_string(r.link) + " " + std::to_string(r.length);
    }
    std::string operator()(const LongSendProgress& r) {
      return "progress " + std::to_string(r.sent) + " " + std::to_string(r.received);
    }
    std::string operator()(const TimeUpdated&) { return "time updated"; }
    std::string operator()(const StationJoinedAccessPoint& r) { return "station joined " + r.mac; }
    std::string operator()(const StationGotAddress& r) { return "station " + r.mac + " got " + r.address; }
    std::string operator()(const StationLeftAccessPoint& r) { return "station left " + r.mac; }
    std::string operator()(const OtherReport& r) { return "other " + r.name + " [" + r.arguments + "]"; }
  };
  return std::visit(Describe{}, report);
}

std::string describe(const Message& message) {
  struct Describe {
    std::string operator()(const PlainLine&) { return "plain"; }
    std::string operator()(const LogLine&) { return "log"; }
    std::string operator()(const Final& f) { return "final " + std::to_string(static_cast<int>(f)); }
    std::string operator()(const Busy& b) { return b == Busy::processing ? "busy p" : "busy s"; }
    std::string operator()(const Received& r) { return "received " + std::to_string(r.bytes); }
    std::string operator()(const ErrorCode& e) { return "error code " + std::to_string(e.value); }
    std::string operator()(const ErrorNumber& e) { return "error number " + std::to_string(e.value); }
    std::string operator()(const Report& r) { return describe(r); }
    std::string operator()(const Response& r) { return "response " + r.name + " [" + r.arguments + "]"; }
  };
  return std::visit(Describe{}, message);
}

std::string final(Final f) {
  return "final " + std::to_string(static_cast<int>(f));
}

struct Case {
  std::string line;
  std::string expected;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.line;
}

class Classifying : public testing::TestWithParam<Case> {};

TEST_P(Classifying, GivesEveryLineItsMeaning) {
  EXPECT_EQ(describe(classify(GetParam().line)), GetParam().expected);
}

const Case cases[] = {
    {"OK", final(Final::ok)},
    {"ERROR", final(Final::error)},
    {"FAIL", final(Final::fail)},
    {"SEND OK", final(Final::send_ok)},
    {"SEND FAIL", final(Final::send_failed)},
    {"SEND Canceled", final(Final::send_cancelled)},  // quirk 6
    {"SEND CANCELLED", final(Final::send_cancelled)},
    {"SET OK", final(Final::set_ok)},
    {"WRITE OK", final(Final::set_ok)},
    {"+MQTTPUB:OK", final(Final::set_ok)},
    {"+MQTTPUB:FAIL", final(Final::fail)},
    {"OKAY", "plain"},
    {"K", "plain"},  // quirk 36
    {"busy p...", "busy p"},
    {"busy s...", "busy s"},  // quirk 50
    {"Recv 5 bytes", "received 5"},
    {"Recv  bytes", "plain"},
    {"Recv x bytes", "plain"},
    {"ERR CODE:0x01090000", "error code 17367040"},
    {"ERR CODE:0x010b0000", "error code 17498112"},  // quirk 28
    {"ERR CODE:0xzz", "plain"},
    {"+ERRNO:0x71", "error number 113"},  // quirk 4

    {"ready", "ready"},
    {"not ready", "plain"},
    {"ets Jun  8 2016 00:22:57", "boot"},  // quirk 21
    {"ets Jan  8 2013,rst cause:2, boot mode:(3,6)", "boot"},
    {"ESP-ROM:esp32c3-api1-20210207", "boot"},
    {"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", "boot"},
    {"my host rst:0x1", "plain"},
    {"Guru Meditation Error: Core  0 panic'ed (LoadProhibited)", "crash"},  // quirk 41
    {"***ERROR*** A stack overflow in task at_process_task has been detected.", "crash"},
    {"Brownout detector was triggered", "crash"},
    {"Will force to restart!!!", "restart announced"},
    {"will force to restart!!!", "restart announced"},
    {"I (5843) wifi:new:<6,0>", "log"},  // quirk 39
    {"D (13291) nvs: nvs_open", "log"},
    {"E (1) x", "log"},
    {"E:M 1040", "plain"},  // quirk 77
    {"tcpip_adapter: sta ip: 1.2.3.4", "plain"},
    {"id:0,Len:5,dp:0x3ffb", "plain"},  // quirk 40

    {"WIFI CONNECTED", "wifi connected"},
    {"WIFI GOT IP", "wifi got ip"},
    {"WIFI GOT IPv6 LL", "wifi got local ipv6"},
    {"WIFI GOT IPv6 GL", "wifi got global ipv6"},
    {"WIFI DISCONNECT", "wifi disconnected"},
    {"+STA_CONNECTED:\"24:0A:C4:01:02:03\"", "station joined 24:0a:c4:01:02:03"},
    {"+STA_CONNECTED: 24:0a:c4:01:02:03", "station joined 24:0a:c4:01:02:03"},  // DIALECTS 3.6
    {"+STA_DISCONNECTED:\"24:0a:c4:01:02:03\"", "station left 24:0a:c4:01:02:03"},
    {"+DIST_STA_IP:\"24:0a:c4:01:02:03\",\"192.168.4.5\"", "station 24:0a:c4:01:02:03 got 192.168.4.5"},
    {"+STA_CONNECTED:nonsense", "response STA_CONNECTED [nonsense]"},

    {"CONNECT", "connected 0"},
    {"3,CONNECT", "connected 3"},
    {"15,CONNECT", "connected 15"},
    {"CLOSED", "closed 0"},
    {"4,CLOSED", "closed 4"},
    {"0,CONNECT FAIL", "closed 0"},  // quirk 100
    {"CONNECT FAIL", "closed 0"},
    {"2,UNLINK", "closed 2"},  // quirk 106
    {"UNLINK", "plain"},
    {"999,CLOSED", "plain"},
    {"x,CLOSED", "plain"},
    {"ALREADY CONNECTED", "plain"},  // quirk 105
    {"Link type ERROR", "plain"},    // quirk 104: ERROR follows, or nothing and the deadline
    {"no change", "plain"},          // quirk 103
    {"+LINK_CONN:0,4,\"TCP\",0,\"192.168.4.2\",7301,64950",
     "connected 4 outgoing type 0 remote 192.168.4.2 7301 local 64950"},  // quirk 110
    {"+LINK_CONN:0,0,\"SSL\",1,\"192.168.4.9\",5000,0", "connected 0 incoming type 2 remote 192.168.4.9 5000 local 0"},
    {"+LINK_CONN:0,1,\"UDPv6\",0,\"FE80::1\",5000,6000", "connected 1 outgoing type 4 remote FE80::1 5000 local 6000"},
    {"+LINK_CONN:-1,2,\"TCP\",0,\"1.2.3.4\",1,2", "connected 2 failed outgoing type 0 remote 1.2.3.4 1 local 2"},
    {"+LINK_CONN:x", "response LINK_CONN [x]"},
    {"+IPD,0,100", "waiting 0 100"},  // quirk 82
    {"+IPD,4", "waiting 0 4"},
    {"+IPD,0,1,2", "plain"},
    {"+IPD,300,5", "plain"},
    {"+IPD,", "plain"},
    {"+CIPSENDL:2920,8192", "progress 2920 8192"},
    {"+TIME_UPDATED", "time updated"},
    {"+QUITT", "other QUITT []"},
    {"+BLECONN:0,\"24:0a:c4:01:02:03\"", "other BLECONN [0,\"24:0a:c4:01:02:03\"]"},
    {"+MQTTDISCONNECTED:0", "other MQTTDISCONNECTED [0]"},
    {"Have 5 Connections", "other Connections [Have 5 Connections]"},
    {"smartconfig type:ESPTOUCH", "other smartconfig [smartconfig type:ESPTOUCH]"},
    {"password:geheim", "other password []"},  // never handed on

    {"+CWJAP:3", "response CWJAP [3]"},
    {"+CIPSTA:ip:\"192.168.4.15\"", "response CIPSTA [ip:\"192.168.4.15\"]"},
    {"+timeout", "response timeout []"},  // quirk 57
    {"+24", "plain"},
    {"+CWDHCPS=1,3,1.2.3.4,1.2.3.5", "plain"},
    {"+", "plain"},
    {"+:", "response  []"},
    {"AT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)", "plain"},
    {"STATUS:3", "plain"},
    {"NO CA FOUND", "plain"},
    {"AT+CIPSTART=0,\"TCP\",\"1.2.3.4\",80", "plain"},
};

INSTANTIATE_TEST_SUITE_P(Lines, Classifying, testing::ValuesIn(cases));

}  // namespace
}  // namespace espat::at::test
