// What programs send, through the whole interface: which command carries it, what is joined, and when it counts as
// delivered.
#include <string>

#include "translator_fixture.hpp"

namespace espat::net {
namespace {

/// An uploading program behind a line that can do long sends.
struct LongSends : Translator {
  void SetUp() override {
    channel.the_dialect.long_send_usable = true;
    channel.rate = {921600, true, true};
    channel.longest_turn = 1000000;
    Translator::SetUp();
    link = open(program, "198.51.100.7:80");
  }
  static std::string text(std::size_t length) {
    std::string all;
    for (std::size_t i = 0; all.size() < length; ++i) all += std::to_string(i) + ",";
    all.resize(length);
    return all;
  }
  HostProgram program{*this, 40000, "198.51.100.7", 80};
  at::LinkId link = 0;
};

TEST_F(LongSends, CarryWhatIsInHandUpToHalfASecondOfTheLine) {
  const std::string all = text(50000);
  program.send(all);
  converse(program, seconds(2));
  EXPECT_EQ(channel.links[link].received, all);
  EXPECT_LE(channel.longest_block, 46080U);
  EXPECT_GT(count_commands("AT+CIPSENDL="), 0U);
  EXPECT_EQ(program.acknowledged, all.size());
}

TEST_F(LongSends, UseShortBlocksWithoutFlowControl) {  // quirks 18, 78
  channel.rate = {115200, false, false};
  const std::string all = text(14000);
  program.send(all);
  converse(program, seconds(3));
  EXPECT_EQ(channel.links[link].received, all);
  EXPECT_EQ(count_commands("AT+CIPSENDL="), 0U);
  EXPECT_EQ(channel.longest_block, 8192U);
}

TEST_F(LongSends, UseShortBlocksWhereTheFirmwareIsNotKnownToBeGood) {
  channel.the_dialect.long_send_usable = false;
  program.send(text(14000));
  converse(program, seconds(1));
  EXPECT_EQ(count_commands("AT+CIPSENDL="), 0U);
  EXPECT_EQ(channel.longest_block, 8192U);
}

TEST_F(LongSends, KeepToTheTurnTheyAreGiven) {
  channel.longest_turn = 9216;  // 100 ms: others wait
  program.send(text(40000));
  converse(program, seconds(1));
  EXPECT_EQ(channel.longest_block, 9216U);
}

TEST_F(LongSends, LetTheProgramGoOnWhileTheyAreUnderWay) {
  program.send(text(46080));
  converse(program, milliseconds(250));  // half of it is out
  ASSERT_EQ(count_commands("AT+CIPSENDL=4,46080"), 1U);
  const std::string more = text(20000);
  program.send(more);
  converse(program, milliseconds(100));
  EXPECT_EQ(program.acknowledged, 46080U + more.size()) << "what has been passed on makes room";
}

TEST_F(LongSends, DoNotEndAStreamBeforeTheirSendOk) {
  program.send(text(20000));
  program.finish();
  converse(program, milliseconds(200));
  channel.send_hangs = true;
  converse(program, seconds(1));
  EXPECT_EQ(program.acknowledged, 20000U) << "not the FIN, although nearly all has been passed on";
  channel.send_hangs = false;
  converse(program, milliseconds(200));
  EXPECT_EQ(program.acknowledged, 20001U);
}

TEST_F(LongSends, ThatFailHalfWayResetTheProgramAndAreNotRepeated) {  // quirks 64, 78
  const std::string all = text(40000);
  program.send(all);
  converse(program, milliseconds(150));
  channel.send_fails = true;
  converse(program, seconds(1));
  EXPECT_TRUE(program.was_reset);
  EXPECT_FALSE(channel.links[link].open);
  EXPECT_LE(count_commands("AT+CIPSENDL="), 2U);
}

TEST_F(LongSends, TakeWhatComesAsLongAsTheyMayStayOpen) {
  channel.longest_turn = module::open_ended;
  const std::string all = text(100100);
  program.send(all.substr(0, 40000));
  for (std::size_t at = 40000; at < all.size(); at += 9000) {  // as fast as the line
    converse(program, milliseconds(100));
    program.send(all.substr(at, 9000));
  }
  converse(program, seconds(2));
  EXPECT_TRUE(channel.links[link].received == all) << "the end, which is no whole portion, too";
  EXPECT_EQ(program.acknowledged, all.size());
  EXPECT_EQ(count_commands("AT+CIPSENDL=4,1048576"), 1U);
}

TEST_F(LongSends, GoOnBehindAnOpenOneThatHadToLetGo) {
  channel.longest_turn = module::open_ended;
  const std::string all = text(50000);
  program.send(all);
  converse(program, milliseconds(200));
  channel.open_send_ends = true;
  converse(program, milliseconds(50));
  channel.longest_turn = 9216;
  converse(program, seconds(3));
  EXPECT_TRUE(channel.links[link].received == all);
  EXPECT_FALSE(program.was_reset);
}

TEST_F(LongSends, ThatAreOpenEndWithTheProgram) {
  channel.longest_turn = module::open_ended;
  program.send(text(40000));
  converse(program, milliseconds(200));
  program.reset();
  converse(program, seconds(2));
  EXPECT_FALSE(channel.links[link].open);
}

TEST_F(LongSends, AreNotOpenForLittle) {
  channel.longest_turn = module::open_ended;
  program.send(text(3000));
  converse(program, milliseconds(200));
  EXPECT_EQ(count_commands("AT+CIPSENDL=4,3000"), 1U);
}

TEST_F(LongSends, AreNotWorthWhileForLittle) {
  program.send(text(600));
  converse(program, milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSEND=4,600"), 1U);
}

TEST_F(Translator, joins_small_writes_that_wait_anyhow_and_delays_none) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.send("a");
  run(milliseconds(1));
  EXPECT_EQ(count_commands("AT+CIPSEND=4,1"), 1U) << "the first goes at once";
  for (const char* key : {"b", "c", "d", "e"}) program.send(key);
  converse(program, milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSEND=4,4"), 1U) << "what came while it was in flight goes in one block";
  EXPECT_EQ(count_commands("AT+CIPSEND="), 2U);
  EXPECT_EQ(channel.links[link].received, "abcde");
}

TEST_F(Translator, queues_the_next_block_while_the_module_works_and_takes_nothing_twice) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.longest_turn = 1000;
  const std::string all = LongSends::text(10500);
  program.send(all);
  converse(program, seconds(3));
  EXPECT_EQ(channel.links[link].received, all);
  EXPECT_EQ(count_commands("AT+CIPSEND=4,1000"), 10U);
  EXPECT_EQ(count_commands("AT+CIPSEND=4,500"), 1U);
}

}  // namespace
}  // namespace espat::net
