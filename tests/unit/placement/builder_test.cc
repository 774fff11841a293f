#include "core/placement/builder.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <tbb/global_control.h>

#include "core/base/random.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"

namespace remapd::placement {
namespace {

constexpr mapping::Strategy kStrategies[] = {
    mapping::Strategy::kHash, mapping::Strategy::kDoubleHash, mapping::Strategy::kFrequency,
    mapping::Strategy::kEmbedding, mapping::Strategy::kCombined};
constexpr std::size_t kDimension = 4;

// `n` ids with Zipf-like frequencies, embedded around 20 centres.
BuildInput table_of(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  BuildInput in;
  in.table = "items";
  in.version = Version{1};
  in.epoch = Epoch{3};
  in.built_ms = 1'700'000'000'000;
  in.dimension = kDimension;
  Id id = 0;
  for (std::size_t i = 0; i < n; ++i) {
    id += 1 + random.below(1000);
    in.ids.push_back(id);
    in.frequency.push_back(
        static_cast<float>(1000.0 / (1.0 + static_cast<double>(random.below(n)))));
    const std::uint64_t centre = mix64(id) % 20;
    for (std::size_t k = 0; k < kDimension; ++k) {
      in.embedding.push_back(static_cast<float>(mix64(centre * 10 + k) % 100) / 10 +
                             0.1F * static_cast<float>(random.normal()));
    }
  }
  return in;
}

BuilderConfig config_of(mapping::Strategy strategy, std::uint32_t rows) {
  BuilderConfig config;
  config.strategy = strategy;
  config.rows = rows;
  return config;
}

// What holds of every version, whatever it was built from.
void expect_sound(const BuildInput& in, const BuilderConfig& config, const BuildResult& built) {
  const mapping::Mapping& mapping = built.mapping;
  const mapping::MappingStats& stats = mapping.stats;
  ASSERT_EQ(mapping.info.rows, config.rows);
  EXPECT_EQ(mapping.info.strategy, config.strategy);
  EXPECT_EQ(mapping.info.table, in.table);
  EXPECT_EQ(mapping.info.version, in.version);
  EXPECT_EQ(mapping.info.epoch, in.epoch);
  EXPECT_EQ(mapping.info.built_ms, in.built_ms);

  // Rows: in the table, dedicated ones for one id each, fallback inside.
  ASSERT_EQ(mapping.rows.size(), mapping.ids.size());
  std::map<Row, std::uint64_t> members;
  for (const Row row : mapping.rows) {
    ASSERT_LT(row.value, config.rows);
    ++members[row];
  }
  for (const auto& [row, count] : members) {
    EXPECT_TRUE(row.value >= mapping.info.dedicated_rows || count == 1) << "row " << row.value;
  }
  EXPECT_GE(mapping.info.fallback.row_count, 1U);
  EXPECT_LE(std::uint64_t{mapping.info.fallback.first_row} + mapping.info.fallback.row_count,
            config.rows);

  // The budget is filled, and not exceeded.
  EXPECT_EQ(stats.dedicated_rows, mapping.info.dedicated_rows);
  const std::uint64_t apart =
      mapping.info.fallback.first_row >= stats.dedicated_rows + stats.shared_rows
          ? stats.fallback_rows
          : 0;
  EXPECT_EQ(std::uint64_t{stats.dedicated_rows} + stats.shared_rows + apart, config.rows);

  EXPECT_EQ(stats.ids, mapping.ids.size());
  EXPECT_EQ(stats.rows_used, members.size());
  for (const double share : {stats.traffic_dedicated, stats.traffic_shared, stats.traffic_moved}) {
    EXPECT_GE(share, 0);
    EXPECT_LE(share, 1 + 1e-6);
  }
  EXPECT_NEAR(stats.traffic_dedicated + stats.traffic_shared, in.ids.empty() ? 0 : 1, 1e-6);

  // It can be published.
  const Bytes bytes = mapping::encode_artifact(mapping);
  EXPECT_TRUE(mapping::ArtifactView::open(bytes, mapping::Verify::kAll));
  EXPECT_TRUE(mapping::decode_plan(mapping::encode_plan(built.plan)));
}

TEST(Builder, KeepsTheBudgetForEveryStrategyAndSize) {
  for (const mapping::Strategy strategy : kStrategies) {
    for (const std::uint32_t rows : {1U, 2U, 3U, 10U, 100U, 500U}) {
      for (const std::size_t ids : {0UL, 1UL, 2UL, 9UL, 99UL, 100UL, 101UL, 1000UL}) {
        SCOPED_TRACE(std::string(to_string(strategy)) + ", " + std::to_string(rows) + " rows, " +
                     std::to_string(ids) + " ids");
        const BuildInput in = table_of(ids, rows + ids);
        const BuilderConfig config = config_of(strategy, rows);
        expect_sound(in, config, build_mapping(in, config));
      }
    }
  }
}

// An incumbent that was read from an artifact may hold ids that the artifact only took for known.
TEST(Builder, GivesADedicatedRowToOneIdAlsoIfSeveralClaimIt) {
  BuildInput in = table_of(200, 7);
  const BuilderConfig config = config_of(mapping::Strategy::kCombined, 50);
  mapping::Mapping incumbent = build_mapping(in, config).mapping;
  for (Row& row : incumbent.rows) row = Row{row.value % 3};
  in.incumbent = &incumbent;
  in.version = Version{incumbent.info.version.value + 1};
  const BuildResult next = build_mapping(in, config);
  std::vector<int> owners(next.mapping.info.dedicated_rows);
  ASSERT_GT(owners.size(), 3U);
  for (const Row row : next.mapping.rows) {
    if (row.value < owners.size()) ++owners[row.value];
  }
  EXPECT_EQ(owners, std::vector<int>(owners.size(), 1));
}

// Needs 3 GB and a minute: cmake --build build/release --target nightly_placement
TEST(BuilderNightly, DISABLED_TakesTenMillionIds) {
  const BuildInput in = table_of(10'000'000, 41);
  const BuilderConfig config = config_of(mapping::Strategy::kCombined, 1'000'000);
  const BuildResult built = build_mapping(in, config);
  expect_sound(in, config, built);
  const Bytes artifact = mapping::encode_artifact(built.mapping);
  const auto view = mapping::ArtifactView::open(artifact, mapping::Verify::kAll);
  ASSERT_TRUE(view);
  std::vector<Row> rows(in.ids.size());
  view->lookup(in.ids, rows);
  EXPECT_EQ(rows, built.mapping.rows);
}

TEST(Builder, GivesEveryIdItsOwnRowWhileThereAreFewerIdsThanRows) {
  for (const mapping::Strategy strategy :
       {mapping::Strategy::kDoubleHash, mapping::Strategy::kFrequency,
        mapping::Strategy::kEmbedding, mapping::Strategy::kCombined}) {
    for (const std::size_t ids : {1UL, 10UL, 60UL, 99UL}) {
      const mapping::Mapping mapping =
          build_mapping(table_of(ids, 1), config_of(strategy, 100)).mapping;
      EXPECT_EQ(mapping.ids.size(), ids);
      const std::set<Row> rows(mapping.rows.begin(), mapping.rows.end());
      EXPECT_EQ(rows.size(), ids) << to_string(strategy);
      EXPECT_EQ(mapping.stats.traffic_dedicated, 1);
      // New ids get all that is left.
      EXPECT_EQ(mapping.info.fallback.first_row, ids);
      EXPECT_EQ(mapping.info.fallback.row_count, 100 - ids);
    }
  }
}

TEST(Builder, HashKnowsNoIds) {
  const BuildInput in = table_of(100, 2);
  const BuildResult built = build_mapping(in, config_of(mapping::Strategy::kHash, 10));
  EXPECT_TRUE(built.mapping.ids.empty());
  EXPECT_EQ(built.mapping.info.fallback, mapping::initial_fallback(10, 1));
  EXPECT_TRUE(built.plan.empty());
}

TEST(Builder, GivesTheMostFrequentIdsTheDedicatedRows) {
  for (const mapping::Strategy strategy :
       {mapping::Strategy::kDoubleHash, mapping::Strategy::kFrequency,
        mapping::Strategy::kCombined}) {
    const BuildInput in = table_of(2000, 3);
    const mapping::Mapping mapping = build_mapping(in, config_of(strategy, 200)).mapping;
    ASSERT_GT(mapping.info.dedicated_rows, 50U);
    float coldest_dedicated = std::numeric_limits<float>::max();
    float hottest_other = 0;
    for (std::size_t i = 0; i < in.ids.size(); ++i) {
      const std::size_t at = mapping.find(in.ids[i]);
      const bool dedicated =
          at < mapping.ids.size() && mapping.rows[at].value < mapping.info.dedicated_rows;
      if (dedicated) {
        coldest_dedicated = std::min(coldest_dedicated, in.frequency[i]);
      } else {
        hottest_other = std::max(hottest_other, in.frequency[i]);
      }
    }
    EXPECT_GE(coldest_dedicated, hottest_other) << to_string(strategy);
  }
}

TEST(Builder, PutsAlikeIdsIntoCommonRows) {
  for (const mapping::Strategy strategy :
       {mapping::Strategy::kEmbedding, mapping::Strategy::kCombined}) {
    const BuildInput in = table_of(2000, 4);
    const mapping::Mapping mapping = build_mapping(in, config_of(strategy, 100)).mapping;
    EXPECT_LT(mapping.stats.distortion, 0.05);
    std::map<Row, std::set<std::uint64_t>> centres;
    for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
      centres[mapping.rows[i]].insert(mix64(mapping.ids[i]) % 20);
    }
    std::size_t pure = 0;
    for (const auto& [row, in_row] : centres) pure += in_row.size() == 1 ? 1 : 0;
    EXPECT_GT(static_cast<double>(pure), 0.9 * static_cast<double>(centres.size()))
        << to_string(strategy);
  }
}

TEST(Builder, TakesOneIdWithHalfOfAllTraffic) {
  for (const mapping::Strategy strategy : kStrategies) {
    BuildInput in = table_of(1000, 5);
    in.frequency[500] =
        std::accumulate(in.frequency.begin(), in.frequency.end(), 0.0F) - in.frequency[500];
    const BuilderConfig config = config_of(strategy, 50);
    const BuildResult built = build_mapping(in, config);
    expect_sound(in, config, built);
    if (strategy == mapping::Strategy::kHash || strategy == mapping::Strategy::kEmbedding) continue;
    EXPECT_LT(built.mapping.lookup(in.ids[500]).value, built.mapping.info.dedicated_rows);
    EXPECT_GE(built.mapping.stats.traffic_dedicated, 0.5);
  }
}

TEST(Builder, TakesIdsThatAreAllEquallyFrequent) {
  for (const mapping::Strategy strategy : kStrategies) {
    BuildInput in = table_of(1000, 6);
    in.frequency.assign(in.ids.size(), 1.0F);
    const BuilderConfig config = config_of(strategy, 50);
    const BuildResult built = build_mapping(in, config);
    expect_sound(in, config, built);
    // The dedicated ids are drawn by hash, not from one end of the id space.
    std::size_t low = 0;
    std::size_t dedicated = 0;
    for (std::size_t i = 0; i < built.mapping.ids.size(); ++i) {
      if (built.mapping.rows[i].value >= built.mapping.info.dedicated_rows) continue;
      ++dedicated;
      low += built.mapping.ids[i] < in.ids[500] ? 1 : 0;
    }
    if (dedicated > 0) {
      EXPECT_GT(low, 0U) << to_string(strategy);
      EXPECT_LT(low, dedicated) << to_string(strategy);
    }
  }
}

TEST(Builder, TakesEmbeddingsThatAreAllTheSame) {
  for (const mapping::Strategy strategy :
       {mapping::Strategy::kEmbedding, mapping::Strategy::kCombined}) {
    BuildInput in = table_of(500, 7);
    std::fill(in.embedding.begin(), in.embedding.end(), 0.0F);
    const BuilderConfig config = config_of(strategy, 50);
    expect_sound(in, config, build_mapping(in, config));
  }
}

TEST(Builder, IsTheSameForAnyThreadCount) {
  const BuildInput in = table_of(5000, 8);
  for (const mapping::Strategy strategy : kStrategies) {
    std::vector<Bytes> artifacts;
    std::vector<Bytes> plans;
    for (const std::size_t threads : {1UL, 2UL, 4UL}) {
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
      const BuildResult built = build_mapping(in, config_of(strategy, 300));
      artifacts.push_back(mapping::encode_artifact(built.mapping));
      plans.push_back(mapping::encode_plan(built.plan));
    }
    EXPECT_TRUE(artifacts[1] == artifacts[0] && artifacts[2] == artifacts[0])
        << to_string(strategy);
    EXPECT_TRUE(plans[1] == plans[0] && plans[2] == plans[0]) << to_string(strategy);
  }
}

// Versions in a row from inputs of the same table.
class Lineage {
 public:
  explicit Lineage(BuilderConfig config) : config_(config) {}

