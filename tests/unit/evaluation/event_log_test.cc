#include "evaluation/event_log.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kItem{1};

TEST(EventLog, NumbersIdsInTheOrderTheyFirstAppear) {
  const EventLog log = make_log(
      "timestamp\tlabel\tuser\titem\n1\t1\t70\t5\n2\t0\t9\t5\n3\t1\t70\t6\n", {"user", "item"});
  EXPECT_EQ(log.samples(), 3u);
  EXPECT_EQ(log.features(), 2u);
  EXPECT_EQ(log.name(kItem), "item");
  EXPECT_THAT(log.ids(kUser), ElementsAre(70u, 9u));
  EXPECT_THAT(log.ids(kItem), ElementsAre(5u, 6u));
  EXPECT_THAT(log.numbers(kUser, 0), ElementsAre(0u));
  EXPECT_THAT(log.numbers(kUser, 1), ElementsAre(1u));
  EXPECT_THAT(log.numbers(kUser, 2), ElementsAre(0u));
  EXPECT_THAT(log.numbers(kItem, 2), ElementsAre(1u));
  EXPECT_TRUE(log.labelled());
  EXPECT_EQ(log.label(0), 1);
  EXPECT_EQ(log.label(1), 0);
}

TEST(EventLog, SplitsFieldsThatHoldSeveralIds) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "log.tsv", "timestamp\tuser\titem\n1\t1\t3|4|3\n2\t2\t\n");
  EventLogOptions options;
  options.path = dir / "log.tsv";
  options.features = {"user", "item"};
  options.multi_value_separator = '|';
  const auto log = EventLog::read(options, [](std::size_t) {});
  ASSERT_TRUE(log.has_value()) << log.error().message;
  EXPECT_THAT(log->numbers(kItem, 0), ElementsAre(0u, 1u, 0u));
  EXPECT_THAT(log->numbers(kItem, 1), IsEmpty());
  EXPECT_FALSE(log->labelled());
  EXPECT_TRUE(std::isnan(log->label(0)));
}

TEST(EventLog, CountsWhatCannotBeRead) {
  const EventLog log =
      make_log("timestamp\tlabel\tuser\titem\n1\t1\t1\t2\nbroken\n2\t0\t1\t2\n", {"user", "item"});
  EXPECT_EQ(log.samples(), 2u);
  EXPECT_EQ(log.unreadable(), 1u);
}

TEST(EventLog, RefusesALogWithoutSamples) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "log.tsv", "timestamp\tlabel\tuser\titem\n");
  EventLogOptions options;
  options.path = dir / "log.tsv";
  options.features = {"user", "item"};
  const auto log = EventLog::read(options, [](std::size_t) {});
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().message.find("holds no sample"), std::string::npos) << log.error().message;
}

TEST(EventLog, ShuffledHasTheSameSamplesUnderTheSameNumbers) {
  pipeline::EventBatch batch;
  batch.reset(2);
  for (Id sample = 0; sample < 50; ++sample) {  // of user u: label u % 2, items u .. 2u
    batch.mutable_lengths(kUser).push_back(1);
    batch.mutable_values(kUser).push_back(sample);
    batch.mutable_lengths(kItem).push_back(static_cast<std::uint32_t>(sample) + 1);
    for (Id item = sample; item <= 2 * sample; ++item) batch.mutable_values(kItem).push_back(item);
    batch.mutable_labels().push_back(static_cast<float>(sample % 2));
  }
  batch.seal(50);
  EventLog::Builder builder({"user", "item"});
  builder.add(batch);
  const EventLog log = std::move(builder).finish();
  const EventLog shuffled = log.shuffled(3);
  ASSERT_EQ(shuffled.samples(), 50u);
  EXPECT_TRUE(shuffled.labelled());
  EXPECT_THAT(shuffled.ids(kItem), ElementsAreArray(log.ids(kItem)));
  std::vector<std::uint32_t> users;
  for (std::size_t s = 0; s < 50; ++s) {
    ASSERT_EQ(shuffled.numbers(kUser, s).size(), 1u);
    const std::uint32_t user = shuffled.numbers(kUser, s)[0];
    users.push_back(user);
    EXPECT_EQ(shuffled.label(s), static_cast<float>(user % 2));
    EXPECT_THAT(shuffled.numbers(kItem, s), ElementsAreArray(log.numbers(kItem, user)));
  }
  EXPECT_FALSE(std::is_sorted(users.begin(), users.end()));
  std::sort(users.begin(), users.end());
  for (std::uint32_t user = 0; user < 50; ++user) EXPECT_EQ(users[user], user);
}

TEST(EventLogBuilder, TakesTheFirstSamplesOfABatch) {
  pipeline::EventBatch batch;
  batch.reset(2);
  for (const Id id : {8u, 9u, 8u}) {
    batch.mutable_lengths(kUser).push_back(1);
    batch.mutable_values(kUser).push_back(id);
    batch.mutable_lengths(kItem).push_back(2);
    batch.mutable_values(kItem).push_back(id);
    batch.mutable_values(kItem).push_back(1);
  }
  batch.seal(3);
  EventLog::Builder builder({"user", "item"});
  builder.add(batch);
  builder.add(batch, 1);
  EXPECT_EQ(builder.samples(), 4u);
  const EventLog log = std::move(builder).finish();
  EXPECT_EQ(log.samples(), 4u);
  EXPECT_EQ(log.name(kUser), "user");
  EXPECT_FALSE(log.labelled());
  EXPECT_THAT(log.ids(kItem), ElementsAre(8u, 1u, 9u));
  EXPECT_THAT(log.numbers(kItem, 3), ElementsAre(0u, 1u));
}

}  // namespace
}  // namespace remapd::evaluation
