#include "net/name_cache.hpp"

#include <gtest/gtest.h>

#include "dns_answers.hpp"

namespace espat::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::bytes_of;
using test::dns_answer;

using Names = std::vector<std::string>;

const Address web = Address::v4(192, 0, 2, 7);
const std::string web_data = "\xc0\x00\x02\x07"s;

struct CacheOfNames : testing::Test {
  void learn(const std::string& answer) { cache.learn(bytes_of(answer), now); }
  NameCache cache;
  TimePoint now = TimePoint{} + 1000h;
};

TEST_F(CacheOfNames, KnowsWhatAnAddressWasLookedUpBy) {
  learn(dns_answer(1, "WWW.Example.org", 1, {{"www.example.org", web_data}}));
  EXPECT_EQ(cache.name_of(web, now), "www.example.org");
  EXPECT_EQ(cache.name_of(Address::v4(192, 0, 2, 8), now), std::nullopt);
}

TEST_F(CacheOfNames, KnowsIpv6Too) {
  const std::string data("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
  learn(dns_answer(1, "six.example.org", 28, {{"six.example.org", data}}));
  EXPECT_EQ(cache.name_of(*Address::parse("2001:db8::1"), now), "six.example.org");
}

TEST_F(CacheOfNames, TellsTheNameThatWasAskedForAndNotWhatItIsAnAliasOf) {
  learn(dns_answer(
      1, "www.example.org", 1,
      {{"www.example.org", "edge.cdn.test"}, {"edge.cdn.test", "host7.cdn.test"}, {"host7.cdn.test", web_data}}));
  EXPECT_EQ(cache.names_of(web, now), Names{"www.example.org"});
}

TEST_F(CacheOfNames, TellsTheLatestNameFirst) {
  learn(dns_answer(1, "a.test", 1, {{"a.test", web_data}}));
  learn(dns_answer(2, "b.test", 1, {{"b.test", web_data}}));
  EXPECT_EQ(cache.names_of(web, now), (Names{"b.test", "a.test"}));
  learn(dns_answer(3, "a.test", 1, {{"a.test", web_data}}));
  EXPECT_EQ(cache.names_of(web, now), (Names{"a.test", "b.test"}));
}

TEST_F(CacheOfNames, KeepsANameForItsTimeToLiveButNeverForLessThanTenMinutes) {
  learn(dns_answer(1, "short.test", 1, {{"short.test", web_data, 0}}));
  EXPECT_TRUE(cache.name_of(web, now + 9min));
  EXPECT_FALSE(cache.name_of(web, now + 10min));
  learn(dns_answer(1, "long.test", 1, {{"long.test", web_data, 3600}}));
  EXPECT_EQ(cache.name_of(web, now + 59min), "long.test");
  EXPECT_FALSE(cache.name_of(web, now + 1h));
  learn(dns_answer(1, "endless.test", 1, {{"endless.test", web_data, 0xffffffff}}));
  EXPECT_FALSE(cache.name_of(web, now + 24h));
}

TEST_F(CacheOfNames, LivesAsLongAsTheShortestPartOfAChain) {
  learn(dns_answer(1, "www.test", 1, {{"www.test", "cdn.test", 86400}, {"cdn.test", web_data, 1200}}));
  EXPECT_TRUE(cache.name_of(web, now + 19min));
  EXPECT_FALSE(cache.name_of(web, now + 20min));
}

TEST_F(CacheOfNames, LearnsNothingFromWhatIsNoAnswer) {
  const std::string good = dns_answer(1, "www.test", 1, {{"www.test", web_data}});
  std::string question = good;
  question[2] = 0x01;  // a question, although it has an answer section
  const std::string cases[] = {
      question,
      dns_answer(1, "www.test", 1, {{"www.test", web_data}}, 3),
      dns_answer(1, "www.test", 1, {{"other.test", web_data}}),
      dns_answer(1, "www.test", 15, {{"www.test", web_data}}),
      dns_answer(1, "www\r\nAT+RST.test", 1, {{"www\r\nAT+RST.test", web_data}}),
      dns_answer(1, "a\"b.test", 1, {{"a\"b.test", web_data}}),
      good.substr(0, good.size() - 1),
      std::string("x"),
  };
  for (const auto& message : cases) learn(message);
  EXPECT_EQ(cache.names_of(web, now), Names{});
}

TEST_F(CacheOfNames, IsBounded) {
  for (unsigned i = 0; i < 2 * NameCache::kMostAddresses; ++i) {
    std::string data = "\x0a\x00"s;
    test::append_number(data, i, 2);
    learn(dns_answer(1, "n" + std::to_string(i) + ".test", 1, {{"n" + std::to_string(i) + ".test", data}}));
    now += 1ms;
  }
  EXPECT_FALSE(cache.name_of(Address::v4(10, 0, 0, 1), now)) << "the oldest makes room";
  EXPECT_TRUE(cache.name_of(Address::v4(10, 0, 7, 255), now));
  for (int i = 0; i < 100; ++i) learn(dns_answer(1, "m" + std::to_string(i), 1, {{"m" + std::to_string(i), web_data}}));
  EXPECT_EQ(cache.names_of(web, now).size(), NameCache::kMostNames);
  EXPECT_EQ(cache.name_of(web, now), "m99");
}

}  // namespace
}  // namespace espat::net