  const BuildResult& build(BuildInput in) {
    in.version = Version{++version_};
    in.incumbent = version_ > 1 ? &incumbent_ : nullptr;
    in.clustered_ids = built_.clustered_ids;
    BuildResult next = build_mapping(in, config_);
    expect_sound(in, config_, next);
    incumbent_ = next.mapping;
    built_ = std::move(next);
    return built_;
  }

 private:
  BuilderConfig config_;
  std::uint64_t version_ = 0;
  mapping::Mapping incumbent_;
  BuildResult built_;
};

TEST(Builder, SettlesWhileNothingChanges) {
  for (const mapping::Strategy strategy : kStrategies) {
    Lineage lineage(config_of(strategy, 200));
    const BuildInput in = table_of(3000, 9);
    lineage.build(in);
    lineage.build(in);
    std::uint64_t last = 2;
    // Each version is one more round of refinement; they come to rest.
    while (last < 50 && lineage.build(in).mapping.stats.ids_moved > 0) ++last;
    const BuildResult& settled = lineage.build(in);
    EXPECT_EQ(settled.mapping.stats.ids_moved, 0U) << to_string(strategy);
    EXPECT_EQ(settled.mapping.stats.traffic_moved, 0) << to_string(strategy);
    EXPECT_TRUE(settled.plan.changed.empty()) << to_string(strategy);
    EXPECT_EQ(settled.mapping.info.parent, Version{last + 1});
  }
}

TEST(Builder, KeepsToTheChurnBudget) {
  for (const double budget : {0.0, 0.02, 0.1}) {
    BuilderConfig config = config_of(mapping::Strategy::kCombined, 200);
    config.churn_budget = budget;
    Lineage lineage(config);
    BuildInput in = table_of(3000, 10);
    lineage.build(in);
    // Everything looks different now; frequencies, and so the dedicated ids, stay.
    Random random(11);
    for (float& x : in.embedding) x = static_cast<float>(random.normal());
    const mapping::MappingStats stats = lineage.build(in).mapping.stats;
    EXPECT_LE(stats.traffic_moved, budget + 1e-9) << budget;
    EXPECT_GE(stats.traffic_moved, budget / 4) << budget;
  }
}

TEST(Builder, MovesNothingWithinTheHysteresis) {
  BuilderConfig config = config_of(mapping::Strategy::kCombined, 100);
  config.churn_budget = 1;
  config.hysteresis = 1;
  Lineage lineage(config);
  BuildInput in = table_of(3000, 12);
  lineage.build(in);
  lineage.build(in);
  Random random(13);
  for (float& x : in.embedding) x += 0.05F * static_cast<float>(random.normal());
  EXPECT_LT(lineage.build(in).mapping.stats.traffic_moved, 0.01);
}

TEST(Builder, LeavesUntouchedIdsWhereTheyAre) {
  BuilderConfig config = config_of(mapping::Strategy::kCombined, 100);
  config.churn_budget = 1;
  config.hysteresis = 0;
  Lineage lineage(config);
  BuildInput in = table_of(3000, 14);
  const mapping::Mapping before = lineage.build(in).mapping;
  Random random(15);
  for (float& x : in.embedding) x = static_cast<float>(random.normal());
  in.touched.assign(in.ids.size(), 0);
  const mapping::Mapping after = lineage.build(in).mapping;
  std::size_t moved = 0;
  std::size_t shared = 0;
  for (std::size_t i = 0; i < in.ids.size(); ++i) {
    shared += before.rows[i].value >= before.info.dedicated_rows ? 1 : 0;
    moved += before.rows[i] != after.rows[i] ? 1 : 0;
  }
  // One in eight is looked at again.
  EXPECT_LT(static_cast<double>(moved), 0.16 * static_cast<double>(shared));
  EXPECT_GT(moved, 0U);
}

TEST(Builder, KeepsDedicatedRowsUntilTheirIdsFallFarBehind) {
  BuilderConfig config = config_of(mapping::Strategy::kFrequency, 100);
  config.dedicated_share = 0.5;
  Lineage lineage(config);
  BuildInput in = table_of(400, 16);
  for (std::size_t i = 0; i < in.ids.size(); ++i) in.frequency[i] = 1000.0F - static_cast<float>(i);
  lineage.build(in);
  // Rank 49 of the 50 dedicated falls to rank 70: within 1.5 times their number.
  in.frequency[49] = in.frequency[70] + 0.5F;
  const BuildResult& kept = lineage.build(in);
  EXPECT_EQ(kept.mapping.stats.ids_moved, 0U);
  EXPECT_LT(kept.mapping.find(in.ids[49]), kept.mapping.ids.size());
  in.frequency[49] = in.frequency[90] + 0.5F;
  const BuildResult& dropped = lineage.build(in);
  EXPECT_EQ(dropped.mapping.find(in.ids[49]), dropped.mapping.ids.size());
  EXPECT_LT(dropped.mapping.find(in.ids[50]), dropped.mapping.ids.size());
}

// The table grows from fewer ids than rows to many more, shrinks, and changes its row budget and
// its strategy: every version is sound, and every plan leads from the one before.
TEST(Builder, FollowsATableThroughItsLife) {
  mapping::Mapping incumbent;
  std::uint64_t clustered = 0;
  std::uint64_t version = 0;
  const auto next = [&](std::size_t ids, mapping::Strategy strategy, std::uint32_t rows) {
    SCOPED_TRACE(std::to_string(ids) + " ids, " + std::string(to_string(strategy)) + ", " +
                 std::to_string(rows) + " rows");
    BuildInput in = table_of(ids, 17);
    in.version = Version{++version};
    in.incumbent = version > 1 ? &incumbent : nullptr;
    in.clustered_ids = clustered;
    const BuilderConfig config = config_of(strategy, rows);
    const BuildResult built = build_mapping(in, config);
    expect_sound(in, config, built);
    EXPECT_EQ(built.plan.from, Version{version - 1});
    EXPECT_EQ(built.plan.to, Version{version});
    EXPECT_EQ(built.plan.from_rows, version > 1 ? incumbent.info.rows : rows);
    EXPECT_EQ(built.plan.to_rows, rows);
    incumbent = built.mapping;
    clustered = built.clustered_ids;
  };
  for (const std::size_t ids : {0UL, 5UL, 50UL, 99UL, 100UL, 150UL, 1000UL, 3000UL, 200UL, 20UL}) {
    next(ids, mapping::Strategy::kCombined, 100);
  }
  next(3000, mapping::Strategy::kCombined, 250);
  next(3000, mapping::Strategy::kCombined, 40);
  for (const mapping::Strategy from : kStrategies) {
    for (const mapping::Strategy to : kStrategies) {
      next(800, from, 60);
      next(900, to, 60);
    }
  }
}

// A version's plan, applied to the old matrix, gives every new row the frequency-weighted mean of
// where its ids were looked up before: known ones at their row, others at the old fallback.
void expect_migrates(const BuildInput& in, const BuilderConfig& config, const BuildResult& built,
                     std::uint64_t seed) {
  constexpr std::size_t kColumns = 3;
  const mapping::Mapping& now = built.mapping;
  const std::uint32_t old_rows = in.incumbent != nullptr ? in.incumbent->info.rows : config.rows;
  const auto old_row = [&](Id id) {
    return in.incumbent != nullptr ? in.incumbent->lookup(id)
                                   : mapping::initial_fallback(config.rows, config.seed).row(id);
  };
  Random random(seed);
  std::vector<float> old(std::size_t{std::max(old_rows, config.rows)} * kColumns);
  for (float& x : old) x = static_cast<float>(random.normal());
  std::vector<float> old_state = old;
  for (float& x : old_state) x = std::abs(x);

  std::vector<double> sum(std::size_t{config.rows} * kColumns, 0.0);
  std::vector<double> sum_state(sum.size(), 0.0);
  std::vector<double> mass(config.rows, 0.0);
  for (std::size_t i = 0; i < in.ids.size(); ++i) {
    const std::size_t at = now.find(in.ids[i]);
    if (at == now.ids.size()) continue;  // hashed: it has no row of its own to be migrated
    const std::uint32_t row = now.rows[at].value;
    const std::uint32_t from = old_row(in.ids[i]).value;
    mass[row] += in.frequency[i];
    for (std::size_t k = 0; k < kColumns; ++k) {
      sum[row * kColumns + k] += double{in.frequency[i]} * old[from * kColumns + k];
      sum_state[row * kColumns + k] += double{in.frequency[i]} * old_state[from * kColumns + k];
    }
  }
  std::vector<float> matrix = old;
  std::vector<float> state = old_state;
  RC_ASSERT(apply(built.plan, matrix, kColumns).has_value());
  RC_ASSERT(apply_to_state(built.plan, state, kColumns, 0.25F).has_value());
  const std::set<Row> restarted(built.plan.restarted.begin(), built.plan.restarted.end());
  for (std::uint32_t row = 0; row < config.rows; ++row) {
    for (std::size_t k = 0; k < kColumns; ++k) {
      const std::size_t at = row * kColumns + k;
      if (mass[row] > 0) {
        RC_ASSERT(std::abs(matrix[at] - sum[at] / mass[row]) < 1e-5);
        RC_ASSERT(std::abs(state[at] - sum_state[at] / mass[row]) < 1e-5);
        RC_ASSERT(!restarted.contains(Row{row}));
      } else if (restarted.contains(Row{row})) {
        RC_ASSERT(state[at] == 0.25F);
        // All rows that start again, start the same.
        RC_ASSERT(matrix[at] == matrix[restarted.begin()->value * kColumns + k]);
      } else {
        RC_ASSERT(matrix[at] == old[at]);
        RC_ASSERT(state[at] == old_state[at]);
      }
    }
  }
}

RC_GTEST_PROP(BuilderProperty, PlansReproduceTheFrequencyWeightedMeanOfOldRows, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Random random(seed);
  const auto rows = [&] { return 1 + static_cast<std::uint32_t>(random.below(60)); };
  const auto strategy = [&] { return kStrategies[random.below(std::size(kStrategies))]; };
  mapping::Mapping incumbent;
  std::uint64_t clustered = 0;
  BuilderConfig config = config_of(strategy(), rows());
  for (std::uint64_t v = 1; v <= 4; ++v) {
    // Ids come and go, frequencies and embeddings change; now and then budget and strategy too.
    if (random.below(4) == 0) config.strategy = strategy();
    if (random.below(4) == 0) config.rows = rows();
    config.new_id_share = random.below(2) == 0 ? -1.0 : 0.2;
    BuildInput all = table_of(150, seed % 1000);
    BuildInput in = all;
    in.ids.clear();
    in.frequency.clear();
    in.embedding.clear();
    const std::uint64_t share = 1 + random.below(4);
    for (std::size_t i = 0; i < all.ids.size(); ++i) {
      if (random.below(4) >= share) continue;
      in.ids.push_back(all.ids[i]);
      in.frequency.push_back(all.frequency[i] * static_cast<float>(0.5 + random.uniform()));
      for (std::size_t k = 0; k < kDimension; ++k) {
        in.embedding.push_back(all.embedding[i * kDimension + k] +
                               static_cast<float>(0.3 * random.normal()));
      }
    }
    in.version = Version{v};
    in.new_id_persistence = random.uniform();
    in.incumbent = v > 1 ? &incumbent : nullptr;
    in.clustered_ids = clustered;
    const BuildResult built = build_mapping(in, config);
    expect_migrates(in, config, built, seed + v);
    incumbent = built.mapping;
    clustered = built.clustered_ids;
  }
}

TEST(BuilderDeathTest, RefusesInputThatDoesNotFitTogether) {
  BuildInput in = table_of(100, 18);
  in.frequency.pop_back();
  EXPECT_DEATH(build_mapping(in, config_of(mapping::Strategy::kCombined, 10)), "frequency");
  in = table_of(100, 18);
  in.embedding.pop_back();
  EXPECT_DEATH(build_mapping(in, config_of(mapping::Strategy::kCombined, 10)), "embedding");
}

}  // namespace
}  // namespace remapd::placement
