// `espatctl mqtt` as scripts and people use it, against the mock daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using nlohmann::json;
using testing::HasSubstr;

class MqttVerbs : public testing::Test {
 protected:
  MqttVerbs() { bus_.start_daemon("one"); }
  PrivateBus bus_;
};

TEST_F(MqttVerbs, StatusShowsTheSession) {
  const Outcome shown = espatctl({"mqtt", "status"});
  EXPECT_EQ(shown.status, 0) << shown.errors;
  for (const char* part : {"reconnecting", "The broker ended the session", "mqtts://broker.example:8883", "b/#", "3"})
    EXPECT_THAT(shown.output, HasSubstr(part));
  EXPECT_EQ(espatctl({"mqtt", "status", "--json=short"}).json(),
            (json{{"name", "esp0"},
                  {"state", "reconnecting"},
                  {"reason", "The broker ended the session, or cannot be reached."},
                  {"broker", "mqtts://broker.example:8883"},
                  {"client_id", "evil\x1b[31m"},
                  {"topics", {"a", "b/#"}},
                  {"waiting", 3}}));
  EXPECT_EQ(espatctl_on_terminal({"mqtt", "status"}).output.find("evil\x1b[31m"), std::string::npos);
}

TEST_F(MqttVerbs, ConnectSendsWhatWasGivenAndNothingElse) {
  EXPECT_EQ(espatctl({"mqtt", "connect", "plain.example"}).status, 0);
  const std::vector<std::string> all{"mqtt",
                                     "connect",
                                     "all.example",
                                     "--transport",
                                     "wss",
                                     "--port",
                                     "8443",
                                     "--client-id",
                                     "id",
                                     "--username",
                                     "me",
                                     "--keep-alive",
                                     "30",
                                     "--persistent",
                                     "--path",
                                     "/mqtt",
                                     "--insecure",
                                     "--ca",
                                     "0",
                                     "--alpn",
                                     "a",
                                     "--alpn",
                                     "b",
                                     "--will-topic",
                                     "w",
                                     "--will-qos",
                                     "1",
                                     "--will-message",
                                     "gone",
                                     "--will-retain",
                                     "--server-name",
                                     "s.example",
                                     "--client-certificate",
                                     "0",
                                     "--password-file",
                                     "-"};
  const Outcome connected = espatctl(all, "secret\n");
  EXPECT_EQ(connected.status, 0) << connected.errors;
  const Outcome silent = espatctl({"mqtt", "connect", "silent.example"});
  EXPECT_EQ(silent.status, 1);
  EXPECT_THAT(silent.errors, HasSubstr("does not answer"));
  for (const auto& wrong : {std::vector<std::string>{"mqtt"},
                            {"mqtt", "connect"},
                            {"mqtt", "connect", "a", "--port", "0"},
                            {"mqtt", "connect", "a", "--transport", "udp"},
                            {"mqtt", "connect", "a", "--keep-alive", "7201"},
                            {"mqtt", "connect", "a", "--will-message", "no topic"},
                            {"mqtt", "connect", "a", "--password", "x", "--password-file", "-"}})
    EXPECT_EQ(espatctl(wrong).status, 2);
}

TEST_F(MqttVerbs, AMissingPasswordIsAskedForWithoutShowingIt) {
  const Outcome asked = espatctl_on_terminal({"mqtt", "connect", "login.example", "--username", "me"},
                                             {{"Password for me: ", "secret\n"}});
  EXPECT_EQ(asked.status, 0) << asked.output;
  EXPECT_EQ(asked.output.find("secret"), std::string::npos);
}

TEST_F(MqttVerbs, PubSendsAnArgumentAllOfTheInputOrEachLineOfIt) {
  EXPECT_EQ(espatctl({"mqtt", "pub", "careful", "x", "-q", "2", "-r"}).status, 0);
  EXPECT_EQ(espatctl({"mqtt", "pub", "bytes"}, std::string{"\0\n\xff", 3}).status, 0);
  EXPECT_EQ(espatctl({"mqtt", "pub", "lines", "-l"}, "first\n\n").status, 0);
  const Outcome full = espatctl({"mqtt", "pub", "lines", "-l"}, "one too many\n");
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.errors, HasSubstr("No more messages are kept"));
  for (const auto& wrong :
       {std::vector<std::string>{"mqtt", "pub"}, {"mqtt", "pub", "a", "x", "-l"}, {"mqtt", "pub", "a", "x", "-q", "3"}})
    EXPECT_EQ(espatctl(wrong).status, 2);
}

TEST_F(MqttVerbs, ThatMessagesWaitIsSaidOnce) {
  const Outcome waiting = espatctl({"mqtt", "pub", "away", "-l"}, "1\n2\n3\n");
  EXPECT_EQ(waiting.status, 0) << waiting.errors;
  const std::size_t first = waiting.errors.find("waits");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(waiting.errors.find("waits", first + 1), std::string::npos);
}

