// Every worked example of the documents, cut at every place: the events must be those that the example shows.
#include "dialogue.hpp"

#include <gtest/gtest.h>

namespace espat::at::test {
namespace {

/// Payload events without their header, so that they compare with what the example says.
Events without_headers(Events events) {
  for (auto& event : events)
    if (event.starts_with("payload ")) event = "data " + event.substr(event.find(": ") + 2);
  return events;
}

class EveryDialogue : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(EveryDialogue, GivesTheEventsThatItShowsHoweverItIsCut) {
  const auto dialogue = read_dialogue(GetParam());
  const LexerOptions options{.gatt_read_in_hex = dialogue.gatt_read_in_hex};
  ASSERT_FALSE(dialogue.expected.empty());
  const auto whole = events_of(dialogue.stream, {}, options);
  EXPECT_EQ(without_headers(whole), dialogue.expected);
  ASSERT_EQ(events_byte_by_byte(dialogue.stream, options), whole);
  for (std::size_t cut = 1; cut < dialogue.stream.size(); ++cut)
    ASSERT_EQ(events_of(dialogue.stream, {cut}, options), whole) << "cut at " << cut;
}

INSTANTIATE_TEST_SUITE_P(Dialogues, EveryDialogue, testing::ValuesIn(dialogue_files()), [](const auto& info) {
  std::string name = info.param.stem().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(Dialogues, AreAllThere) {
  EXPECT_EQ(dialogue_files().size(), 89U);
}

}  // namespace
}  // namespace espat::at::test
