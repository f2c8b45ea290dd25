#include "at/exchange.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "at/commands.hpp"
#include "exchange_driver.hpp"

namespace espat::at::test {
namespace {

using Status = Outcome::Status;

TEST(Exchange, EndsWithItsOk) {
  Driver driver(commands::attention());
  driver.module_says("\r\nOK\r\n");
  EXPECT_EQ(driver.finishes, 1);
  EXPECT_TRUE(driver.exchange.is_over());
  const auto outcome = driver.outcome();
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.elapsed, Milliseconds(7));
}

TEST(Exchange, KeepsItsResponses) {
  Driver driver(commands::query_station_address());
  driver.module_says("+CIPSTA:ip:\"192.168.4.15\"\r\n+CIPSTA:gateway:\"192.168.4.2\"\r\n\r\nOK\r\n");
  const auto outcome = driver.outcome();
  ASSERT_EQ(outcome.responses.size(), 2U);
  EXPECT_EQ(outcome.find("CIPSTA")->arguments, "ip:\"192.168.4.15\"");
  EXPECT_EQ(outcome.find("CIFSR"), nullptr);
}

TEST(Exchange, KeepsPlainLinesAsResponses) {
  Driver driver(commands::version());
  driver.module_says("AT version:1.2\r\nSDK version:v5\r\nOK\r\n");
  EXPECT_EQ(driver.outcome().responses.size(), 2U);
}

TEST(Exchange, EndsWithErrorAndItsReasons) {
  Driver driver(commands::connect({.link = 0, .remote = {"1.2.3.4", 80}}).value());
  driver.module_says("ERR CODE:0x010a0000\r\n+ERRNO:0x71\r\n\r\nERROR\r\n");
  const auto outcome = driver.outcome();
  EXPECT_EQ(outcome.status, Status::error);
  EXPECT_EQ(outcome.error_code, 0x010a0000U);
  EXPECT_EQ(outcome.error_number, 0x71U);
  EXPECT_EQ(outcome.error("Connect").message,
            "Connect: the module answered ERROR (0x010a0000, command failed) (errno 113)");
}

TEST(Exchange, IsNotDisturbedByLogLinesOfTheSdk) {  // quirk 39
  Driver driver(commands::attention());
  driver.module_says("I (5843) wifi: state\r\nOK\r\n");
  EXPECT_TRUE(driver.outcome().responses.empty());
}

TEST(Exchange, HandsReportsOnWhereverTheyFall) {  // quirk 63
  Driver driver(commands::send(0, 5));
  driver.module_says("1,CLOSED\r\n\r\nOK\r\n+MQTTDISCONNECTED:0\r\n\r\n>");
  EXPECT_EQ(driver.prompts, 1);
  driver.module_says("\r\n+IPD,1,3:abc\r\n");
  driver.exchange.payload_written();
  driver.module_says("2,CONNECT\r\n\r\nRecv 5 bytes\r\n3,CLOSED\r\n\r\nSEND OK\r\n");
  EXPECT_EQ(driver.reports, (Lines{"1,CLOSED", "+MQTTDISCONNECTED:0", "2,CONNECT", "3,CLOSED"}));
  EXPECT_EQ(driver.foreign_payloads, Lines{"IPD"});
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Echo, IsConsumedWhereItIsExpected) {
  Driver driver(commands::echo(false), {.echo_expected = true});
  driver.module_says("ATE0\r\n\r\nOK\r\n");
  EXPECT_EQ(driver.echoes, 0);
  const auto outcome = driver.outcome();
  EXPECT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome.responses.empty());
}

TEST(Echo, WhereNoneIsExpectedShowsThatTheModuleWasReset) {
  Driver driver(commands::query_multiplex());
  driver.module_says("AT+CIPMUX?\r\n+CIPMUX:0\r\n\r\nOK\r\n");
  EXPECT_EQ(driver.echoes, 1);
  EXPECT_EQ(driver.outcome().responses.size(), 1U);
}

TEST(Prompt, NobodyAskedForIsToldToTheOwner) {  // measured F.10b
  Driver driver(commands::attention());
  driver.module_says("\r\n>");
  EXPECT_EQ(driver.stray_prompts, 1);
  EXPECT_EQ(driver.prompts, 0);
}

TEST(Busy, MeansWaitAndThenRetryTheSameCommand) {  // quirks 47-49
  Driver driver(commands::query_multiplex());
  driver.module_says("ERR CODE:0x010b0000\r\n\r\nbusy p...\r\n");
  EXPECT_EQ(driver.busy, 1);
  EXPECT_EQ(driver.finishes, 0);
  EXPECT_TRUE(driver.exchange.was_busy());
  driver.exchange.retry();
  driver.module_says("+CIPMUX:1\r\n\r\nOK\r\n");
  const auto outcome = driver.outcome();
  EXPECT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome.error_code);
}

