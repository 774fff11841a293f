#include "connectors/kafka/topic_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TopicState state_of(const TopicSpec& spec) {
  return {.exists = true, .partitions = spec.partitions, .replicas = 1, .config = spec.config};
}

TEST(TopicObjections, ATopicAsItWasAskedForSuits) {
  for (const TopicSpec& spec :
       {event_topic("e", 8), mapping_topic("m", 512 << 10), dead_letter_topic("d")}) {
    EXPECT_THAT(objections(spec, state_of(spec)), IsEmpty()) << spec.name;
  }
}

TEST(TopicObjections, EachSaysWhatToChange) {
  const TopicSpec spec = mapping_topic("m", 8 << 20);
  EXPECT_THAT(objections(spec, {}), ElementsAre(HasSubstr("does not exist")));
  TopicState state = state_of(spec);
  state.config["cleanup.policy"] = "delete";
  EXPECT_THAT(objections(spec, state), ElementsAre(HasSubstr("set it to \"compact\"")));
  state = state_of(spec);
  state.partitions = 3;
  EXPECT_THAT(objections(spec, state), ElementsAre(HasSubstr("3 partitions")));
  state = state_of(spec);
  state.config["max.message.bytes"] = "1048588";
  EXPECT_THAT(objections(spec, state), ElementsAre(HasSubstr("at least 8454144")));
  state = state_of(spec);
  state.replicas = 3;
  state.config["min.insync.replicas"] = "1";
  EXPECT_THAT(objections(spec, state), ElementsAre(HasSubstr("min.insync.replicas")));
  state.config["min.insync.replicas"] = "2";
  EXPECT_THAT(objections(spec, state), IsEmpty());
  state.config["unclean.leader.election.enable"] = "true";
  EXPECT_THAT(objections(spec, state), ElementsAre(HasSubstr("unclean")));
}

TEST(TopicObjections, StricterSettingsAreFineAndUnknownOnesAreNotGuessedAt) {
  const TopicSpec spec = mapping_topic("m", 512 << 10);
  TopicState state = state_of(spec);
  state.config["max.message.bytes"] = "100000000";
  state.config["min.compaction.lag.ms"] = "3600000";
  EXPECT_THAT(objections(spec, state), IsEmpty());
  state.config.clear();
  EXPECT_THAT(objections(spec, state), IsEmpty());
}

}  // namespace
}  // namespace remapd::kafka
