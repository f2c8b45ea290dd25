#include "at/lexer.hpp"

#include <string>

#include <gtest/gtest.h>

#include "events.hpp"

namespace espat::at::test {
namespace {

using namespace std::string_literals;

struct Case {
  const char* name;
  std::string input;
  Events expected;
  LexerOptions options{};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

class Lexing : public testing::TestWithParam<Case> {};

TEST_P(Lexing, GivesTheSameEventsHoweverTheInputIsCut) {
  const auto& [name, input, expected, options] = GetParam();
  EXPECT_EQ(events_of(input, {}, options), expected);
  EXPECT_EQ(events_byte_by_byte(input, options), expected);
  for (std::size_t first = 0; first <= input.size(); ++first)
    for (std::size_t second : {std::size_t{1}, std::size_t{2}, std::size_t{7}})
      ASSERT_EQ(events_of(input, {first, second}, options), expected) << "cut at " << first << " and " << second;
}

const LexerOptions remote{.remote_info = true};
const LexerOptions hex{.gatt_read_in_hex = true};
const LexerOptions short_lines{.longest_line = 16};

const Case cases[] = {
    // Lines and prompts
    {"BlankLinesAreNothing", "\r\n\r\nOK\r\n\r\n", {"line OK"}},
    {"AnyRunOfCarriageReturnsEndsALine", "OK\r\r\n+X:1\r\r\r\nOK\n", {"line OK", "line +X:1", "line OK"}},  // quirk 38
    {"OkNeedsNoBlankLineBeforeIt", "+SYSRAM:1,2\r\nOK\r\n", {"line +SYSRAM:1,2", "line OK"}},               // quirk 46
    {"PromptOfEspAt", "\r\nOK\r\n\r\n>", {"line OK", "prompt"}},                                            // quirk 62
    {"PromptOfNonos", "\r\nOK\r\n> \r\nRecv 5 bytes\r\n", {"line OK", "prompt", "line Recv 5 bytes"}},
    {"PromptWithoutOk", "\r\n>", {"prompt"}},
    {"PromptBeforeOk", ">\r\nOK\r\n", {"prompt", "line OK"}},
    {"PromptDirectlyBehindAPayload", "\r\n+IPD,0,2:ab>", {"payload IPD link 0: ab", "prompt"}},
    {"GreaterThanInsideALineIsNoPrompt", "a>b\r\n", {"line a>b"}},
    {"ReportBetweenOkAndPrompt", "\r\nOK\r\n0,CLOSED\r\n\r\n>", {"line OK", "line 0,CLOSED", "prompt"}},  // quirk 63
    {"ReportBetweenPromptAndReceipt",
     ">\r\n+IPD,1,3:abc\r\nRecv 5 bytes\r\n",
     {"prompt", "payload IPD link 1: abc", "line Recv 5 bytes"}},

    // +IPD (quirks 79-85, measured 1)
    {"ReceivedWithLink", "\r\n+IPD,0,5:hello\r\n", {"payload IPD link 0: hello"}},
    {"ReceivedWithoutLink", "\r\n+IPD,5:hello\r\n", {"payload IPD: hello"}},
    {"ReceivedWithQuotedRemote",
     "\r\n+IPD,4,5,\"192.168.1.48\",65267:hello\r\n",
     {"payload IPD link 4 from 192.168.1.48 65267: hello"}},
    {"ReceivedWithBareRemote",
     "\r\n+IPD,0,5,192.168.3.137,8080:hello",
     {"payload IPD link 0 from 192.168.3.137 8080: hello"}},
    {"ReceivedWithRemoteButNoLink", "\r\n+IPD,5,\"10.0.0.1\",7:hello", {"payload IPD from 10.0.0.1 7: hello"}},
    {"ReceivedFromIpv6", "\r\n+IPD,0,2,\"FE80::1:2\",53:ab", {"payload IPD link 0 from FE80::1:2 53: ab"}},
    {"AnnouncedOnly", "\r\n+IPD,0,100\r\n\r\n+IPD,4\r\n", {"line +IPD,0,100", "line +IPD,4"}},
    {"ClosedDirectlyBehindAPayload",
     "+IPD,0,2:}}0,CLOSED\r\n",
     {"payload IPD link 0: }}", "line 0,CLOSED"}},  // quirk 80
    {"PayloadThatLooksLikeTheLanguage",
     "+IPD,0,25:\r\nOK\r\n>\r\nready\r\n+IPD,0,\r\nOK\r\n",
     {"payload IPD link 0: \r\nOK\r\n>\r\nready\r\n+IPD,0,\r\n"s, "line OK"}},
    {"PayloadThatEndsInACarriageReturn",
     "+IPD,0,3:ab\r\r\n0,CLOSED\r\n",
     {"payload IPD link 0: ab\r", "line 0,CLOSED"}},
    {"BinaryPayload", "+IPD,1,4:\0\x1b\xff\n"s + "\r\nOK\r\n", {"payload IPD link 1: \0\x1b\xff\n"s, "line OK"}},
    {"EmptyPayload", "+IPD,1,0:\r\nOK\r\n", {"payload IPD link 1: ", "line OK"}},
    {"AbsurdLengthIsALine",
     "+IPD,0,99999999999999999999:x\r\nOK\r\n",
     {"line +IPD,0,99999999999999999999:x", "line OK"}},
    {"LengthAboveTheModulesMemoryIsALine", "+IPD,0,2147483647:x\r\nOK\r\n", {"line +IPD,0,2147483647:x", "line OK"}},
    {"NegativeLengthIsALine", "+IPD,0,-5:x\r\n", {"line +IPD,0,-5:x"}},
    {"TooManyFieldsAreALine", "+IPD,0,1,\"1.2.3.4\",5,6:x\r\n", {"line +IPD,0,1,\"1.2.3.4\",5,6:x"}},

    // +CIPRECVDATA in its three grammars (quirk 84)
    {"ReadWithColonFirst", "+CIPRECVDATA:4,test\r\nOK\r\n", {"payload CIPRECVDATA: test", "line OK"}},
    {"ReadWithCommaFirst", "+CIPRECVDATA,4:test\r\nOK\r\n", {"payload CIPRECVDATA: test", "line OK"}},
    {"ReadWithCommaFirstNeverHasARemote",
     "+CIPRECVDATA,4:\"1.2\r\nOK\r\n",
     {"payload CIPRECVDATA: \"1.2", "line OK"},
     remote},
    {"ReadWithRemote",
     "+CIPRECVDATA:4,\"192.168.4.2\",8109,with\r\nOK\r\n",
     {"payload CIPRECVDATA from 192.168.4.2 8109: with", "line OK"},
     remote},
    {"ReadWithBareRemote", "+CIPRECVDATA:4,10.0.0.7,80,with", {"payload CIPRECVDATA from 10.0.0.7 80: with"}, remote},
    {"ReadWithIpv6Remote", "+CIPRECVDATA:2,\"FE80::1\",80,ab", {"payload CIPRECVDATA from FE80::1 80: ab"}, remote},
    {"DataThatLooksLikeARemote",
     "+CIPRECVDATA:14,\"10.0.0.1\",80,\r\nOK\r\n",
     {"payload CIPRECVDATA: \"10.0.0.1\",80,", "line OK"}},
    {"RemoteExpectedButNotThere", "+CIPRECVDATA:2,hi\r\nOK\r\n", {"payload CIPRECVDATA: hi", "line OK"}, remote},
    {"RemoteExpectedAndDataOneQuote", "+CIPRECVDATA:1,\"\r\nOK\r\n", {"payload CIPRECVDATA: \"", "line OK"}, remote},
    {"RemoteExpectedAndDataALineEnd",
     "+CIPRECVDATA:2,\r\n\r\nOK\r\n",
     {"payload CIPRECVDATA: \r\n", "line OK"},
     remote},
    {"RemoteExpectedAndDataNul", "+CIPRECVDATA:2,\0\0\r\nOK\r\n"s, {"payload CIPRECVDATA: \0\0"s, "line OK"}, remote},
    {"RemoteExpectedAndNearlyThere",
     "+CIPRECVDATA:9,\"10.0.0.x\r\nOK\r\n",
     {"payload CIPRECVDATA: \"10.0.0.x", "line OK"},
     remote},

    // The other counted ones
    {"MqttMessage", "+MQTTSUBRECV:0,\"topic\",4,test\r\n", {"payload MQTTSUBRECV link 0 (0,\"topic\"): test"}},
    {"MqttTopicWithCommaAndQuote",
     "+MQTTSUBRECV:0,\"wild/,\"q\",3,abc\r\n",
     {"payload MQTTSUBRECV link 0 (0,\"wild/,\"q\"): abc"}},  // measured H.8
    {"MqttTopicWithAFieldInIt",
     "+MQTTSUBRECV:0,\"a\",x,\"b\",3,abc",
     {"payload MQTTSUBRECV link 0 (0,\"a\",x,\"b\"): abc"}},
    {"HttpBody", "+HTTPCLIENT:5,a\r\nb\n\r\nOK\r\n", {"payload HTTPCLIENT: a\r\nb\n", "line OK"}},
    {"HttpGetBody", "+HTTPCGET:2,\r\n\r\nOK\r\n", {"payload HTTPCGET: \r\n", "line OK"}},
    {"WebSocketData", "+WS_DATA:0,4,test\r\n", {"payload WS_DATA (0): test"}},
    {"GattNotification", "+NOTIFY:0,3,6,3,a,b\r\n", {"payload NOTIFY (0,3,6): a,b"}},
    {"GattIndication", "+INDICATE:0,3,7,1,\n\r\n", {"payload INDICATE (0,3,7): \n"}},
    {"GattValueWrite", "+WRITE:0,1,3,,2,12\r\n", {"payload WRITE (0,1,3,): 12"}},  // quirk 9
    {"GattDescriptorWriteInHex", "+WRITE:0,1,6,1,2,01\r\n", {"payload WRITE (0,1,6,1): 01"}},
    {"GattDescriptorWriteRaw", "+WRITE:0,1,6,1,2,\x01\0\r\n"s, {"payload WRITE (0,1,6,1): \x01\0"s}},
    {"GattWriteIndexOnly", "+WRITE:0\r\n", {"line +WRITE:0"}},
    {"GattReadRaw", "+BLEGATTCRD:0,1,0\r\n", {"payload BLEGATTCRD (0): 0"}},
    {"GattReadInHex", "+BLEGATTCRD:0,1,30\r\n", {"payload BLEGATTCRD (0): 30"}, hex},
    {"FlashContent", "+SYSFLASH:3,a,b\r\nOK\r\n", {"payload SYSFLASH: a,b", "line OK"}},
    {"FlashTable", "+SYSFLASH:\"mfg_nvs\",1,2,0x1000,0x1000\r\n", {"line +SYSFLASH:\"mfg_nvs\",1,2,0x1000,0x1000"}},
    {"ManufacturingString", "+SYSMFG:\"ns\",\"key\",7,3,a\nb\r\n", {"payload SYSMFG (\"ns\",\"key\",7): a\nb"}},
    {"ManufacturingNumber", "+SYSMFG:\"ns\",\"key\",1,1,255\r\n", {"line +SYSMFG:\"ns\",\"key\",1,1,255"}},
    {"UserMemory", "+USERRAM:2,ab+USERRAM:1,c\r\nOK\r\n", {"payload USERRAM: ab", "payload USERRAM: c", "line OK"}},
    {"UserMemorySize", "+USERRAM:1024\r\n", {"line +USERRAM:1024"}},
    {"MulticastDnsAnswer",
     "+MDNS:12,\r\nIF=1\r\nIP=0\r\n\r\nOK\r\n",
     {"payload MDNS: \r\nIF=1\r\nIP=0\r\n", "line OK"}},
    {"PairOfPayloadsBackToBack", "+IPD,0,1:a+IPD,1,1:b", {"payload IPD link 0: a", "payload IPD link 1: b"}},

    // Garbage (quirks 21-24, 33-41)
    {"BootRomText",
     "rst:0x1 (POWERON),boot:0xc\r\nload:0x3fcd\r\n\r\nready\r\n",
     {"line rst:0x1 (POWERON),boot:0xc", "line load:0x3fcd", "line ready"}},
    {"BootTextAtAnotherRate",
     "\x01r\xe8\x8e\x02\xff+l\r\n\x03n\r\n\r\nready\r\n",
     {"binary 8", "binary 2", "line ready"}},
    {"GarbageThatRunsIntoReady", "\x80\x01\x02ready\r\n", {"binary 3", "line ready"}},
    {"WordThatEndsInReadyIsNotReady", "\x01not ready\r\n", {"binary 10"}},
    {"NulBytesAreDroppedAndCounted", "\0\0OK\r\n"s + "E\0RROR\r\n"s, {"binary 2", "line OK", "binary 1", "line ERROR"}},
    {"NulBeforeAPrompt", "\0>"s, {"binary 1", "prompt"}},
    {"ColoursAreStripped", "\x1b[0;32mI (31) boot: hello\x1b[0m\r\nOK\r\n", {"line I (31) boot: hello", "line OK"}},
    {"OnlyColours", "\x1b[0m\r\nOK\r\n", {"line OK"}},
    {"UnfinishedColour", "\x1b[0;3\r\nOK\r\n", {"line OK"}},
    {"SsidsMayHoldAnyByte",
     "+CWLAP:(3,\"a\x01\xff\",-40,\"00:11:22:33:44:55\",1)\r\n",
     {"line +CWLAP:(3,\"a\x01\xff\",-40,\"00:11:22:33:44:55\",1)"}},
    {"LineAtTheBound", "0123456789abcdef\r\n", {"line 0123456789abcdef"}, short_lines},
    {"LineOverTheBound", "0123456789abcdefg\r\nOK\r\n", {"overlong 17", "line OK"}, short_lines},
    {"EndlessLineThatLooksLikeAReport",
     "xxxxxxxxxxxxxxxxxxxxxx+IPD,0,5:\r\nOK\r\n",
     {"overlong 31", "line OK"},
     short_lines},
    {"HeaderWithoutEnd",
     "+MQTTSUBRECV:0,\"" + std::string(400, 'x') + "\",3,abc\r\nOK\r\n",
     {"line +MQTTSUBRECV:0,\"" + std::string(400, 'x') + "\",3,abc", "line OK"}},
};

INSTANTIATE_TEST_SUITE_P(Cases, Lexing, testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

TEST(Lexer, HandsAPayloadOnAsItComesWithoutCollectingIt) {
  EventRecorder recorder;
  Lexer lexer(recorder);
  lexer.feed(bytes("+IPD,0,3000:"));
  const std::string block(1000, 'x');
  for (int i = 0; i < 3; ++i) lexer.feed(bytes(block));
  EXPECT_EQ(recorder.chunks, 3U);
  EXPECT_TRUE(recorder.counts_right);
  EXPECT_FALSE(lexer.in_payload());
}

TEST(Lexer, ChunksAreViewsOfTheInput) {
  struct Sink : EventRecorder {
    void on_payload_bytes(Bytes chunk, std::size_t) override { seen = chunk.data(); }
    const std::uint8_t* seen = nullptr;
  } sink;
  Lexer lexer(sink);
  const std::string input = "+IPD,0,5:hello";
  lexer.feed(bytes(input));
  EXPECT_EQ(sink.seen, bytes(input).data() + 9);
}

TEST(Lexer, ExpectsALineAfterAPayloadThatWasGivenUp) {
  EventRecorder recorder;
  Lexer lexer(recorder);
  lexer.feed(bytes("+IPD,0,100:abc"));
  ASSERT_TRUE(lexer.in_payload());
  lexer.abort_payload();
  EXPECT_FALSE(lexer.in_payload());
  lexer.feed(bytes("\r\nready\r\n"));
  EXPECT_EQ(recorder.events, (Events{"payload IPD link 0 aborted: abc", "line ready"}));
}

/// Says of every line whether it stood directly behind a payload.
class AdjacencyRecorder final : public EventRecorder {
 public:
  void on_line(std::string_view line) override {
    EventRecorder::on_line(line);
    adjacent += lexer->follows_payload_directly() ? 'x' : '-';
  }
  const Lexer* lexer = nullptr;
  std::string adjacent;
};

TEST(Lexer, TellsWhatStandsDirectlyBehindAPayload) {
  const std::string input = "+IPD,0,3:abcdef\r\nOK\r\n+IPD,0,3:abc\r\ndef\r\n+IPD,0,3:abc0,CLOSED\r\nOK\r\n";
  for (std::size_t split = 0; split <= input.size(); ++split) {
    AdjacencyRecorder recorder;
    Lexer lexer(recorder);
    recorder.lexer = &lexer;
    lexer.feed(bytes(std::string_view(input).substr(0, split)));
    lexer.feed(bytes(std::string_view(input).substr(split)));
    EXPECT_EQ(recorder.adjacent, "x--x-") << "split at " << split;
  }
}

TEST(Lexer, GivingUpOutsideOfAPayloadDoesNothing) {
  EventRecorder recorder;
  Lexer lexer(recorder);
  lexer.feed(bytes("O"));
  lexer.abort_payload();
  lexer.feed(bytes("K\r\n"));
  EXPECT_EQ(recorder.events, Events{"line OK"});
}

TEST(Lexer, ForgetsEverythingOnReset) {
  EventRecorder recorder;
  Lexer lexer(recorder);
  lexer.feed(bytes("+IPD,0,1"));
  EXPECT_TRUE(lexer.in_line());
  lexer.reset();
  EXPECT_FALSE(lexer.in_line());
  lexer.feed(bytes("OK\r\n"));
  EXPECT_EQ(recorder.events, Events{"line OK"});
}

TEST(Lexer, SurvivesASinkThatResetsItInsideAPayload) {
  struct Sink : EventRecorder {
    void on_payload_bytes(Bytes chunk, std::size_t remaining) override {
      EventRecorder::on_payload_bytes(chunk, remaining);
      lexer->reset();
    }
    Lexer* lexer = nullptr;
  } sink;
  Lexer lexer(sink);
  sink.lexer = &lexer;
  lexer.feed(bytes("+IPD,0,3:abc\r\nOK\r\n"));
  EXPECT_EQ(sink.events, (Events{"payload IPD link 0 aborted: abc", "line OK"}));
}

TEST(Lexer, ChangesItsOptionsBetweenLines) {
  struct Sink : EventRecorder {
    void on_line(std::string_view line) override {
      EventRecorder::on_line(line);
      lexer->set_options({.remote_info = true});
    }
    Lexer* lexer = nullptr;
  } sink;
  Lexer lexer(sink);
  sink.lexer = &lexer;
  lexer.feed(bytes("OK\r\n+CIPRECVDATA:2,\"1.2.3.4\",5,ab"));
  EXPECT_EQ(sink.events, (Events{"line OK", "payload CIPRECVDATA from 1.2.3.4 5: ab"}));
}

}  // namespace
}  // namespace espat::at::test