TEST_F(MqttVerbs, SubPrintsBytesAsTheyAre) {
  EXPECT_EQ(espatctl({"mqtt", "sub", "a", "-c", "2"}).output, std::string("before the answer\n\0\xff\n", 21));
  EXPECT_EQ(espatctl({"mqtt", "sub", "-v", "-c", "2", "a"}).output,
            std::string("a/retained before the answer\na/b \0\xff\n", 36));
  EXPECT_EQ(espatctl({"mqtt", "sub", "-c", "2", "empty"}).output, "before the answer\n");
  EXPECT_EQ(espatctl({"mqtt", "sub", "-v", "-c", "2", "empty"}).output,
            "empty/retained before the answer\nempty/b (null)\n");
  const Outcome refused = espatctl({"mqtt", "sub", "nothing/#/more"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(espatctl_on_terminal({"mqtt", "sub", "a", "-c", "2"}).output.find('\0'), std::string::npos);
}

TEST_F(MqttVerbs, SubInJsonTellsTextAndBytesApart) {
  const Outcome heard = espatctl({"--json=short", "mqtt", "sub", "a", "-c", "2"});
  const std::size_t end = heard.output.find('\n');
  json first = json::parse(heard.output.substr(0, end));
  EXPECT_EQ(first.at("tst").get<std::string>().size(), 20U);
  first.erase("tst");
  EXPECT_EQ(first, (json{{"topic", "a/retained"},
                         {"payloadlen", 17},
                         {"payload", "before the answer"},
                         {"payload_hex", nullptr},
                         {"complete", "certain"}}));
  json second = json::parse(heard.output.substr(end + 1));
  second.erase("tst");
  EXPECT_EQ(second, (json{{"topic", "a/b"},
                          {"payloadlen", 2},
                          {"payload", nullptr},
                          {"payload_hex", "00ff"},
                          {"complete", "presumed"}}));
}

TEST_F(MqttVerbs, SubEndsWhenTheDaemonStops) {
  const Outcome ended = espatctl_on_terminal({"mqtt", "sub", "-v", "a"}, {{"a/b", "", [this] { bus_.stop_daemon(); }}});
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.output, HasSubstr("espatd has stopped"));
}

TEST_F(MqttVerbs, SubGoesOnWithoutATopicThatIsLostAndEndsWithoutAny) {
  const Outcome one = espatctl({"mqtt", "sub", "-c", "3", "lost", "a"});
  EXPECT_EQ(one.status, 0);
  EXPECT_THAT(one.errors, HasSubstr("The topic lost has ended: The broker refused it."));
  const Outcome all = espatctl({"mqtt", "sub", "lost"});
  EXPECT_EQ(all.status, 1);
  EXPECT_THAT(all.errors, HasSubstr("No topic is left"));
}

TEST_F(MqttVerbs, SubInJsonTellsOfALostTopicToo) {
  const Outcome heard = espatctl({"--json=short", "mqtt", "sub", "lost"});
  EXPECT_EQ(heard.status, 1);
  EXPECT_THAT(heard.errors, HasSubstr("The topic lost has ended: The broker refused it."));
  json lost = json::parse(heard.output.substr(heard.output.find('\n') + 1));
  EXPECT_EQ(lost.at("tst").get<std::string>().size(), 20U);
  lost.erase("tst");
  EXPECT_EQ(lost, (json{{"topic", "lost"}, {"lost", "The broker refused it."}}));
}

TEST_F(MqttVerbs, UnsubEndsATopicForEverybody) {
  EXPECT_EQ(espatctl({"mqtt", "unsub", "a"}).status, 0);
  EXPECT_EQ(espatctl({"mqtt", "unsub", "unknown"}).status, 3);
  EXPECT_EQ(espatctl({"mqtt", "disconnect"}).status, 0);
}

TEST(MqttVerbsRefused, AreAnsweredForWhoMayNot) {
  PrivateBus bus;
  bus.start_daemon("denied");
  for (const auto& verb : {std::vector<std::string>{"mqtt", "connect", "plain.example"},
                           {"mqtt", "pub", "away", "x"},
                           {"mqtt", "sub", "a"},
                           {"mqtt", "unsub", "a"},
                           {"mqtt", "disconnect"}}) {
    const Outcome refused = espatctl(verb);
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.errors, HasSubstr("may not"));
  }
  EXPECT_EQ(espatctl({"mqtt", "status"}).status, 0);
}

TEST(MqttVerbsWithoutMqtt, SayThatThereIsNone) {
  PrivateBus bus;
  bus.start_daemon("two");
  const Outcome none = espatctl({"-m", "esp1", "mqtt", "status"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.errors, HasSubstr("no MQTT"));
}

}  // namespace
