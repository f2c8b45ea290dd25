// The command line: what is a usage error, and what the global options become. No bus is needed for any of it.
#include "arguments.hpp"

#include <gtest/gtest.h>

#include "failure.hpp"

namespace espat::cli {
namespace {

using Arguments = std::vector<std::string>;

std::string joined(const Arguments& arguments) {
  std::string text;
  for (const std::string& argument : arguments) text += argument + " ";
  return text;
}

TEST(Arguments, MistakesAreUsageErrors) {
  const Arguments cases[] = {{"bogus"},
                             {"list", "extra"},
                             {"--json=yaml"},
                             {"--json"},
                             {"--timeout=0"},
                             {"--timeout=soon"},
                             {"-m"},
                             {"--no-such-option"},
                             {"connect"},
                             {"connect", "a", "b"},
                             {"connect", "a", "--passphrase=b", "--passphrase-file=c"},
                             {"scan", "--channel=0"},
                             {"scan", "--channel=197"},
                             {"scan", "--channel=six"},
                             {"scan", "--cached", "--channel=6"},
                             {"networks", "forget"},
                             {"networks", "remember", "x"},
                             {"ping"},
                             {"ping", "-c", "-1", "host"},
                             {"ping", "-c", "many", "host"},
                             {"ping", "-i", "-1", "host"},
                             {"resolve", "-4", "-6", "name"},
                             {"stream", "host"},
                             {"stream", "host", "0"},
                             {"stream", "host", "http"},
                             {"stream", "--tls", "--udp", "host", "443"},
                             {"stream", "--rule=web", "host", "443"},
                             {"stream", "--alpn=h2", "host", "443"},
                             {"at"},
                             {"modules", "add", "esp0"},
                             {"modules", "add", "esp0", "/dev/x", "--flow-control=xon"},
                             {"modules", "add", "esp0", "/dev/x", "--baud-rate=5"},
                             {"modules", "remove"},
                             {"list", "status"}};
  for (const Arguments& arguments : cases) {
    const Parsed parsed = parse(arguments);
    ASSERT_TRUE(parsed.answer.has_value()) << joined(arguments);
    EXPECT_EQ(parsed.answer->status, ExitStatus::usage) << joined(arguments);
    EXPECT_FALSE(parsed.request.has_value());
    EXPECT_EQ(parsed.answer->text.rfind("espatctl: ", 0), 0U) << parsed.answer->text;
  }
}

TEST(Arguments, AMistakeIsNamedAndTheHelpOfItsVerbPointedTo) {
  EXPECT_EQ(parse({"bogus"}).answer->text, "espatctl: There is no verb 'bogus'.\nTry 'espatctl --help'.\n");
  EXPECT_EQ(parse({"forward", "bogus"}).answer->text,
            "espatctl: There is no verb 'bogus'.\nTry 'espatctl forward --help'.\n");
  EXPECT_EQ(parse({"forward", "add"}).answer->text, "espatctl: PORT is required\nTry 'espatctl forward add --help'.\n");
}

TEST(Arguments, EveryVerbIsUnderstood) {
  const Arguments cases[] = {
      {},
      {"list"},
      {"status"},
      {"scan", "--ssid", "Home", "--channel", "6"},
      {"connect", "A network", "--hidden", "--no-save"},
      {"connect", "list"},  // a network may have the name of a verb
      {"connect", "--", "-dash"},
      {"disconnect"},
      {"networks"},
      {"networks", "forget", "Home"},
      {"links"},
      {"ping", "-c", "3", "host"},
      {"resolve", "-6", "name"},
      {"stream", "--udp", "host", "5683"},
      {"stream", "--tls", "--alpn", "h2", "--alpn=http/1.1", "host", "443"},
      {"tls"},
      {"tls", "list"},
      {"tls", "add", "mqtt", "8883", "8884", "--host=*.example.org", "--alpn", "mqtt"},
      {"tls", "remove", "mqtt"},
      {"forward"},
      {"forward", "list"},
      {"forward", "add", "8080", "--to", "80", "--ssl", "--ipv6", "--max-clients=2", "--name=web"},
      {"forward", "remove", "web"},
      {"at", "AT+GMR"},
      {"at", "AT+X=1,", "2", "--force"},
      {"monitor", "--no-reports"},
      {"reset"},
      {"reset", "--factory", "--yes"},
      {"modules"},
      {"modules", "add", "esp0", "/dev/x", "--baud-rate", "921600", "--flow-control", "none"},
      {"modules", "remove", "esp0"},
      {"complete", "ssids"}};
  for (const Arguments& arguments : cases) {
    const Parsed parsed = parse(arguments);
    ASSERT_TRUE(parsed.request.has_value()) << joined(arguments) << parsed.answer->text;
    EXPECT_TRUE(parsed.request->work != nullptr) << joined(arguments);
  }
}

TEST(Arguments, GlobalOptionsMayStandBeforeAndBehindTheVerb) {
  for (const Arguments& arguments :
       {Arguments{"-m", "esp1", "--json=short", "--no-legend", "--no-pager", "--timeout=2s", "links"},
        Arguments{"links", "--module=esp1", "--json", "short", "--no-legend", "--no-pager", "--timeout", "2"}}) {
    const Parsed parsed = parse(arguments);
    ASSERT_TRUE(parsed.request.has_value()) << parsed.answer->text;
    EXPECT_EQ(parsed.request->options.module, "esp1");
    EXPECT_EQ(parsed.request->options.json, JsonMode::brief);
    EXPECT_FALSE(parsed.request->options.legend);
    EXPECT_FALSE(parsed.request->options.pager);
    EXPECT_EQ(parsed.request->options.timeout, std::chrono::milliseconds{2000});
  }
}

TEST(Arguments, HelpAndVersionAreNoFailures) {
  for (const Arguments& arguments : {Arguments{"--help"}, Arguments{"-h"}, Arguments{"connect", "--help"},
                                     Arguments{"--version"}, Arguments{"networks", "forget", "--help"}}) {
    const Parsed parsed = parse(arguments);
    ASSERT_TRUE(parsed.answer.has_value()) << joined(arguments);
    EXPECT_EQ(parsed.answer->status, ExitStatus::success) << joined(arguments);
    EXPECT_FALSE(parsed.answer->text.empty());
  }
  EXPECT_EQ(parse({"--help"}).answer->text.find("complete "), std::string::npos)
      << "the completions' verb is not for people";
}

}  // namespace
}  // namespace espat::cli
