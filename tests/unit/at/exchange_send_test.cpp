// Sends: prompt, payload, receipt or progress, and the ways in which they end.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "at/bluetooth.hpp"
#include "at/commands.hpp"
#include "exchange_driver.hpp"

namespace espat::at::test {
namespace {

using Status = Outcome::Status;

TEST(Sending, GoesThroughPromptPayloadAndReceipt) {
  Driver driver(commands::send(0, 5));
  driver.module_says("\r\nOK\r\n");
  EXPECT_EQ(driver.finishes, 0);  // the OK before the prompt ends nothing
  driver.module_says("\r\n>");
  EXPECT_TRUE(driver.exchange.wants_payload());
  driver.exchange.payload_written();
  EXPECT_TRUE(driver.exchange.awaits_receipt());
  driver.module_says("\r\nRecv 5 bytes\r\n");
  EXPECT_FALSE(driver.exchange.awaits_receipt());
  EXPECT_EQ(driver.exchange.received(), 5U);
  driver.module_says("\r\nSEND OK\r\n");
  const auto outcome = driver.outcome();
  EXPECT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome.payload_written);
}

TEST(Sending, NeedsNoOkBeforeThePrompt) {  // quirk 62
  Driver driver(commands::send(0, 5));
  driver.module_says("\r\n> ");
  EXPECT_EQ(driver.prompts, 1);
}

TEST(Sending, OfABluetoothValueHasAPromptAloneAndThenOk) {  // quirk 62
  Driver driver(commands::notify_value(0, {1, 6, std::nullopt}, 5));
  driver.module_says("\r\n>");
  EXPECT_EQ(driver.prompts, 1);
  driver.exchange.payload_written();
  EXPECT_EQ(driver.finishes, 0);
  driver.module_says("\r\nOK\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Sending, NeedsNoReceipt) {
  Driver driver(commands::send(0, 5));
  driver.module_says("\r\nOK\r\n>");
  driver.exchange.payload_written();
  driver.module_says("SEND OK\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Sending, EndsEvenIfTheAnswerIsReadBeforeTheWriteIsKnownToBeDone) {
  Driver with_receipt(commands::send(0, 5));
  with_receipt.module_says("\r\nOK\r\n\r\n>\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  EXPECT_EQ(with_receipt.finishes, 1);

  Driver without(commands::send(0, 5));
  without.module_says("\r\nOK\r\n\r\n>SEND OK\r\n");
  EXPECT_EQ(without.finishes, 0);
  EXPECT_TRUE(without.exchange.payload_written().finished);
  EXPECT_TRUE(without.outcome().ok());
}

TEST(Sending, ToAClosedLinkGetsAnErrorInsteadOfAPrompt) {  // measured-datapath
  Driver driver(commands::send(3, 5));
  driver.module_says("3,CLOSED\r\n\r\nERROR\r\n");
  const auto outcome = driver.outcome();
  EXPECT_EQ(outcome.status, Status::error);
  EXPECT_FALSE(outcome.payload_written);
}

TEST(Sending, StillWantsItsPayloadWhenTheLinkClosesAfterThePrompt) {  // measured C.9
  Driver driver(commands::send(0, 10));
  driver.module_says("\r\nOK\r\n\r\n>0,CLOSED\r\n");
  EXPECT_TRUE(driver.exchange.wants_payload());
  driver.exchange.payload_written();
  driver.module_says("\r\nRecv 10 bytes\r\n\r\nSEND FAIL\r\n");
  EXPECT_EQ(driver.outcome().status, Status::send_failed);
}

TEST(Sending, TakesTheBusyOfSurplusBytesForNothing) {  // measured C.6, quirk 50
  Driver driver(commands::send(0, 5));
  driver.module_says("\r\nOK\r\n\r\n>");
  driver.exchange.payload_written();
  driver.module_says("\r\nbusy p...\r\nbusy s...\r\n\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  EXPECT_EQ(driver.busy, 0);
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Sending, EndsWithEitherSpellingOfCancelled) {  // quirk 6
  for (const char* word : {"SEND Canceled\r\n", "SEND CANCELLED\r\n"}) {
    Driver driver(commands::send_long(0, 100));
    driver.module_says("\r\nOK\r\n\r\n>").module_says(word);
    EXPECT_EQ(driver.outcome().status, Status::cancelled);
  }
}

TEST(Sending, IsCompleteWhenWhatWasPassedOnIsCancelledByItsOwner) {
  for (const bool complete : {true, false}) {
    Driver driver(commands::send_long(0, 100000));
    driver.module_says("\r\nOK\r\n\r\n>+CIPSENDL:768,768\r\n");
    driver.exchange.escape(complete);
    driver.module_says("\r\nSEND CANCELLED\r\n");
    EXPECT_EQ(driver.outcome().status, complete ? Status::ok : Status::cancelled);
    EXPECT_TRUE(driver.exchange.is_over());
  }
}

TEST(Sending, IsNotEndedByTheSendOkOfTheOneBefore) {  // quirk 65
  Driver driver(commands::send(1, 5));
  driver.module_says("\r\nSEND OK\r\n\r\nOK\r\n\r\n>");
  EXPECT_EQ(driver.finishes, 0);
  driver.exchange.payload_written();
  driver.module_says("\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n");
  EXPECT_EQ(driver.finishes, 1);
}

TEST(Sending, LateSendOkDoesNotEndAnotherCommand) {  // quirk 65
  Driver driver(commands::close(1));
  driver.module_says("\r\nSEND OK\r\n");
  EXPECT_EQ(driver.finishes, 0);
  driver.module_says("1,CLOSED\r\n\r\nOK\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Sending, ReportsTheProgressOfALongSend) {
  Driver driver(commands::send_long(0, 5000));
  driver.module_says("\r\nOK\r\n\r\n>+CIPSENDL:2920,5000\r\n");
  EXPECT_TRUE(driver.reports.empty()) << "it is the command's own";
  EXPECT_EQ(driver.exchange.received(), 5000U);
  EXPECT_EQ(driver.exchange.passed_on(), 2920U);
  driver.exchange.payload_written();
  driver.module_says("+CIPSENDL:5000,5000\r\n\r\nSEND OK\r\n");
  EXPECT_TRUE(driver.outcome().ok());
}

TEST(Sending, BelievesNoProgressThatCannotBeTrue) {  // quirk 13: more is written on the strength of it
  Driver driver(commands::send_long(0, 5000));
  driver.module_says("\r\nOK\r\n\r\n>+CIPSENDL:1024,2000\r\n");
  for (const auto* lie : {"+CIPSENDL:1024,6000\r\n", "+CIPSENDL:1024,1000\r\n", "+CIPSENDL:4000,3000\r\n"})
    driver.module_says(lie);
  EXPECT_EQ(driver.exchange.received(), 2000U);
  EXPECT_EQ(driver.exchange.passed_on(), 1024U);
}

TEST(Sending, HandsTheProgressOfSomebodyElseOn) {
  Driver driver(commands::send(0, 5));
  driver.module_says("+CIPSENDL:10,10\r\n");
  EXPECT_EQ(driver.reports, Lines{"+CIPSENDL:10,10"});
}

TEST(Sending, WaitsForTheReceiptOfALongSendUntilAllIsReceived) {  // quirk 72
  Driver driver(commands::send_long(0, 5000));
  driver.module_says("\r\nOK\r\n\r\n>+CIPSENDL:2920,2944\r\n");
  driver.exchange.payload_written();
  EXPECT_TRUE(driver.exchange.awaits_receipt());
  driver.module_says("+CIPSENDL:5000,5000\r\n");
  EXPECT_FALSE(driver.exchange.awaits_receipt());
}

TEST(Sending, EndsALongSendThatFailsOrIsCancelled) {  // quirks 6, 78
  Driver failed(commands::send_long(0, 5));
  failed.module_says("\r\nOK\r\n\r\n>0,CLOSED\r\n\r\nSEND FAIL\r\n");
  EXPECT_EQ(failed.outcome().status, Outcome::Status::send_failed);
  Driver cancelled(commands::send_long(0, 5));
  cancelled.module_says("\r\nOK\r\n\r\n>\r\nSEND CANCELLED\r\n");
  EXPECT_EQ(cancelled.outcome().status, Outcome::Status::cancelled);
}

}  // namespace
}  // namespace espat::at::test
