#include "units.hpp"

#include <gtest/gtest.h>

namespace espat::cli {
namespace {

using std::chrono::milliseconds;

TEST(Units, BytesAreDecimalWithOneDigitBehindThePoint) {
  const std::pair<std::uint64_t, const char*> cases[] = {{0, "0 B"},
                                                         {999, "999 B"},
                                                         {1000, "1.0 kB"},
                                                         {1234, "1.2 kB"},
                                                         {999'949, "999.9 kB"},
                                                         {999'950, "1.0 MB"},
                                                         {1'234'567, "1.2 MB"},
                                                         {5'000'000'000, "5.0 GB"},
                                                         {UINT64_MAX, "18.4 EB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(human_bytes(bytes), text);
}

TEST(Units, DurationsHaveAtMostTwoUnits) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {-5, "0 ms"},       {0, "0 ms"},           {999, "999 ms"},   {1000, "1.0 s"},
      {2500, "2.5 s"},    {9949, "9.9 s"},       {9950, "10 s"},    {59'499, "59 s"},
      {59'500, "1min"},   {65'000, "1min 5s"},   {3'600'000, "1h"}, {5'400'000, "1h 30min"},
      {86'400'000, "1d"}, {187'200'000, "2d 4h"}};
  for (const auto& [count, text] : cases) EXPECT_EQ(human_duration(milliseconds{count}), text);
}

TEST(Units, ADurationIsReadAsAUserWritesIt) {
  EXPECT_EQ(parse_duration("5"), milliseconds{5000});
  EXPECT_EQ(parse_duration("0.5"), milliseconds{500});
  EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
  EXPECT_EQ(parse_duration("2s"), milliseconds{2000});
  EXPECT_EQ(parse_duration("1min"), milliseconds{60'000});
  EXPECT_EQ(parse_duration("24h"), milliseconds{86'400'000});
  for (const char* const text : {"", "s", "0", "-1", "1 s", "1x", "25h", "nan", "inf", "1e3", "5ss"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Units, CountsAgreeWithTheirNoun) {
  EXPECT_EQ(counted(0, "link", "links"), "0 links");
  EXPECT_EQ(counted(1, "link", "links"), "1 link");
  EXPECT_EQ(counted(2, "link", "links"), "2 links");
}

}  // namespace
}  // namespace espat::cli
