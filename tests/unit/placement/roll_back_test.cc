#include "core/placement/roll_back.h"

#include <gtest/gtest.h>

#include "core/mapping/artifact_encoder.h"
#include "tests/unit/mapping/random_mapping.h"

namespace remapd::placement {
namespace {

constexpr std::uint32_t kRows = 100;

struct Versions {
  mapping::Mapping old = mapping::random_mapping(2'000, kRows, 1);
  Bytes artifact = mapping::encode_artifact(old);
  mapping::Mapping newest = mapping::random_mapping(2'000, kRows, 2);

  Versions() {
    newest.info.version = Version{7};
    newest.info.parent = Version{6};
  }
};

RollBackInput input_of(const mapping::ArtifactView& target, const mapping::Mapping& incumbent) {
  RollBackInput input{.target = &target,
                      .incumbent = &incumbent,
                      .version = Version{8},
                      .epoch = Epoch{5},
                      .built_ms = 42,
                      .ids = {},
                      .frequency = {}};
  for (std::size_t i = 0; i < incumbent.ids.size(); i += 2) {
    input.ids.push_back(incumbent.ids[i]);
    input.frequency.push_back(1);
  }
  return input;
}

TEST(RollBack, LooksUpAsTheOldVersionUnderANewNumber) {
  const Versions versions;
  const auto target = mapping::ArtifactView::open(versions.artifact, mapping::Verify::kAll);
  const auto result = roll_back(input_of(*target, versions.newest));
  ASSERT_TRUE(result) << result.error().message;
  const auto view = mapping::ArtifactView::open(result->artifact, mapping::Verify::kAll);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->info(), result->info);
  EXPECT_EQ(view->info().version, Version{8});
  EXPECT_EQ(view->info().parent, Version{7});
  EXPECT_EQ(view->info().epoch, Epoch{5});
  EXPECT_EQ(view->info().built_ms, 42);
  EXPECT_EQ(view->content_hash(), mapping::content_hash(versions.old));
  for (std::size_t i = 0; i < versions.old.ids.size(); ++i) {
    ASSERT_EQ(view->lookup(versions.old.ids[i]), versions.old.rows[i]);
  }
  for (const Id id : versions.newest.ids) ASSERT_EQ(view->lookup(id), versions.old.lookup(id));
}

TEST(RollBack, ACompactVersionStaysCompact) {
  const Versions versions;
  const Bytes artifact = mapping::encode_artifact(versions.old, mapping::ArtifactKind::kCompact);
  const auto target = mapping::ArtifactView::open(artifact, mapping::Verify::kAll);
  const auto result = roll_back(input_of(*target, versions.newest));
  ASSERT_TRUE(result) << result.error().message;
  const auto view = mapping::ArtifactView::open(result->artifact, mapping::Verify::kAll);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->kind(), mapping::ArtifactKind::kCompact);
  EXPECT_EQ(view->info(), result->info);
  for (const Id id : versions.newest.ids) ASSERT_EQ(view->lookup(id), target->lookup(id));
  for (std::size_t i = 0; i < versions.old.ids.size(); ++i) {
    ASSERT_EQ(view->lookup(versions.old.ids[i]), versions.old.rows[i]);
  }
}

TEST(RollBack, ThePlanLeadsFromTheIncumbent) {
  const Versions versions;
  const auto target = mapping::ArtifactView::open(versions.artifact, mapping::Verify::kAll);
  const RollBackInput input = input_of(*target, versions.newest);
  const auto result = roll_back(input);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->plan.from, Version{7});
  EXPECT_EQ(result->plan.to, Version{8});
  // With rows that hold their own number, a migrated row is the mean of where its ids were.
  std::vector<float> matrix(kRows);
  for (std::uint32_t row = 0; row < kRows; ++row) matrix[row] = static_cast<float>(row);
  ASSERT_TRUE(apply(result->plan, matrix, 1));
  std::vector<double> sum(kRows);
  std::vector<double> count(kRows);
  for (const Id id : input.ids) {
    const std::uint32_t row = versions.old.lookup(id).value;
    sum[row] += versions.newest.lookup(id).value;
    count[row] += 1;
  }
  for (std::uint32_t row = 0; row < kRows; ++row) {
    if (count[row] == 0) continue;
    EXPECT_NEAR(matrix[row], sum[row] / count[row], 1e-3) << row;
  }
}

TEST(RollBack, CountsWhatMoves) {
  const Versions versions;
  const auto target = mapping::ArtifactView::open(versions.artifact, mapping::Verify::kAll);
  const RollBackInput input = input_of(*target, versions.newest);
  const auto result = roll_back(input);
  ASSERT_TRUE(result);
  std::uint64_t moved = 0;
  for (const Id id : input.ids) {
    moved += versions.old.lookup(id) != versions.newest.lookup(id) ? 1 : 0;
  }
  EXPECT_EQ(result->stats.ids_moved, moved);
  EXPECT_DOUBLE_EQ(result->stats.traffic_moved,
                   static_cast<double>(moved) / static_cast<double>(input.ids.size()));
  EXPECT_EQ(result->stats.ids, versions.old.ids.size());
}

TEST(RollBack, ToTheVersionInForceMovesNothing) {
  const Versions versions;
  const auto target = mapping::ArtifactView::open(versions.artifact, mapping::Verify::kAll);
  mapping::Mapping incumbent = versions.old;
  incumbent.info.version = Version{7};
  const auto result = roll_back(input_of(*target, incumbent));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->plan.empty());
  EXPECT_EQ(result->stats.traffic_moved, 0);
}

TEST(RollBack, RefusesAnotherRowBudgetOrTable) {
  const Versions versions;
  const auto target = mapping::ArtifactView::open(versions.artifact, mapping::Verify::kAll);
  const auto refused = [&](const mapping::Mapping& incumbent) {
    const auto result = roll_back(input_of(*target, incumbent));
    return !result && result.error().code == ErrorCode::kConflict;
  };
  EXPECT_TRUE(refused(mapping::random_mapping(10, kRows + 1, 3)));
  mapping::Mapping other = versions.newest;
  other.info.table = "users";
  EXPECT_TRUE(refused(other));
}

}  // namespace
}  // namespace remapd::placement