TEST(Busy, MayBeFollowedByTheAnswerAllTheSame) {  // quirk 48, measured C.7
  Driver driver(commands::receive_data(0, 10));
  driver.module_says("\r\nbusy p...\r\n+CIPRECVDATA:2,ab\r\nOK\r\n");
  EXPECT_EQ(driver.own_payloads, Lines{"CIPRECVDATA"});
  EXPECT_TRUE(driver.outcome().ok());
  EXPECT_FALSE(driver.exchange.unanswered());
}

TEST(Busy, AfterARetryOneMoreAnswerMayCome) {
  Driver driver(commands::query_multiplex());
  driver.module_says("busy p...\r\n");
  driver.exchange.retry();
  driver.module_says("busy p...\r\n");
  EXPECT_EQ(driver.busy, 2);
  driver.exchange.retry();
  driver.module_says("+CIPMUX:1\r\nOK\r\n");
  EXPECT_TRUE(driver.exchange.unanswered());
}

TEST(Abandoning, GivesTheOutcomeAtOnceAndDropsTheLateAnswer) {
  Driver driver(commands::ping("1.2.3.4").value());
  EXPECT_TRUE(driver.exchange.expire().finished);
  EXPECT_EQ(driver.outcome().status, Status::timeout);
  EXPECT_FALSE(driver.exchange.is_over());
  EXPECT_TRUE(driver.exchange.unanswered());
  driver.module_says("+PING:5\r\n");
  EXPECT_TRUE(driver.strangers.empty());
  EXPECT_TRUE(driver.reports.empty());
  driver.module_says("\r\nOK\r\n");
  EXPECT_TRUE(driver.exchange.is_over());
  EXPECT_EQ(driver.finishes, 0);  // the expiry was the one
  EXPECT_FALSE(driver.exchange.unanswered());
}

