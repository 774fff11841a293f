#include "core/pipeline/publish_gates.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/mapping/artifact_encoder.h"
#include "tests/fuzz/reseal.h"

namespace remapd::pipeline {
namespace {

using testing::HasSubstr;

mapping::Mapping make_mapping(std::uint64_t ids) {
  mapping::Mapping mapping;
  mapping.info.table = "item";
  mapping.info.version = Version{3};
  mapping.info.rows = 100;
  mapping.info.dedicated_rows = 0;
  mapping.info.fallback = {.first_row = 90, .row_count = 10, .ways = 1, .seed = 5};
  Random random(7);
  for (std::uint64_t i = 0; i < ids; ++i) {
    mapping.ids.push_back((i << 32) + random.below(1U << 31));
    mapping.rows.push_back(Row{static_cast<std::uint32_t>(random.below(90))});
  }
  mapping.stats.ids = ids;
  return mapping;
}

BuildOutcome make_outcome(std::uint64_t ids, double moved, bool first = false) {
  BuildOutcome outcome;
  outcome.mapping = make_mapping(ids);
  outcome.mapping.stats.traffic_moved = moved;
  if (!first) outcome.incumbent = std::make_shared<mapping::Mapping>(make_mapping(1));
  return outcome;
}

GateReport check(const GateLimits& limits, std::uint64_t samples, const BuildOutcome& outcome) {
  return check_gates(limits, samples, outcome, mapping::encode_artifact(outcome.mapping));
}

TEST(PublishGates, PassAGoodVersion) {
  const GateReport report =
      check({.min_samples = 10, .max_churn = 0.2}, 10, make_outcome(5000, 0.2));
  EXPECT_TRUE(report.passed());
  EXPECT_EQ(report.objections(), "");
  EXPECT_THAT(report.of(Gate::kSelfCheck).finding, HasSubstr("5000 ids"));
}

TEST(PublishGates, AskForEnoughSamples) {
  const GateReport report = check({.min_samples = 11}, 10, make_outcome(10, 0));
  EXPECT_FALSE(report.passed());
  EXPECT_FALSE(report.of(Gate::kMinSamples).passed);
  EXPECT_EQ(report.objections(), "10 samples, publish.gates.min_samples asks for 11");
}

TEST(PublishGates, RefuseTooMuchChurn) {
  const GateReport report = check({.max_churn = 0.1}, 0, make_outcome(10, 0.1234));
  EXPECT_FALSE(report.of(Gate::kMaxChurn).passed);
  EXPECT_EQ(report.objections(),
            "12.3 % of the traffic moves, publish.gates.max_churn allows 10.0 %");
}

TEST(PublishGates, AnyChurnPassesALimitOfOne) {
  EXPECT_TRUE(check({.max_churn = 1}, 0, make_outcome(10, 1.0)).passed());
}

TEST(PublishGates, TheFirstVersionHasNoChurn) {
  EXPECT_TRUE(check({.max_churn = 0}, 0, make_outcome(10, 1.0, true)).passed());
}

TEST(PublishGates, ChurnThatIsNoNumberDoesNotPass) {
  EXPECT_FALSE(check({.max_churn = 0.5}, 0, make_outcome(10, std::nan(""))).passed());
}

TEST(PublishGates, TellAllObjections) {
  const GateReport report = check({.min_samples = 5, .max_churn = 0.1}, 1, make_outcome(10, 0.5));
  EXPECT_THAT(report.objections(),
              testing::AllOf(HasSubstr("min_samples"), HasSubstr("; "), HasSubstr("max_churn")));
}

TEST(SelfCheck, AcceptsWhatTheEncoderMade) {
  for (const std::uint64_t ids : {0U, 1U, 4096U, 10'000U}) {
    const mapping::Mapping mapping = make_mapping(ids);
    for (const auto kind : {mapping::ArtifactKind::kFast, mapping::ArtifactKind::kCompact}) {
      EXPECT_EQ(self_check(mapping, mapping::encode_artifact(mapping, kind)), "") << ids;
    }
  }
}

TEST(SelfCheck, FindsARowThatDiffers) {
  const mapping::Mapping mapping = make_mapping(9'000);
  mapping::Mapping other = mapping;
  // Swapped rows keep the number of ids but not what they look up to.
  const std::size_t at = 8'000;
  other.rows[at] = Row{(other.rows[at].value + 1) % 90};
  const Bytes artifact = mapping::encode_artifact(other);
  EXPECT_THAT(self_check(mapping, artifact), HasSubstr("content hash"));
}

// Right checksums, right content hash, and slots that are not those of the ids: only looking every
// id up finds out.
TEST(SelfCheck, LooksEveryIdUpInACompactArtifact) {
  const mapping::Mapping mapping = make_mapping(9'000);
  constexpr auto kCompact = mapping::ArtifactKind::kCompact;
  constexpr std::size_t kHeader = 192;
  Bytes artifact = mapping::encode_artifact(mapping, kCompact);
  artifact[kHeader + 64 + 5'000] ^= std::byte{1};
  artifact = fuzz::resealed_artifact(artifact);
  EXPECT_THAT(self_check(mapping, artifact), HasSubstr("looks up to row"));
}

TEST(SelfCheck, FindsMissingIdsAndOtherVersions) {
  const mapping::Mapping mapping = make_mapping(100);
  mapping::Mapping fewer = mapping;
  fewer.ids.pop_back();
  fewer.rows.pop_back();
  EXPECT_THAT(self_check(mapping, mapping::encode_artifact(fewer)), HasSubstr("knows 99 ids"));
  mapping::Mapping later = mapping;
  later.info.version = Version{4};
  EXPECT_THAT(self_check(mapping, mapping::encode_artifact(later)), HasSubstr("another version"));
  mapping::Mapping elsewhere = mapping;
  elsewhere.info.fallback.seed = 6;
  EXPECT_NE(self_check(mapping, mapping::encode_artifact(elsewhere)), "");
}

TEST(SelfCheck, FindsDamage) {
  const mapping::Mapping mapping = make_mapping(1000);
  const Bytes good = mapping::encode_artifact(mapping);
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    Bytes bad = good;
    bad[random.below(bad.size())] ^= std::byte{1};
    EXPECT_NE(self_check(mapping, bad), "");
  }
  EXPECT_NE(self_check(mapping, {}), "");
}

TEST(Gate, HasAName) {
  EXPECT_EQ(to_string(Gate::kMinSamples), "min_samples");
  EXPECT_EQ(to_string(Gate::kMaxChurn), "max_churn");
  EXPECT_EQ(to_string(Gate::kSelfCheck), "self_check");
}

}  // namespace
}  // namespace remapd::pipeline
