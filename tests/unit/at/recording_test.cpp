// Extracts of the recordings made on real firmware (measured-esp32-v4.1.0.0-dev.md; the section is each case's name),
// byte for byte: what the lexer must see in them, cut at every place, and what classify() makes of every line.
#include <string>

#include <gtest/gtest.h>

#include "at/messages.hpp"
#include "events.hpp"

namespace espat::at::test {
namespace {

struct Recording {
  const char* name;
  std::string stream;
  Events expected;
  bool remote_info = false;
};
std::ostream& operator<<(std::ostream& out, const Recording& r) {
  return out << r.name;
}

class EveryRecording : public testing::TestWithParam<Recording> {};

TEST_P(EveryRecording, GivesItsEventsHoweverItIsCut) {
  const auto& recording = GetParam();
  const LexerOptions options{.remote_info = recording.remote_info};
  EXPECT_EQ(events_of(recording.stream, {}, options), recording.expected);
  ASSERT_EQ(events_byte_by_byte(recording.stream, options), recording.expected);
  for (std::size_t first = 0; first < recording.stream.size(); ++first)
    for (std::size_t second = 1; second < recording.stream.size() - first && second < 40; ++second)
      ASSERT_EQ(events_of(recording.stream, {first, second}, options), recording.expected) << first << ", " << second;
}

const Recording recordings[] = {
    {"A1_EchoAndVersion",
     "aT+gmr\r\nAT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)\r\nSDK "
     "version:v5.4-1386-g8ad0d3d8f2-dirty\r\n"
     "compile time(4b00c3d4):Jul 30 2025 17:17:20\r\nBin version:v4.1.0.0-dev(WROOM-32)\r\n\r\nOK\r\n",
     {"line aT+gmr", "line AT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)",
      "line SDK version:v5.4-1386-g8ad0d3d8f2-dirty", "line compile time(4b00c3d4):Jul 30 2025 17:17:20",
      "line Bin version:v4.1.0.0-dev(WROOM-32)", "line OK"}},
    {"A3_EchoAndTheDataPhase",
     "AT+CIPSEND=5\r\n\r\nOK\r\n\r\n>\r\nbusy p...\r\n\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,5:hello\r\n",
     {"line AT+CIPSEND=5", "line OK", "prompt", "line busy p...", "line Recv 5 bytes", "line SEND OK",
      "payload IPD: hello"}},
    {"A4_ReportInTheMiddleOfAnEchoedCommand",
     "AT+CIPST\r\n+IPD,5:world\r\nATE?\r\n+CIPSTATE:0,\"TCP\",\"192.168.4.2\",7201,55163,0\r\n\r\nOK\r\nAT+"
     "CICLOSED\r\n",
     {"line AT+CIPST", "payload IPD: world", "line ATE?", "line +CIPSTATE:0,\"TCP\",\"192.168.4.2\",7201,55163,0",
      "line OK", "line AT+CICLOSED"}},
    {"A7_ErrorCode", "ERR CODE:0x01090000\r\n\r\nERROR\r\n", {"line ERR CODE:0x01090000", "line ERROR"}},
    {"A9_TimeWithoutABlankLine",
     "+CIPSNTPTIME:Thu Jan  1 00:00:10 1970\r\nOK\r\n",
     {"line +CIPSNTPTIME:Thu Jan  1 00:00:10 1970", "line OK"}},
    {"B2_LinkDetails",
     "+LINK_CONN:0,4,\"TCP\",0,\"192.168.4.2\",7301,64950\r\n\r\nOK\r\n",
     {"line +LINK_CONN:0,4,\"TCP\",0,\"192.168.4.2\",7301,64950", "line OK"}},
    {"C1_LongSend",
     "\r\nOK\r\n\r\n>+CIPSENDL:2920,4380\r\n+CIPSENDL:5000,5000\r\n\r\nSEND OK\r\n",
     {"line OK", "prompt", "line +CIPSENDL:2920,4380", "line +CIPSENDL:5000,5000", "line SEND OK"}},
    {"C7_PayloadBeforeThePrompt",
     "\r\nbusy p...\r\n\r\nOK\r\n\r\n>\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n",
     {"line busy p...", "line OK", "prompt", "line Recv 5 bytes", "line SEND OK"}},
    {"C9_ClosedBetweenPromptAndPayload",
     "\r\nOK\r\n\r\n>0,CLOSED\r\n\r\nRecv 10 bytes\r\n\r\nSEND FAIL\r\n",
     {"line OK", "prompt", "line 0,CLOSED", "line Recv 10 bytes", "line SEND FAIL"}},
    {"C10_EverythingHeldComesAtOnce",
     "\r\nRecv 2048 bytes\r\n\r\n+IPD,1,5:other\r\n\r\n+IPD,0,5:owned\r\n1,CLOSED\r\n\r\nSEND OK\r\n",
     {"line Recv 2048 bytes", "payload IPD link 1: other", "payload IPD link 0: owned", "line 1,CLOSED",
      "line SEND OK"}},
    {"E18_PassiveReadWithRemote",
     "\r\n+IPD,0,5\r\n+CIPRECVDATA:4,\"192.168.4.2\",8109,with\r\nOK\r\n\r\n+IPD,0,1\r\n",
     {"line +IPD,0,5", "payload CIPRECVDATA from 192.168.4.2 8109: with", "line OK", "line +IPD,0,1"},
     true},
    {"F7_ShortReadIsFollowedByAFreshAnnouncement",
     "+CIPRECVDATA:4,0123\r\nOK\r\n\r\n+IPD,0,6\r\n0,CLOSED\r\n",
     {"payload CIPRECVDATA: 0123", "line OK", "line +IPD,0,6", "line 0,CLOSED"}},
    {"F8_NoAuthority", "NO CA FOUND\r\n\r\nOK\r\n", {"line NO CA FOUND", "line OK"}},
    {"F10b_BootIntoPassthrough",
     "\r\nOK\r\nWIFI DISCONNECT\r\n\r\n>WIFI CONNECTED\r\n\r\nready\r\nWIFI GOT IP\r\n",
     {"line OK", "line WIFI DISCONNECT", "prompt", "line WIFI CONNECTED", "line ready", "line WIFI GOT IP"}},
    {"H8_TopicIsNotEscaped",
     "+MQTTSUBRECV:0,\"wild/,\"q\",28,comma and quote in the topic\r\n",
     {"payload MQTTSUBRECV link 0 (0,\"wild/,\"q\"): comma and quote in the topic"}},
    {"I1_HttpPieces",
     "+HTTPCLIENT:5,hello\r\n+HTTPCLIENT:6, world\r\n\r\nOK\r\n",
     {"payload HTTPCLIENT: hello", "payload HTTPCLIENT:  world", "line OK"}},
    {"M_FailedJoin", "+CWJAP:3\r\n\r\nERROR\r\n", {"line +CWJAP:3", "line ERROR"}},
    {"Datapath_SwitchToActivePrintsWhatWaitsBeforeTheOk",
     "\r\n+IPD,0,4,\"192.168.4.2\",9010:abcd\r\n\r\n+IPD,0,2,\"192.168.4.2\",9010:ef\r\n\r\nOK\r\n",
     {"payload IPD link 0 from 192.168.4.2 9010: abcd", "payload IPD link 0 from 192.168.4.2 9010: ef", "line OK"}},
    {"L7_JoinWhileJoined",
     "WIFI DISCONNECT\r\n0,CLOSED\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\nWIFI GOT IPv6 LL\r\n",
     {"line WIFI DISCONNECT", "line 0,CLOSED", "line WIFI CONNECTED", "line WIFI GOT IP", "line OK",
      "line WIFI GOT IPv6 LL"}},
};

INSTANTIATE_TEST_SUITE_P(Recordings, EveryRecording, testing::ValuesIn(recordings),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace espat::at::test
