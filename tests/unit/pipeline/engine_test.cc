#include "core/pipeline/engine.h"

#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include "core/base/random.h"
#include "core/mapping/artifact_encoder.h"
#include "tests/support/golden.h"
#include "tests/unit/pipeline/sample_stream.h"

namespace remapd::pipeline {
namespace {

using testing::HasSubstr;

std::unique_ptr<Engine> make(const EngineConfig& config) {
  auto engine = Engine::create(config);
  EXPECT_TRUE(engine) << (engine ? "" : engine.error().message);
  return std::move(*engine);
}

BuildOutcome build(Engine& engine, std::uint32_t table, std::uint64_t version) {
  BuildJobPtr job = engine.begin_build({.table = TableIndex{table},
                                        .version = Version{version},
                                        .epoch = Epoch{1},
                                        .built_ms = 1'700'000'000'000});
  return run_build(std::move(job));
}

void publish(Engine& engine, std::uint64_t version) {
  for (std::uint32_t t = 0; t < engine.config().tables.size(); ++t) {
    engine.adopt(build(engine, t, version));
  }
}

// The stream with versions along it, in batches of `size`: the state, and the last mappings.
struct Record {
  Bytes state;
  std::vector<Bytes> artifacts;
  std::vector<Bytes> plans;

  friend bool operator==(const Record&, const Record&) = default;
};

void record(Engine& engine, std::uint64_t version, Record& run) {
  for (std::uint32_t t = 0; t < engine.config().tables.size(); ++t) {
    const BuildOutcome outcome = build(engine, t, version);
    run.artifacts.push_back(mapping::encode_artifact(outcome.mapping));
    run.plans.push_back(mapping::encode_plan(outcome.plan));
    engine.adopt(outcome);
  }
}

Record run_in_batches(const EngineConfig& config, const std::vector<Sample>& samples,
                      std::size_t size) {
  const auto engine = make(config);
  Record run;
  constexpr std::size_t kVersions = 4;
  for (std::size_t v = 0; v < kVersions; ++v) {
    feed(*engine, samples, samples.size() * v / kVersions, samples.size() * (v + 1) / kVersions,
         size);
    record(*engine, v + 1, run);
  }
  run.state = saved(*engine);
  return run;
}

TEST(Engine, IsTheSameForAnyBatching) {
  for (const bool unlabelled : {false, true}) {
    const auto samples = communities(4000, 1, unlabelled);
    const Record expected = run_in_batches(two_tables(), samples, samples.size());
    for (const std::size_t size : {1UL, 7UL, 64UL, 1000UL}) {
      EXPECT_TRUE(run_in_batches(two_tables(), samples, size) == expected)
          << "batches of " << size << (unlabelled ? ", unlabelled" : "");
    }
  }
}

TEST(Engine, IsTheSameForAnyThreadCount) {
  const auto samples = communities(4000, 2);
  std::vector<Record> runs;
  for (const std::size_t threads : {1UL, 2UL, 4UL}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    runs.push_back(run_in_batches(two_tables(), samples, 100));
  }
  EXPECT_TRUE(runs[1] == runs[0]);
  EXPECT_TRUE(runs[2] == runs[0]);
}

// Saved at any sample, loaded into a fresh engine, it goes on as if nothing had happened; ids come,
// go and come back meanwhile (the store is smaller than the stream).
TEST(Engine, GoesOnFromASavedState) {
  for (const bool unlabelled : {false, true}) {
    EngineConfig config = two_tables();
    for (TableConfig& table : config.tables) {
      table.max_tracked_ids = 150;
      table.horizon = 1500;
    }
    const auto samples = communities(6000, 3, unlabelled);
    for (const std::size_t middle : {0UL, 1UL, 1407UL, 3001UL, 4500UL}) {
      auto undisturbed = make(config);
      feed(*undisturbed, samples, 0, middle, 100);
      publish(*undisturbed, 1);
      feed(*undisturbed, samples, middle, middle + 1350, 100);
      const Bytes state = saved(*undisturbed);

      auto restored = make(config);
      ByteReader in(state);
      const auto loaded = restored->load(in);
      ASSERT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(in.remaining(), 0U);
      EXPECT_EQ(saved(*restored), state);
      EXPECT_EQ(restored->samples(), middle + 1350);

      Record a;
      Record b;
      for (const auto& [engine, run] : {std::pair{undisturbed.get(), &a}, {restored.get(), &b}}) {
        record(*engine, 2, *run);
        feed(*engine, samples, middle + 1350, samples.size(), 100);
        record(*engine, 3, *run);
        run->state = saved(*engine);
      }
      EXPECT_TRUE(a == b) << "saved " << middle + 1350 << " samples in"
                          << (unlabelled ? ", unlabelled" : "");
    }
  }
}

// The rows of all ids the incumbent of a table knows.
std::map<Id, Row> rows_of(const Engine& engine, std::uint32_t table) {
  std::map<Id, Row> out;
  const auto mapping = engine.incumbent(TableIndex{table});
  for (std::size_t i = 0; i < mapping->ids.size(); ++i) out[mapping->ids[i]] = mapping->rows[i];
  return out;
}

BuildOutcome increment(Engine& engine, std::uint32_t table, std::uint64_t version) {
  return run_build(engine.begin_build({.table = TableIndex{table},
                                       .version = Version{version},
                                       .epoch = Epoch{1},
                                       .built_ms = 1'700'000'000'000,
                                       .kind = BuildKind::kIncrement}));
}

// Increments along the stream, from a full build on; checks each against the engine's mapping.
Record run_in_increments(Engine& engine, const std::vector<Sample>& samples, std::size_t from,
                         std::size_t to, std::uint64_t version, std::size_t size) {
  Record run;
  for (std::size_t at = from; at < to; at += 200) {
    feed(engine, samples, at, std::min(to, at + 200), size);
    ++version;
    for (std::uint32_t t = 0; t < 2; ++t) {
      if (engine.between_full_builds(TableIndex{t}) != BuildKind::kIncrement) {
        engine.adopt(build(engine, t, version));
        continue;
      }
      auto expected = rows_of(engine, t);
      const BuildOutcome outcome = increment(engine, t, version);
      const mapping::Delta& delta = *outcome.increment;
      for (std::size_t i = 0; i < delta.added.size(); ++i) {
        EXPECT_TRUE(expected.emplace(delta.added[i], delta.added_rows[i]).second);
      }
      for (std::size_t i = 0; i < delta.moved.size(); ++i) {
        EXPECT_NE(expected.at(delta.moved[i]), delta.moved_rows[i]);
        expected[delta.moved[i]] = delta.moved_rows[i];
      }
      EXPECT_EQ(rows_of(engine, t).size() + delta.added.size(), expected.size())
          << "nothing has changed yet";
      engine.adopt(outcome);
      EXPECT_TRUE(rows_of(engine, t) == expected);
      const auto mapping = engine.incumbent(TableIndex{t});
      EXPECT_EQ(mapping->info.version, Version{version});
      EXPECT_EQ(delta.ids, mapping->ids.size());
      EXPECT_EQ(delta.content_hash, mapping::content_hash(*mapping));
      run.artifacts.push_back(mapping::encode_artifact(*mapping));
      run.plans.push_back(mapping::encode_plan(outcome.plan));
    }
  }
  run.state = saved(engine);
  return run;
}

TEST(Engine, IncrementsPlaceEveryNewId) {
  const auto samples = communities(6000, 5);
  auto engine = make(two_tables());
  feed(*engine, samples, 0, 3000, 100);
  publish(*engine, 1);
  const Record run = run_in_increments(*engine, samples, 3000, samples.size(), 1, 100);
  EXPECT_GE(run.plans.size(), 15U);
  for (std::uint32_t t = 0; t < 2; ++t) {
    const auto rows = rows_of(*engine, t);
    for (const IdStats& id : engine->heaviest(TableIndex{t}, 1'000)) {
      ASSERT_TRUE(rows.contains(id.id)) << "every id that is tracked is known";
      EXPECT_EQ(id.row, rows.at(id.id));
    }
  }
  // A full build goes on from there.
  const BuildOutcome next = build(*engine, 1, 100);
  EXPECT_EQ(next.incumbent->ids, engine->incumbent(TableIndex{1})->ids);
}

TEST(Engine, IncrementsAreTheSameForAnyBatchingAndThreadCount) {
  const auto samples = communities(5000, 6);
  std::vector<Record> runs;
  for (const auto& [threads, size] : {std::pair{1UL, 1UL}, {2UL, 64UL}, {4UL, 200UL}}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    auto engine = make(two_tables());
    feed(*engine, samples, 0, 2000, size);
    publish(*engine, 1);
    runs.push_back(run_in_increments(*engine, samples, 2000, samples.size(), 1, size));
  }
  EXPECT_TRUE(runs[1] == runs[0]);
  EXPECT_TRUE(runs[2] == runs[0]);
}

TEST(Engine, IncrementsGoOnFromAStateSavedInTheMiddle) {
  EngineConfig config = two_tables();
  for (TableConfig& table : config.tables) table.max_tracked_ids = 150;
  const auto samples = communities(6000, 7);
  auto undisturbed = make(config);
  feed(*undisturbed, samples, 0, 2000, 100);
  publish(*undisturbed, 1);
  run_in_increments(*undisturbed, samples, 2000, 3000, 1, 100);
  feed(*undisturbed, samples, 3000, 3111, 100);
  auto restored = make(config);
  const Bytes state = saved(*undisturbed);
  ByteReader in(state);
  ASSERT_TRUE(restored->load(in));
  EXPECT_EQ(saved(*restored), state);
  const Record a = run_in_increments(*undisturbed, samples, 3111, samples.size(), 6, 100);
  const Record b = run_in_increments(*restored, samples, 3111, samples.size(), 6, 100);
  EXPECT_TRUE(a.artifacts == b.artifacts);
  EXPECT_TRUE(a.plans == b.plans);
  EXPECT_TRUE(a.state == b.state);
}

TEST(Engine, AnIncrementThatIsDroppedLeavesItsIdsToTheNext) {
  const auto samples = communities(3000, 8);
  auto engine = make(two_tables());
  feed(*engine, samples, 0, 2000, 100);
  publish(*engine, 1);
  feed(*engine, samples, 2000, samples.size(), 100);
  ASSERT_EQ(engine->between_full_builds(TableIndex{1}), BuildKind::kIncrement);
  const BuildOutcome dropped = increment(*engine, 1, 2);
  ASSERT_FALSE(dropped.increment->added.empty());
  const BuildOutcome again = increment(*engine, 1, 2);
  EXPECT_EQ(again.increment->added, dropped.increment->added);
  EXPECT_EQ(again.increment->content_hash, dropped.increment->content_hash);
}

TEST(Engine, SaysWhatAVersionBetweenFullBuildsCanBe) {
  const auto between = [](Engine& engine) { return engine.between_full_builds(TableIndex{1}); };
  auto engine = make(two_tables());
  EXPECT_EQ(between(*engine), std::nullopt) << "there is no version yet";
  feed(*engine, communities(3000, 9));
  publish(*engine, 1);
  EXPECT_EQ(between(*engine), BuildKind::kIncrement);
  // From an artifact it is not known what the rows hold.
  const auto incumbent = engine->incumbent(TableIndex{1});
  const Bytes bytes = mapping::encode_artifact(*incumbent);
  ASSERT_TRUE(
      engine->adopt(TableIndex{1}, *mapping::ArtifactView::open(bytes, mapping::Verify::kAll)));
  EXPECT_EQ(between(*engine), std::nullopt);

  // Co-access embeddings of different times cannot be compared.
  auto unlabelled = make(two_tables());
  feed(*unlabelled, communities(3000, 9, true));
  publish(*unlabelled, 1);
  EXPECT_EQ(between(*unlabelled), std::nullopt);

  // A row for every id, until the ids become too many.
  EngineConfig config = two_tables();
  config.tables[1].rows = 1'500;
  auto spare = make(config);
  feed(*spare, communities(200, 9, true));
  publish(*spare, 1);
  EXPECT_EQ(between(*spare), BuildKind::kIncrement);
  std::vector<Sample> many;
  for (Id id = 10'000; id < 11'000; ++id) many.push_back({.ids = {{1}, {id}}});
  feed(*spare, many);
  EXPECT_EQ(between(*spare), BuildKind::kFull);
}

// A build begun just before the save has copied the co-access graph; another right after it must
// give the same on both sides.
TEST(Engine, GoesOnFromAStateSavedBetweenTheBuildsOfTwoTables) {
  const auto samples = communities(3000, 4, true);
  auto undisturbed = make(two_tables());
  feed(*undisturbed, samples);
  undisturbed->adopt(build(*undisturbed, 0, 1));
  auto restored = make(two_tables());
  const Bytes state = saved(*undisturbed);
  ByteReader in(state);
  ASSERT_TRUE(restored->load(in));
  EXPECT_EQ(build(*restored, 1, 1).mapping.rows, build(*undisturbed, 1, 1).mapping.rows);
  EXPECT_EQ(saved(*restored), saved(*undisturbed));
}

// Ids that the incumbent knows are evicted and come back: they are no new ids, before and after a
// restart.
TEST(Engine, KnowsReturningIdsBeforeAndAfterARestart) {
  EngineConfig config = two_tables();
  config.tables[1].max_tracked_ids = 100;
  config.tick_samples = 64;
  auto engine = make(config);
  const auto access = [&](Engine& to, Id first, Id last, int times) {
    std::vector<Sample> samples;
    for (int n = 0; n < times; ++n) {
      for (Id id = first; id < last; ++id) samples.push_back({.ids = {{1}, {id}}});
    }
    feed(to, samples);
    to.flush();
  };
  access(*engine, 0, 100, 1);
  publish(*engine, 1);
  access(*engine, 1000, 1150, 20);
  ASSERT_GT(engine->stats().tables[1].evicted_ids, 60U);
  ASSERT_EQ(engine->id_stats(TableIndex{1}, 3).frequency, 0);
  access(*engine, 0, 20, 60);
  ASSERT_GT(engine->id_stats(TableIndex{1}, 3).frequency, 0);
  const Bytes state = saved(*engine);
  auto restored = make(config);
  ByteReader in(state);
  ASSERT_TRUE(restored->load(in));
  access(*engine, 0, 20, 10);
  access(*restored, 0, 20, 10);
  EXPECT_EQ(restored->stats().tables[1].new_id_traffic, engine->stats().tables[1].new_id_traffic);
  EXPECT_EQ(saved(*restored), saved(*engine));
}

TEST(Engine, KeepsTheTimeSinceTheLastTickWhenTickSamplesChanges) {
  EngineConfig config = two_tables();
  for (TableConfig& table : config.tables) table.horizon = 1000;
  const auto samples = communities(2048, 5);
  auto engine = make(config);
  feed(*engine, samples);
  const Bytes state = saved(*engine);
  const double before = engine->heaviest(TableIndex{0}, 1).at(0).frequency;
  for (const std::uint64_t tick : {1ULL, 100ULL, 100'000ULL}) {
    config.tick_samples = tick;
    auto changed = make(config);
    ByteReader in(state);
    ASSERT_TRUE(changed->load(in));
    feed(*changed, samples, 0, 64, 64);
    // One more mini-batch, and at most a tick of at most 712 samples: never less than halved.
    EXPECT_GT(changed->heaviest(TableIndex{0}, 1).at(0).frequency, before / 2) << tick;
  }
}

TEST(Engine, BuildsLeaveNoTraceUntilAdopted) {
  const auto samples = communities(3000, 6);
  auto engine = make(two_tables());
  feed(*engine, samples);
  publish(*engine, 1);
  feed(*engine, communities(500, 7));
  const Bytes before = saved(*engine);
  const BuildOutcome first = build(*engine, 1, 2);
  EXPECT_EQ(saved(*engine), before);
  EXPECT_EQ(engine->stats().tables[1].version, Version{1});
  EXPECT_EQ(first.incumbent->info.version, Version{1});
  const BuildOutcome again = build(*engine, 1, 2);
  EXPECT_EQ(mapping::encode_artifact(again.mapping), mapping::encode_artifact(first.mapping));
  EXPECT_EQ(mapping::encode_plan(again.plan), mapping::encode_plan(first.plan));
  engine->adopt(first);
  EXPECT_EQ(engine->stats().tables[1].version, Version{2});
  EXPECT_NE(saved(*engine), before);
}

// Without labels beginning a build refreshes the co-access embedding; counts and mappings stay.
TEST(Engine, UnlabelledBuildsCanBeRepeated) {
  auto engine = make(two_tables());
  feed(*engine, communities(3000, 8, true));
  const BuildOutcome first = build(*engine, 0, 1);
  const Bytes begun = saved(*engine);
  const BuildOutcome again = build(*engine, 0, 1);
  EXPECT_EQ(saved(*engine), begun);
  EXPECT_EQ(again.mapping.rows, first.mapping.rows);
  EXPECT_EQ(engine->stats().tables[0].version, kNoVersion);
  for (const IdStats& id : engine->heaviest(TableIndex{0}, 10)) EXPECT_EQ(id.row, kNoRow);
}

// A job is a copy: what is ingested while it runs does not change what it builds.
TEST(Engine, BuildsFromTheMomentTheyWereBegun) {
  auto engine = make(two_tables());
  feed(*engine, communities(2000, 9));
  const BuildOutcome expected = build(*engine, 1, 1);
  BuildJobPtr job = engine->begin_build({.table = TableIndex{1},
                                         .version = Version{1},
                                         .epoch = Epoch{1},
                                         .built_ms = 1'700'000'000'000});
  feed(*engine, communities(2000, 10));
  EXPECT_EQ(mapping::encode_artifact(run_build(std::move(job)).mapping),
            mapping::encode_artifact(expected.mapping));
}

TEST(Engine, AdoptsAPublishedArtifact) {
  const auto samples = communities(3000, 11);
  auto engine = make(two_tables());
  feed(*engine, samples);
  const BuildOutcome built = build(*engine, 1, 7);
  const Bytes bytes = mapping::encode_artifact(built.mapping);
  const auto artifact = mapping::ArtifactView::open(bytes, mapping::Verify::kAll);
  ASSERT_TRUE(artifact);

  const auto wrong = engine->adopt(TableIndex{0}, *artifact);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(wrong.error().message, HasSubstr("\"item\""));

  ASSERT_TRUE(engine->adopt(TableIndex{1}, *artifact));
  EXPECT_EQ(engine->stats().tables[1].version, Version{7});
  for (std::size_t i = 0; i < built.mapping.ids.size(); ++i) {
    EXPECT_EQ(engine->id_stats(TableIndex{1}, built.mapping.ids[i]).row, built.mapping.rows[i]);
  }
  // The next version is the artifact's successor: most traffic keeps its row.
  const BuildOutcome next = build(*engine, 1, 8);
  EXPECT_EQ(next.mapping.info.parent, Version{7});
  EXPECT_LT(next.mapping.stats.traffic_moved, 0.5);
}

TEST(Engine, AdoptsAnArtifactWithoutKnowingItsIds) {
  auto writer = make(two_tables());
  feed(*writer, communities(3000, 12));
  const BuildOutcome built = build(*writer, 1, 3);
  const Bytes bytes = mapping::encode_artifact(built.mapping);
  const auto artifact = mapping::ArtifactView::open(bytes, mapping::Verify::kAll);
  auto fresh = make(two_tables());
  ASSERT_TRUE(fresh->adopt(TableIndex{1}, *artifact));
  EXPECT_EQ(fresh->stats().tables[1].version, Version{3});
  EXPECT_EQ(fresh->stats().tables[1].mapping.ids, 0U);
  feed(*fresh, communities(500, 13));
  EXPECT_EQ(build(*fresh, 1, 4).mapping.info.parent, Version{3});
}

// Every access of every feature is counted once, lists of none and of several included.
TEST(Engine, CountsMultiValuedFeaturesExactly) {
  const auto samples = communities(3000, 14);
  auto engine = make(two_tables());
  feed(*engine, samples, 33);
  engine->flush();
  std::map<Id, double> users;
  std::map<Id, double> items;
  std::uint64_t accesses = 0;
  for (const Sample& sample : samples) {
    for (const Id id : sample.ids[0]) users[id] += 1;
    for (const Id id : sample.ids[1]) items[id] += 1;
    accesses += sample.ids[0].size() + sample.ids[1].size();
  }
  for (const auto& [id, count] : users) {
    EXPECT_EQ(engine->id_stats(TableIndex{0}, id).frequency, count);
  }
  for (const auto& [id, count] : items) {
    EXPECT_EQ(engine->id_stats(TableIndex{1}, id).frequency, count);
  }
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.ids, accesses);
  EXPECT_EQ(stats.samples, samples.size());
  EXPECT_EQ(stats.labelled_samples, samples.size());
  EXPECT_EQ(stats.tables[0].tracked_ids, users.size());
  EXPECT_EQ(stats.tables[1].tracked_ids, items.size());
  EXPECT_NEAR(stats.tables[1].distinct_ids, static_cast<double>(items.size()), 20);
}

TEST(Engine, SharesOneIdSpaceBetweenFeaturesOfATable) {
  EngineConfig config = two_tables();
  config.tables.pop_back();
  config.features = {{"clicked", TableIndex{0}}, {"shown", TableIndex{0}}};
  auto engine = make(config);
  std::vector<Sample> samples(100, Sample{.ids = {{5}, {5, 6}}, .label = 1});
  feed(*engine, samples);
  engine->flush();
  EXPECT_EQ(engine->id_stats(TableIndex{0}, 5).frequency, 200);
  EXPECT_EQ(engine->id_stats(TableIndex{0}, 6).frequency, 100);
  EXPECT_EQ(build(*engine, 0, 1).mapping.ids, (std::vector<Id>{5, 6}));
}

TEST(Engine, TakesSamplesWithoutAnyId) {
  auto engine = make(two_tables());
  feed(*engine, std::vector<Sample>(500, Sample{.ids = {{}, {}}, .label = 1}));
  engine->flush();
  EXPECT_EQ(engine->samples(), 500U);
  EXPECT_EQ(engine->stats().ids, 0U);
  publish(*engine, 1);
  EXPECT_EQ(engine->stats().tables[0].mapping.ids, 0U);
  EXPECT_EQ(engine->stats().tables[0].mapping.fallback_rows, 63U);
}

// Ids of the same community must land together: that is what the engine is for. Measured by the
// share of pairs of ids in the same shared row that are of one community (by chance: 1 in 10).
double purity(const mapping::Mapping& mapping) {
  std::map<Row, std::vector<Id>> rows;
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
    if (mapping.rows[i].value >= mapping.info.dedicated_rows) {
      rows[mapping.rows[i]].push_back(mapping.ids[i] % 10);
    }
  }
  double same = 0;
  double pairs = 0;
  for (const auto& [row, ids] : rows) {
    for (std::size_t a = 0; a < ids.size(); ++a) {
      for (std::size_t b = a + 1; b < ids.size(); ++b) {
        same += ids[a] == ids[b] ? 1 : 0;
        pairs += 1;
      }
    }
  }
  EXPECT_GT(pairs, 0);
  return same / pairs;
}

TEST(Engine, PutsIdsThatAreSeenTogetherIntoCommonRows) {
  // One stream is little evidence: from one to the next the share varies by 0.08.
  constexpr int kStreams = 10;
  double sum = 0;
  for (std::uint64_t seed = 15; seed < 15 + kStreams; ++seed) {
    auto engine = make(two_tables());
    feed(*engine, communities(20'000, seed, true));
    sum += purity(build(*engine, 1, 1).mapping);
  }
  EXPECT_GT(sum / kStreams, 0.45);
}

// Also where most accesses are of ids so frequent that few of them are learned.
TEST(Engine, PutsIdsThatAreSeenTogetherIntoCommonRowsOnALongStream) {
  auto engine = make(two_tables());
  feed(*engine, communities(200'000, 15, true));
  EXPECT_GT(purity(build(*engine, 1, 1).mapping), 0.9);
}

// One group of communities is liked, the other is not; that is all that labels say.
TEST(Engine, PutsIdsThatPredictAlikeIntoCommonRows) {
  auto engine = make(two_tables());
  feed(*engine, communities(20'000, 16));
  const mapping::Mapping mapping = build(*engine, 1, 1).mapping;
  std::map<Row, std::array<double, 2>> rows;
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
    if (mapping.rows[i].value < mapping.info.dedicated_rows) continue;
    rows[mapping.rows[i]][mapping.ids[i] % 10 < 5 ? 0 : 1] += 1;
  }
  double majority = 0;
  double all = 0;
  for (const auto& [row, sides] : rows) {
    majority += std::max(sides[0], sides[1]);
    all += sides[0] + sides[1];
  }
  EXPECT_GT(majority / all, 0.8);
}

TEST(Engine, ChoosesTheLearnerByWhatTheStreamCarries) {
  auto engine = make(two_tables());
  EXPECT_EQ(engine->stats().tables[0].learner, "co_access");
  EXPECT_EQ(engine->stats().tables[0].learner_reason, "the stream carries no labels");
  feed(*engine, communities(1000, 17, true));
  EXPECT_EQ(engine->stats().tables[0].learner, "co_access");
  feed(*engine, communities(2000, 18));
  EXPECT_EQ(engine->stats().tables[0].learner, "supervised");
  EXPECT_THAT(engine->stats().tables[0].learner_reason, HasSubstr("labels of both classes"));
}

TEST(Engine, KeepsAPinnedLearner) {
  EngineConfig config = two_tables();
  config.tables[0].learner = LearnerChoice::kCoAccess;
  config.tables[1].learner = LearnerChoice::kSupervised;
  auto engine = make(config);
  feed(*engine, communities(1000, 19));
  const auto tables = engine->stats().tables;
  EXPECT_EQ(tables[0].learner, "co_access");
  EXPECT_EQ(tables[1].learner, "supervised");
  for (const TableStats& table : tables) {
    EXPECT_THAT(table.learner_reason, HasSubstr("pinned by the configuration"));
  }
}

TEST(Engine, TakesLabelsOutsideTheirRangeForNone) {
  auto engine = make(two_tables());
  const float inf = std::numeric_limits<float>::infinity();
  for (const float label : {std::nanf(""), -0.1F, 1.1F, inf, -inf}) {
    feed(*engine, std::vector<Sample>(64, Sample{.ids = {{1}, {2}}, .label = label}));
  }
  EXPECT_EQ(engine->stats().labelled_samples, 0U);
  feed(*engine, std::vector<Sample>(64, Sample{.ids = {{1}, {2}}, .label = 0.25F}));
  EXPECT_EQ(engine->stats().labelled_samples, 64U);
  EXPECT_EQ(engine->stats().label_sum, 16);
}

TEST(Engine, TakesImpossibleWeightsForOne) {
  const auto state = [](float weight) {
    auto engine = make(two_tables());
    auto samples = communities(640, 20);
    for (Sample& sample : samples) sample.weight = weight;
    feed(*engine, samples);
    return saved(*engine);
  };
  const float inf = std::numeric_limits<float>::infinity();
  const Bytes one = state(1);
  for (const float weight : {-1.0F, inf, -inf, std::nanf("")}) EXPECT_EQ(state(weight), one);
  EXPECT_NE(state(2), one);
}

TEST(Engine, CountsSamplesOfWeightZeroAndLearnsNothingFromThem) {
  auto samples = communities(20'000, 20);
  auto learned = make(two_tables());
  feed(*learned, samples);
  for (Sample& sample : samples) sample.weight = 0;
  auto counted = make(two_tables());
  feed(*counted, samples);
  EXPECT_EQ(counted->samples(), learned->samples());
  EXPECT_EQ(counted->stats().ids, learned->stats().ids);
  EXPECT_EQ(counted->stats().labelled_samples, 0U);
  for (std::uint32_t t = 0; t < 2; ++t) {
    const auto of = [&](Engine& engine) {
      std::map<Id, double> counts;
      for (const IdStats& id : engine.heaviest(TableIndex{t}, 50, RowRole::kAny)) {
        counts.emplace(id.id, id.frequency);
      }
      return counts;
    };
    EXPECT_EQ(of(*counted), of(*learned));
  }
  // By chance a pair of a row is of one community in one case of ten.
  EXPECT_LT(purity(build(*counted, 1, 1).mapping), 0.2);
}

// No weight that a trainer can send makes the learner useless for those who come after.
TEST(Engine, SurvivesExtremeWeights) {
  auto engine = make(two_tables());
  auto poison = communities(1000, 21);
  for (Sample& sample : poison) sample.weight = std::numeric_limits<float>::max();
  feed(*engine, poison);
  feed(*engine, communities(3000, 22));
  const BuildOutcome outcome = build(*engine, 1, 1);
  EXPECT_TRUE(std::isfinite(outcome.mapping.stats.distortion));
  const std::set<Row> used(outcome.mapping.rows.begin(), outcome.mapping.rows.end());
  EXPECT_GT(used.size(), 32U);
}

TEST(Engine, ListsTheHeaviestIdsAndThoseSharingARow) {
  auto engine = make(two_tables());
  feed(*engine, communities(5000, 23));
  publish(*engine, 1);
  const auto heaviest = engine->heaviest(TableIndex{1}, 20);
  ASSERT_EQ(heaviest.size(), 20U);
  for (std::size_t i = 1; i < heaviest.size(); ++i) {
    EXPECT_GE(heaviest[i - 1].frequency, heaviest[i].frequency);
  }
  EXPECT_EQ(heaviest[0].row_ids, 1U) << "the most frequent id owns its row";
  EXPECT_EQ(engine->heaviest(TableIndex{1}, 1, RowRole::kDedicated).at(0).id, heaviest[0].id);
  const auto sharers = engine->heaviest(TableIndex{1}, 5, RowRole::kShared);
  ASSERT_EQ(sharers.size(), 5U);
  for (const IdStats& id : sharers) {
    EXPECT_GE(id.row.value, engine->stats().tables[1].mapping.dedicated_rows);
  }
  const Row shared{engine->stats().tables[1].mapping.dedicated_rows};
  const auto sharing = engine->sharing_row(TableIndex{1}, shared, 1000);
  EXPECT_FALSE(sharing.empty());
  for (const IdStats& id : sharing) {
    EXPECT_EQ(id.row, shared);
    EXPECT_EQ(id.row_ids, sharing.size());
    EXPECT_EQ(engine->id_stats(TableIndex{1}, id.id).row, shared);
    EXPECT_EQ(engine->id_stats(TableIndex{1}, id.id).row_ids, sharing.size());
  }
  // An id nobody has seen is told where the mapping would send it.
  const IdStats unknown = engine->id_stats(TableIndex{1}, 0xdeadbeef);
  EXPECT_EQ(unknown.frequency, 0);
  EXPECT_LT(unknown.row.value, 64U);
}

TEST(Engine, KeepsItsMemoryWhateverTheTraffic) {
  EngineConfig config = two_tables();
  config.tables[1].max_tracked_ids = 100;
  auto engine = make(config);
  std::vector<Sample> samples(20'000);
  for (std::size_t s = 0; s < samples.size(); ++s) samples[s].ids = {{1}, {s}};
  feed(*engine, samples);
  engine->flush();
  const TableStats stats = engine->stats().tables[1];
  EXPECT_EQ(stats.accesses, samples.size());
  EXPECT_LE(stats.tracked_ids, 104U);
  EXPECT_GT(stats.evicted_ids, 0U);
  EXPECT_NEAR(stats.distinct_ids, 20'000, 1000);
  EXPECT_LE(build(*engine, 1, 1).mapping.ids.size(), 104U);
}

// Slots are given away more often than their generations can be told apart. A state says nothing of
// generations, so an engine that goes on from one knows none; it learns the same all the same.
TEST(Engine, GoesOnFromASavedStateWhileIdsComeAndGo) {
  EngineConfig config = two_tables();
  config.tick_samples = 32;
  for (TableConfig& table : config.tables) table.max_tracked_ids = 60;
  Random random(33);
  std::vector<Sample> samples(100'000);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    samples[s].ids = {{s / 8 + random.below(20), s / 9 + random.below(20)},
                      {s / 10 + random.below(20)}};
  }
  constexpr std::size_t kPart = 20'000;
  auto undisturbed = make(config);
  std::unique_ptr<Engine> restored;
  for (std::size_t at = 0; at < samples.size(); at += kPart) {
    feed(*undisturbed, samples, at, at + kPart, 100);
    const Bytes state = saved(*undisturbed);
    if (restored) {
      feed(*restored, samples, at, at + kPart, 100);
      EXPECT_TRUE(saved(*restored) == state) << at;
    }
    restored = make(config);
    ByteReader in(state);
    ASSERT_TRUE(restored->load(in));
  }
  for (const TableStats& table : undisturbed->stats().tables) {
    EXPECT_GT(table.evicted_ids, 33 * table.tracked_ids);
  }
}

// Read and written again: what was learned are sums of library functions (exp, log), which may end
// in other last bits on another processor, so no two machines need to learn the same bytes. Nor do
// two builds: which of many accesses are learned may change without the format.
EngineConfig golden_config() {
  EngineConfig config = two_tables();
  for (TableConfig& table : config.tables) {
    table.max_tracked_ids = 24;
    table.rows = 8;
  }
  config.co_access_dimension = 4;
  config.factors = 4;
  return config;
}

// With labels the machine is saved, without the graph.
std::unique_ptr<Engine> golden_engine(bool unlabelled) {
  auto engine = make(golden_config());
  feed(*engine, communities(1000, 25, unlabelled));
  publish(*engine, 5);
  feed(*engine, communities(1003, 26, unlabelled));
  return engine;
}

TEST(Engine, ReadsAndWritesTheGoldenFiles) {
  for (const bool unlabelled : {false, true}) {
    const auto writer = golden_engine(unlabelled);
    const char* const name =
        unlabelled ? "engine-state-v1-coaccess.remapd" : "engine-state-v1.remapd";
    const Bytes golden = support::golden(name, saved(*writer));
    auto engine = make(golden_config());
    ByteReader in(golden);
    const auto loaded = engine->load(in);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_TRUE(saved(*engine) == golden) << name;
    const EngineStats stats = engine->stats();
    EXPECT_EQ(stats.samples, 2003U);
    EXPECT_EQ(stats.ticks, writer->stats().ticks);
    for (std::uint32_t t = 0; t < 2; ++t) {
      EXPECT_EQ(stats.tables[t].version, Version{5});
      EXPECT_EQ(stats.tables[t].accesses, writer->stats().tables[t].accesses);
      EXPECT_EQ(stats.tables[t].mapping.ids, writer->stats().tables[t].mapping.ids);
    }
  }
}

// Labels that come late, and labels that cease: learners begin and end at samples of the stream,
// so batches, threads and restarts change nothing.
TEST(Engine, IsTheSameForAnyBatchingWhereLabelsComeAndGo) {
  auto samples = communities(1500, 30, true);
  for (const bool unlabelled : {false, true, false}) {
    const auto more = communities(unlabelled ? 6000 : 2000, samples.size(), unlabelled);
    samples.insert(samples.end(), more.begin(), more.end());
  }
  const Record expected = run_in_batches(two_tables(), samples, samples.size());
  for (const std::size_t size : {1UL, 64UL, 999UL}) {
    EXPECT_TRUE(run_in_batches(two_tables(), samples, size) == expected) << size;
  }
  for (const std::size_t middle : {1000UL, 1600UL, 3400UL, 9000UL, 9600UL}) {
    auto undisturbed = make(two_tables());
    feed(*undisturbed, samples, 0, middle, 100);
    const Bytes state = saved(*undisturbed);
    auto restored = make(two_tables());
    ByteReader in(state);
    ASSERT_TRUE(restored->load(in));
    feed(*undisturbed, samples, middle, samples.size(), 77);
    feed(*restored, samples, middle, samples.size(), 128);
    EXPECT_TRUE(saved(*undisturbed) == saved(*restored)) << "saved at " << middle;
  }
}

// What calls see does not depend on how often they look.
TEST(Engine, IsTheSameWhoeverLooks) {
  const auto samples = communities(5000, 31);
  auto alone = make(two_tables());
  feed(*alone, samples);
  auto watched = make(two_tables());
  for (std::size_t at = 0; at < samples.size(); at += 50) {
    feed(*watched, samples, at, at + 50, 50);
    EXPECT_EQ(watched->stats().samples, at + 50);
  }
  EXPECT_TRUE(saved(*alone) == saved(*watched));
}

TEST(Engine, RefusesStateOfOtherSettingsAndDamagedState) {
  auto engine = make(two_tables());
  feed(*engine, communities(1000, 24));
  publish(*engine, 1);
  const Bytes state = saved(*engine);
  const auto load = [](const EngineConfig& config, ByteView bytes) {
    ByteReader in(bytes);
    return make(config)->load(in);
  };
  const auto expect_conflict = [&](auto&& change) {
    EngineConfig config = two_tables();
    change(config);
    const auto result = load(config, state);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kConflict);
    EXPECT_THAT(result.error().message, HasSubstr("set them back"));
  };
  expect_conflict([](EngineConfig& c) { c.seed = 9; });
  expect_conflict([](EngineConfig& c) { c.factors = 4; });
  expect_conflict([](EngineConfig& c) { c.mini_batch = 32; });
  expect_conflict([](EngineConfig& c) { c.tables[0].max_tracked_ids = 9; });
  expect_conflict([](EngineConfig& c) { c.features[0].name = "visitor"; });
  EngineConfig rows = two_tables();
  rows.tables[0].rows = 99;
  rows.co_access_dimension = 8;  // of embeddings, which no state holds
  EXPECT_TRUE(load(rows, state)) << "row budgets may change";

  Bytes newer = state;
  newer[0] = std::byte{99};
  EXPECT_EQ(load(two_tables(), newer).error().code, ErrorCode::kUnsupported);
  for (std::size_t size = 0; size < state.size(); size += 1 + size / 50) {
    const auto result = load(two_tables(), ByteView(state).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, ErrorCode::kCorrupt) << size << ": " << result.error().message;
  }
}

TEST(Engine, RefusesAConfigurationThatCannotWork) {
  EngineConfig config = two_tables();
  config.tables[0].rows = 0;
  const auto engine = Engine::create(config);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kConfig);
}

TEST(EngineDeathTest, RefusesABatchOfAnotherSchema) {
  auto engine = make(two_tables());
  EventBatch batch;
  batch.reset(1);
  batch.seal(0);
  EXPECT_DEATH(engine->ingest(batch), "schema");
}

}  // namespace
}  // namespace remapd::pipeline
