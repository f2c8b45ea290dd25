// Topic names and filters, by the examples of MQTT 3.1.1 section 4.7.
#include "mqtt/topic.hpp"

#include <string>

#include <gtest/gtest.h>

namespace espat::mqtt {
namespace {

TEST(Topic, AFilterMeansTheTopicsOfTheStandardsExamples) {
  struct Case {
    const char* filter;
    const char* topic;
    bool means;
  };
  for (const auto& [filter, topic, means] : {
           Case{"sport/tennis/player1/#", "sport/tennis/player1", true},
           Case{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
           Case{"sport/tennis/player1/#", "sport/tennis/player2", false},
           Case{"sport/tennis/+", "sport/tennis/player1", true},
           Case{"sport/tennis/+", "sport/tennis/player1/ranking", false},
           Case{"sport/+", "sport", false},
           Case{"sport/+", "sport/", true},
           Case{"+/+", "/finance", true},
           Case{"/+", "/finance", true},
           Case{"+", "/finance", false},
           Case{"#", "$SYS/uptime", false},
           Case{"+/uptime", "$SYS/uptime", false},
           Case{"$SYS/#", "$SYS/uptime", true},
           Case{"a/b", "a/b", true},
           Case{"a/b", "a/b/c", false},
           Case{"a/b/c", "a/b", false},
       })
    EXPECT_EQ(matches(filter, topic), means) << filter << " and " << topic;
}

TEST(Topic, AWildcardStandsAloneInItsLevelAndHashAtTheEnd) {
  for (const char* filter : {"#", "+", "a/#", "a/+/b", "+/+", "a/b", "/"}) EXPECT_TRUE(check_filter(filter)) << filter;
  for (const char* filter : {"", "a#", "#/a", "a/b+", "+a", "a/##", "a\nb", "a\x1b[2Jb", "a\x7f"})
    EXPECT_FALSE(check_filter(filter)) << filter;
  EXPECT_FALSE(check_filter(std::string(129, 'a')));
}

TEST(Topic, NothingIsPublishedToAWildcard) {
  EXPECT_TRUE(check_topic("a/b"));
  for (const char* topic : {"", "a/#", "+", "a\r\nAT+RST", "a\tb"}) EXPECT_FALSE(check_topic(topic)) << topic;
}

}  // namespace
}  // namespace espat::mqtt
