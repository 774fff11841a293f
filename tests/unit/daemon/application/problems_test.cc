#include "daemon/application/problems.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::application {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A daemon that has run for a while and is well.
Status healthy() {
  Status status;
  status.phase = Phase::kRunning;
  status.source = "kafka remap.events";
  status.updated_ms = 1'000'000;
  status.read_ms = 1'000'000;
  status.samples = status.read_samples = 50'000;
  status.ids = 100'000;
  status.labelled_samples = 50'000;
  status.label_sum = 10'000;
  status.features = {{"user", 50'000}, {"item", 50'000}};
  status.input.messages = 500;
  status.input.lag = {{0, 3}, {1, 0}};
  for (const char* name : {"user", "item"}) {
    TableStatus& table = status.tables.emplace_back();
    table.stats.name = name;
    table.stats.tracked_ids = 1'000;
    table.stats.version = Version{7};
    table.stats.new_id_traffic = 0.1;
  }
  return status;
}

std::vector<std::string> codes(const Status& status) {
  std::vector<std::string> out;
  for (const Problem& problem : find_problems(status)) out.emplace_back(to_string(problem.code));
  return out;
}

TEST(Problems, AHealthyDaemonHasNone) {
  EXPECT_THAT(codes(healthy()), IsEmpty());
  EXPECT_THAT(codes(Status()), IsEmpty());
}

TEST(Problems, EveryCodeHasAName) {
  std::set<std::string_view> names;
  for (std::size_t c = 0; c < kProblemCodes; ++c) names.insert(to_string(ProblemCode(c)));
  EXPECT_EQ(names.size(), kProblemCodes);
}

TEST(Problems, WhatKeepsEventsFromBeingRead) {
  Status status = healthy();
  status.problem = "all brokers are down";
  EXPECT_THAT(codes(status), ElementsAre("cannot_read"));
  EXPECT_EQ(find_problems(status)[0].where, "kafka remap.events");
  EXPECT_EQ(find_problems(status)[0].what, "all brokers are down");
  status.phase = Phase::kStarting;
  EXPECT_THAT(codes(status), ElementsAre("cannot_read"));
  status.phase = Phase::kFailed;  // then it is what ended it
  EXPECT_THAT(codes(status), IsEmpty());
}

TEST(Problems, OfTheMostUrgentFirst) {
  Status status = healthy();
  status.tables[1].stats.new_id_traffic = 0.75;
  status.checkpoint.problem = "no space";
  status.tables[0].problem = "refused";
  EXPECT_THAT(codes(status), ElementsAre("cannot_publish", "cannot_save", "many_new_ids"));
  const auto problems = find_problems(status);
  EXPECT_EQ(problems[0].where, "table user");
  EXPECT_EQ(problems[2].where, "table item");
  EXPECT_EQ(problems[2].what, "75 % of recent accesses are of ids that version 7 does not know");
}

TEST(Problems, AFeatureThatNeverComesIsToldAfterAThousandSamples) {
  Status status = healthy();
  status.features.push_back({"usr", 0});
  status.input.unknown_features = 12;
  status.read_samples = 999;
  EXPECT_THAT(codes(status), IsEmpty());
  status.read_samples = 1'000;
  ASSERT_THAT(codes(status), ElementsAre("feature_missing"));
  const Problem problem = find_problems(status)[0];
  EXPECT_EQ(problem.where, "feature usr");
  EXPECT_EQ(problem.what, "no id in 1000 samples");
  EXPECT_THAT(problem.advice,
              HasSubstr("12 feature columns in the messages are of no [[feature]]"));
  status.features.back().ids = 1;
  EXPECT_THAT(codes(status), IsEmpty());
}

TEST(Problems, ATableWithoutIds) {
  Status status = healthy();
  status.tables[1].stats.tracked_ids = 0;
  ASSERT_THAT(codes(status), ElementsAre("table_empty"));
  status.samples = 999;
  EXPECT_THAT(codes(status), IsEmpty());
}