TEST(Abandoning, ALatePromptStillWantsBytes) {  // quirks 72-74
  Driver driver(commands::send(0, 5));
  driver.exchange.expire();
  driver.module_says("\r\nOK\r\n\r\n>");
  EXPECT_EQ(driver.prompts, 1);
  driver.exchange.payload_written();
  driver.module_says("\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  EXPECT_TRUE(driver.exchange.is_over());
}

TEST(Abandoning, InTheMiddleOfThePayloadSaysThatTheModuleStillWaits) {
  Driver driver(commands::send(0, 5));
  driver.module_says("\r\nOK\r\n\r\n>");
  const auto reaction = driver.exchange.expire();
  EXPECT_TRUE(reaction.finished);
  EXPECT_TRUE(reaction.write_payload);
  EXPECT_TRUE(driver.outcome().payload_written);
}

TEST(Abandoning, ASuccessorsQueryIsNotEndedByTheLateFinal) {
  Driver driver(commands::query_multiplex(), {.before = Unanswered{}});
  driver.module_says("\r\nERROR\r\n");
  EXPECT_EQ(driver.finishes, 0);
  driver.module_says("+CIPMUX:1\r\n\r\nOK\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Abandoning, ASuccessorThatGetsItsResponseFirstIsEndedByItsOwnFinal) {
  Driver driver(commands::query_multiplex(), {.before = Unanswered{}});
  driver.module_says("+CIPMUX:1\r\n\r\nOK\r\n");
  EXPECT_EQ(driver.finishes, 1);
}

TEST(Restarting, EndsWithReadyAndNotWithOk) {  // quirk 25
  Driver driver(commands::reset());
  driver.module_says("\r\nOK\r\n0,CLOSED\r\nWIFI DISCONNECT\r\n");
  EXPECT_EQ(driver.finishes, 0);
  driver.module_says("ets Jun  8 2016 00:22:57\r\nrst:0x1\r\n\r\nready\r\n");
  EXPECT_EQ(driver.finishes, 1);
  EXPECT_TRUE(driver.outcome().ok());
  EXPECT_EQ(driver.reports.back(), "ready");
}

TEST(Restarting, TakesReadyEvenIfItsOkWasLost) {
  Driver driver(commands::restore());
  driver.module_says("0,CLOSED\r\n\x01\xff\x02\r\n\r\nready\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Restarting, CanBeRefused) {
  Driver driver(commands::reset());
  driver.module_says("\r\nERROR\r\n");
  EXPECT_EQ(driver.outcome().status, Status::error);
}

TEST(UnexpectedRestart, FailsTheCommandInFlight) {  // quirks 23, 41
  for (const char* text :
       {"\r\nready\r\n", "Guru Meditation Error: Core  0 panic'ed\r\n", "rst:0xc (SW_CPU_RESET)\r\n"}) {
    Driver driver(commands::scan());
    driver.module_says(text);
    EXPECT_EQ(driver.outcome().status, Status::reset) << text;
    EXPECT_TRUE(driver.exchange.is_over());
    EXPECT_EQ(driver.reports.size(), 1U);
  }
}

TEST(UnexpectedRestart, OfThePortIsToldByTheOwner) {
  Driver driver(commands::scan());
  EXPECT_TRUE(driver.exchange.module_gone().finished);
  EXPECT_EQ(driver.outcome().status, Status::reset);
  EXPECT_FALSE(driver.exchange.unanswered());
}

TEST(SameName, ReasonOfAFailedJoinIsItsResponse) {  // DIALECTS 3.3
  Driver driver(commands::join({.ssid = "a", .passphrase = "12345678"}).value());
  driver.module_says("WIFI DISCONNECT\r\n+CWJAP:3\r\n\r\nERROR\r\n");  // quirk 123
  EXPECT_EQ(driver.reports, Lines{"WIFI DISCONNECT"});
  EXPECT_EQ(driver.outcome().find("CWJAP")->arguments, "3");
}

TEST(SameName, NonosEndsAFailedJoinWithFail) {  // quirk 122
  Driver driver(commands::join({.ssid = "a", .passphrase = "12345678"}).value());
  driver.module_says("+CWJAP:1\r\n\r\nFAIL\r\n");
  EXPECT_EQ(driver.outcome().status, Status::error);
}

TEST(SameName, ResponseOfAnotherCommandIsAReport) {
  Driver driver(commands::attention());
  driver.module_says("+CWJAP:4\r\nOK\r\n");
  EXPECT_EQ(driver.reports, Lines{"+CWJAP:4"});
  EXPECT_TRUE(driver.outcome().responses.empty());
}

TEST(SameName, EventOfItsOwnCommandIsBothAnswerAndReport) {
  Driver set(commands::raw("AT+BLECONN=0,\"24:0a:c4:00:00:01\"").value());
  set.module_says("+BLECONN:0,\"24:0a:c4:00:00:01\"\r\nOK\r\n");
  EXPECT_EQ(set.reports.size(), 1U);
  EXPECT_EQ(set.outcome().responses.size(), 1U);

  Driver query(commands::raw("AT+BLECONN?").value());
  query.module_says("+BLECONN:0,\"24:0a:c4:00:00:01\"\r\nOK\r\n");
  EXPECT_TRUE(query.reports.empty());
  EXPECT_EQ(query.outcome().responses.size(), 1U);
}

TEST(SameName, PayloadOfAReadBelongsToIt) {
  Driver driver(commands::receive_data(0, 4));
  driver.module_says("+CIPRECVDATA:4,0123\r\n\r\n+IPD,1,1:x\r\nOK\r\n");
  EXPECT_EQ(driver.own_payloads, Lines{"CIPRECVDATA"});
  EXPECT_EQ(driver.foreign_payloads, Lines{"IPD"});
}

TEST(Exchange, KnowsNobodyOnceItIsOver) {
  Driver driver(commands::attention());
  driver.module_says("OK\r\nOK\r\nERROR\r\n");
  EXPECT_EQ(driver.finishes, 1);
  EXPECT_EQ(driver.strangers, (Lines{"OK", "ERROR"}));
}

TEST(Exchange, BoundsWhatItKeeps) {
  Driver driver(commands::scan());
  for (int i = 0; i < 3000; ++i) driver.module_says("+CWLAP:(0,\"\",-1,\"00:00:00:00:00:00\",1)\r\n");
  driver.module_says("OK\r\n");
  EXPECT_EQ(driver.outcome().responses.size(), 1024U);
}

TEST(Outcome, SaysWhatHappenedInWords) {
  Outcome outcome;
  outcome.status = Status::send_failed;
  EXPECT_EQ(outcome.error("Send").kind, ErrorKind::module);
  EXPECT_NE(outcome.error("Send").message.find("part of it may have reached the peer"), std::string::npos);
  outcome.status = Status::timeout;
  EXPECT_EQ(outcome.error("Send").kind, ErrorKind::timeout);
  outcome.status = Status::reset;
  EXPECT_EQ(outcome.error("Send").kind, ErrorKind::not_ready);
}

}  // namespace
}  // namespace espat::at::test