TEST(Problems, Labels) {
  Status status = healthy();
  status.label_sum = 0;
  ASSERT_THAT(codes(status), ElementsAre("labels_of_one_class"));
  EXPECT_EQ(find_problems(status)[0].what, "all 50000 labels are 0");
  status.label_sum = 50'000;
  EXPECT_EQ(find_problems(status)[0].what, "all 50000 labels are 1");
  status.labelled_samples = 999;
  status.label_sum = 0;
  EXPECT_THAT(codes(status), IsEmpty());
  status.labelled_samples = 0;  // of a stream that needs none
  EXPECT_THAT(codes(status), IsEmpty());
  status.label_wanted_by = "source.file.label_column = \"clicked\"";
  ASSERT_THAT(codes(status), ElementsAre("labels_missing"));
  EXPECT_EQ(find_problems(status)[0].where, status.label_wanted_by);
}

TEST(Problems, ALagThatStandsStill) {
  Status status = healthy();
  status.updated_ms += 59'999;
  EXPECT_THAT(codes(status), IsEmpty());
  status.updated_ms += 1;
  EXPECT_THAT(codes(status), ElementsAre("lag_stands_still"));
  EXPECT_EQ(find_problems(status)[0].what, "3 messages are there and none has been read for 60 s");
  Status waiting = status;
  waiting.waiting_for_publication = true;
  EXPECT_THAT(codes(waiting), IsEmpty());
  status.input.lag = {{0, 0}};
  EXPECT_THAT(codes(status), IsEmpty());
}

TEST(Problems, MessagesOfWhichMostCannotBeRead) {
  Status status = healthy();
  status.input.dead_letters = 249;
  EXPECT_THAT(codes(status), IsEmpty());
  status.input.dead_letters = 250;
  EXPECT_THAT(codes(status), ElementsAre("unreadable_messages"));
  EXPECT_EQ(find_problems(status)[0].what, "250 of 500 messages could not be read");
}

TEST(Problems, YoungMappingsMayMeetManyNewIds) {
  Status status = healthy();
  status.tables[0].stats.new_id_traffic = 0.9;
  status.tables[0].stats.version = Version{2};
  EXPECT_THAT(codes(status), IsEmpty());
  status.tables[0].stats.version = Version{3};
  EXPECT_THAT(codes(status), ElementsAre("many_new_ids"));
}

TEST(Problems, WhoWantsLabels) {
  config::Config config;
  EXPECT_EQ(label_wanted_by(config), "");
  config.tables.push_back({.name = "item"});
  config.tables[0].learner = pipeline::LearnerChoice::kSupervised;
  EXPECT_EQ(label_wanted_by(config), "table item (learner = \"supervised\")");
  config.source.file.label_column = "clicked";
  EXPECT_EQ(label_wanted_by(config), "source.file.label_column = \"clicked\"");
}

TEST(ProblemWatch, TellsWhatBeginsAndEndsAndSinceWhen) {
  const Problem late{
      .code = ProblemCode::kCannotSave, .where = "checkpoint.dir", .what = "full", .advice = ""};
  Problem missing{.code = ProblemCode::kFeatureMissing,
                  .where = "feature usr",
                  .what = "no id in 1000 samples",
                  .advice = ""};
  ProblemWatch watch;
  auto changes = watch.update({missing}, 10);
  ASSERT_EQ(changes.begun.size(), 1U);
  EXPECT_EQ(changes.begun[0].since_ms, 10);
  EXPECT_THAT(changes.over, IsEmpty());
  missing.what = "no id in 2000 samples";  // the same problem
  changes = watch.update({late, missing}, 20);
  ASSERT_EQ(changes.begun.size(), 1U);
  EXPECT_EQ(changes.begun[0].code, ProblemCode::kCannotSave);
  EXPECT_EQ(watch.current()[1].since_ms, 10);
  EXPECT_EQ(watch.current()[1].what, "no id in 2000 samples");
  changes = watch.update({late}, 30);
  EXPECT_THAT(changes.begun, IsEmpty());
  ASSERT_EQ(changes.over.size(), 1U);
  EXPECT_EQ(changes.over[0].where, "feature usr");
}

}  // namespace
}  // namespace remapd::application
