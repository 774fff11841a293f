// What the whole intake costs an id: Engine::ingest() with tracked ids, sketches and a learner, and
// what the engine's memory comes to beside what its configuration predicts.
//
// Streams: messages of 64 samples of four features, each with a table of its own; ids are drawn by
// Zipf 1.05 from 2,000,000 a feature, and all of them are tracked, in 8.4 million slots, and known
// to an adopted mapping before anything is measured. They came as such a stream brings them,
// frequent ids first, and then the rest; "any_order": in an order that has nothing to do with
// frequency, which no stream does, so frequent ids lie scattered over memory. Stretches of the
// stream are taken in in three ways in turn, on the same engine, so that what else the machine does
// meets all of them: 65,536 ids on one thread, 8,192 ids' messages at a time, read just before, as
// by the decoder that fills them in the daemon; and 262,144 ids at once, all messages read before,
// with one thread and with two. (So many, for at its beginning and at its end, which a stream does
// not have, a stretch has work for one thread only.) Counters:
//   ns           median of the processor time an id, one thread, just read
//   wall_ns      lower decile of the time an id, one thread, at once
//   wall_ns_2    the same with two threads
//   speedup      median of the time an id of one thread over that of two for the stretch after it
//   absl_ns      absl::flat_hash_map counting the same ids, and no more than that
//   vs_absl      ns / absl_ns
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <tbb/task_arena.h>
#include <time.h>

#include "core/base/check.h"
#include "core/base/crew.h"
#include "core/base/random.h"
#include "core/mapping/artifact_editor.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/memory_plan.h"
#include "tests/support/zipf.h"

namespace remapd::pipeline {
namespace {

constexpr std::size_t kSamples = 64;  // a message
constexpr std::uint32_t kFeatures = 4;
constexpr std::uint64_t kUniverse = 2'000'000;
constexpr std::uint64_t kTracked = 2'100'000;

double cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double wall_ns() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

struct Shape {
  std::size_t samples = kSamples;  // a message
  std::uint32_t tables = kFeatures;
  std::uint64_t universe = kUniverse;  // ids a table
  std::uint64_t tracked = kTracked;
  std::uint32_t dimension = 16;
  bool labelled = false;
  bool any_order = false;

  std::size_t message_ids() const { return samples * tables; }
  auto operator<=>(const Shape&) const = default;
};

EngineConfig config_of(const Shape& shape) {
  EngineConfig config;
  for (std::uint32_t t = 0; t < shape.tables; ++t) {
    TableConfig table;
    table.name = "t" + std::to_string(t);
    table.rows = static_cast<std::uint32_t>(std::max<std::uint64_t>(shape.universe / 10, 1));
    table.max_tracked_ids = shape.tracked;
    table.learner = shape.labelled ? LearnerChoice::kSupervised : LearnerChoice::kCoAccess;
    table.horizon = 10'000'000;
    config.tables.push_back(table);
    config.features.push_back({table.name, TableIndex{t}});
  }
  config.co_access_dimension = shape.dimension;
  config.factors = 4;
  return config;
}

Id id_of(std::uint32_t table, std::uint64_t rank) {
  return hash_id(rank, table);
}

void fill(EventBatch& batch, const Shape& shape, auto&& rank_of, auto&& label_of) {
  batch.reset(shape.tables);
  for (std::uint32_t f = 0; f < shape.tables; ++f) {
    batch.mutable_lengths(FeatureIndex{f}).assign(shape.samples, 1);
    auto& values = batch.mutable_values(FeatureIndex{f});
    for (std::size_t s = 0; s < shape.samples; ++s) values.push_back(id_of(f, rank_of(f, s)));
  }
  if (shape.labelled) {
    for (std::size_t s = 0; s < shape.samples; ++s) batch.mutable_labels().push_back(label_of());
  }
  batch.seal(shape.samples);
}

// As the daemon's builder does.
Bytes run_build_and_encode(BuildJobPtr job) {
  const BuildOutcome outcome = run_build(std::move(job));
  return mapping::encode_artifact(outcome.mapping, outcome.artifact);
}

// An engine that tracks every id, and messages to come.
struct Loaded {
  std::unique_ptr<Engine> engine;
  std::vector<EventBatch> messages;
};

void track_all(Engine& engine, const Shape& shape) {
  EventBatch batch;
  Random random(5);
  for (std::uint64_t first = 0; first < shape.universe; first += shape.samples) {
    fill(
        batch, shape,
        [&](std::uint32_t f, std::size_t s) {
          // An order that has nothing to do with the rank, and another one in each table.
          return 1 + (first + s + f * 7'919) * 1'000'003 % shape.universe;
        },
        [&] { return random.uniform() < 0.3 ? 1.0F : 0.0F; });
    engine.ingest(batch);
  }
}

// As after a publication: an incumbent that knows all ids.
void adopt_all(Engine& engine, const Shape& shape) {
  for (std::uint32_t t = 0; t < shape.tables; ++t) {
    const TableConfig& table = engine.config().tables[t];
    mapping::Mapping mapping;
    mapping.info = {.table = table.name,
                    .version = Version{1},
                    .parent = kNoVersion,
                    .epoch = Epoch{1},
                    .rows = table.rows,
                    .dedicated_rows = 0,
                    .fallback = {.first_row = 0, .row_count = 1, .seed = 1}};
    for (std::uint64_t rank = 1; rank <= shape.universe; ++rank) {
      mapping.ids.push_back(id_of(t, rank));
    }
    std::sort(mapping.ids.begin(), mapping.ids.end());
    mapping.rows.assign(mapping.ids.size(), Row{0});
    const Bytes artifact = mapping::encode_artifact(mapping);
    const auto view = mapping::ArtifactView::open(artifact, mapping::Verify::kHeader);
    REMAPD_CHECK(view && engine.adopt(TableIndex{t}, *view), "an engine adopts its own tables");
  }
}

Loaded load(const Shape& shape, std::size_t ids) {
  Loaded out;
  auto engine = Engine::create(config_of(shape));
  REMAPD_CHECK(engine.has_value(), "the bench's configuration is sound");
  out.engine = std::move(*engine);
  const support::Zipf zipf(shape.universe, 1.05);
  Random random(7);
  const auto fill_next = [&](EventBatch& batch) {
    fill(
        batch, shape, [&](std::uint32_t, std::size_t) { return zipf(random); },
        [&] { return random.uniform() < 0.3 ? 1.0F : 0.0F; });
  };
  for (std::size_t fed = 0; fed < ids && !shape.any_order; fed += shape.message_ids()) {
    EventBatch batch;
    fill_next(batch);
    out.engine->ingest(batch);
  }
  track_all(*out.engine, shape);
  adopt_all(*out.engine, shape);
  out.messages.resize(ids / shape.message_ids());
  for (EventBatch& batch : out.messages) fill_next(batch);
  return out;
}

// As decoding them leaves messages: in the cache.
void read_through(std::span<const EventBatch> messages) {
  std::uint64_t sum = 0;
  for (const EventBatch& batch : messages) {
    for (std::uint32_t f = 0; f < batch.features(); ++f) {
      for (const Id id : batch.values(FeatureIndex{f})) sum += id;
      for (const std::uint32_t length : batch.lengths(FeatureIndex{f})) sum += length;
    }
  }
  benchmark::DoNotOptimize(sum);
}

double absl_ns(const std::vector<EventBatch>& messages, const Shape& shape) {
  std::vector<absl::flat_hash_map<Id, std::uint64_t>> counts(shape.tables);
  for (std::uint32_t t = 0; t < shape.tables; ++t) {
    counts[t].reserve(shape.universe);
    for (std::uint64_t rank = 1; rank <= shape.universe; ++rank) counts[t][id_of(t, rank)] = 1;
  }
  std::vector<double> ns;
  for (const EventBatch& batch : messages) {
    read_through(std::span(&batch, 1));
    const double begin = cpu_ns();
    for (std::uint32_t f = 0; f < shape.tables; ++f) {
      for (const Id id : batch.values(FeatureIndex{f})) ++counts[f][id];
    }
    ns.push_back((cpu_ns() - begin) / static_cast<double>(batch.total_ids()));
  }
  benchmark::DoNotOptimize(counts);
  return quantile(ns, 0.5);
}

void measure_intake(benchmark::State& state, const Shape& shape, bool compare) {
  constexpr std::size_t kDecoded = 8'192;   // ids, so few that they stay in a core's cache
  constexpr std::size_t kStretch = 65'536;  // ids
  constexpr std::size_t kAtOnce = 262'144;  // ids
  struct Way {
    tbb::task_arena arena;
    std::size_t step;  // messages of a stretch
    std::size_t read;  // messages that are read before they are taken in
    std::vector<double> cpu = {};
    std::vector<double> wall = {};
  };
  const Loaded loaded = load(shape, 8 * (kStretch + 2 * kAtOnce));
  const auto messages_of = [&](std::size_t ids) {
    return std::max<std::size_t>(1, ids / shape.message_ids());
  };
  Way one{tbb::task_arena(1), messages_of(kStretch), messages_of(kDecoded)};
  Way one_at_once{tbb::task_arena(1), messages_of(kAtOnce), messages_of(kAtOnce)};
  Way two_at_once{tbb::task_arena(2), messages_of(kAtOnce), messages_of(kAtOnce)};
  Way* const ways[] = {&one, &one_at_once, &two_at_once};
  const auto take_in = [&](std::span<const EventBatch> messages, Way& way) {
    double cpu = 0;
    double wall = 0;
    for (std::size_t first = 0; first < messages.size(); first += way.read) {
      const auto some = messages.subspan(first, std::min(way.read, messages.size() - first));
      read_through(some);
      const double cpu_begin = cpu_ns();
      const double wall_begin = wall_ns();
      way.arena.execute([&] {
        for (const EventBatch& batch : some) loaded.engine->ingest(batch);
        // All is learned.
        if (&some.back() == &messages.back())
          benchmark::DoNotOptimize(loaded.engine->tracked_ids(TableIndex{0}));
      });
      wall += wall_ns() - wall_begin;
      cpu += cpu_ns() - cpu_begin;
    }
    const auto ids = static_cast<double>(messages.size() * shape.message_ids());
    way.cpu.push_back(cpu / ids);
    way.wall.push_back(wall / ids);
  };
  const std::span<const EventBatch> messages(loaded.messages);
  for (auto _ : state) {
    std::size_t first = 0;
    for (std::size_t turn = 0; first < messages.size(); ++turn) {
      Way& way = *ways[turn % std::size(ways)];
      take_in(messages.subspan(first, std::min(way.step, messages.size() - first)), way);
      first += way.step;
    }
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(messages.size() * shape.message_ids()));
  // One stretch beside the next: how fast memory is may change from one second to another.
  std::vector<double> speedups;
  for (std::size_t i = 0; i < two_at_once.wall.size(); ++i) {
    speedups.push_back(one_at_once.wall[i] / two_at_once.wall[i]);
  }
  const double ns = quantile(one.cpu, 0.5);
  const double wall = quantile(one_at_once.wall, 0.1);
  const double wall_2 = quantile(two_at_once.wall, 0.1);
  state.counters["ns"] = ns;
  state.counters["cpu_ns_2"] = quantile(two_at_once.cpu, 0.5);
  state.counters["wall_ns"] = wall;
  state.counters["wall_ns_2"] = wall_2;
  state.counters["speedup"] = quantile(speedups, 0.5);
  if (!compare) return;
  const double absl = absl_ns(loaded.messages, shape);
  state.counters["absl_ns"] = absl;
  state.counters["vs_absl"] = ns / absl;
}

void BM_Intake(benchmark::State& state, bool labelled) {
  measure_intake(state, {.labelled = labelled}, true);
}
BENCHMARK_CAPTURE(BM_Intake, coaccess, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_Intake, supervised, true)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_IntakeAnyOrder(benchmark::State& state, bool labelled) {
  measure_intake(state, {.labelled = labelled, .any_order = true}, false);
}
BENCHMARK_CAPTURE(BM_IntakeAnyOrder, coaccess, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_IntakeAnyOrder, supervised, true)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Full stores, as those of a daemon are that has run for long: ids come for the first time all the
// while, others make room for them, and what is known of these is forgotten. By Zipf 1.05 from
// eight times as many ids as are tracked, of which an adopted mapping knows the most frequent, as
// many as are tracked; one thread, ticks included. Counters:
//   ns        mean of the processor time an id
//   tick_ns   elapsed, of that: the ticks
//   admitted  share of the accesses that brought a new id in
void BM_IntakeChurn(benchmark::State& state, bool labelled) {
  constexpr std::size_t kStretches = 64;
  constexpr std::size_t kStretch = 65'536;  // ids
  const auto tracked = static_cast<std::uint64_t>(state.range(0)) / kFeatures;
  const Shape shape{.universe = 8 * tracked, .tracked = tracked, .labelled = labelled};
  auto engine = Engine::create(config_of(shape));
  REMAPD_CHECK(engine.has_value(), "the bench's configuration is sound");
  const support::Zipf zipf(shape.universe, 1.05);
  Random random(7);
  std::vector<EventBatch> messages(kStretch / shape.message_ids());
  tbb::task_arena one(1);
  const auto take_in = [&] {
    for (EventBatch& batch : messages) {
      fill(
          batch, shape, [&](std::uint32_t, std::size_t) { return zipf(random); },
          [&] { return random.uniform() < 0.3 ? 1.0F : 0.0F; });
    }
    const double begin = cpu_ns();
    one.execute([&] {
      for (const EventBatch& batch : messages) (*engine)->ingest(batch);
      benchmark::DoNotOptimize((*engine)->tracked_ids(TableIndex{0}));  // all is learned
    });
    return cpu_ns() - begin;
  };
  const auto evicted = [&] {
    std::uint64_t sum = 0;
    for (const TableStats& table : (*engine)->stats().tables) sum += table.evicted_ids;
    return sum;
  };
  while (evicted() < tracked) take_in();
  Shape known = shape;
  known.universe = tracked;
  adopt_all(**engine, known);
  const std::uint64_t evicted_before = evicted();
  const double ticked = (*engine)->stats().tick_seconds;
  double ns = 0;
  for (auto _ : state) {
    for (std::size_t s = 0; s < kStretches; ++s) ns += take_in();
  }
  const auto ids = static_cast<double>(state.iterations()) * kStretches * kStretch;
  state.counters["ns"] = ns / ids;
  state.counters["tick_ns"] = ((*engine)->stats().tick_seconds - ticked) * 1e9 / ids;
  // As many as went, for the stores stay full.
  state.counters["admitted"] = static_cast<double>(evicted() - evicted_before) / ids;
}
BENCHMARK_CAPTURE(BM_IntakeChurn, coaccess, false)
    ->RangeMultiplier(4)
    ->Range(1 << 18, 1 << 22)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_IntakeChurn, supervised, true)
    ->RangeMultiplier(4)
    ->Range(1 << 18, 1 << 22)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// The curves of docs/benchmarks.md: one thing varied at a time.
void BM_IntakeByMessage(benchmark::State& state, bool labelled) {
  measure_intake(state,
                 {.samples = static_cast<std::size_t>(state.range(0)) / kFeatures,
                  .universe = kUniverse / 8,
                  .tracked = kTracked / 8,
                  .labelled = labelled},
                 false);
}
BENCHMARK_CAPTURE(BM_IntakeByMessage, coaccess, false)->RangeMultiplier(4)->Range(16, 4096);
BENCHMARK_CAPTURE(BM_IntakeByMessage, supervised, true)->RangeMultiplier(4)->Range(16, 4096);

// As many ids in all, over more and more tables.
void BM_IntakeByTables(benchmark::State& state, bool labelled) {
  const auto tables = static_cast<std::uint32_t>(state.range(0));
  measure_intake(state,
                 {.tables = tables,
                  .universe = kUniverse / tables,
                  .tracked = kTracked / tables,
                  .labelled = labelled},
                 false);
}
BENCHMARK_CAPTURE(BM_IntakeByTables, coaccess, false)->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(200);
BENCHMARK_CAPTURE(BM_IntakeByTables, supervised, true)->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(200);

// The value of a line `name` of a file in /proc that counts in kB.
std::uint64_t bytes_in(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * 1024;
  }
  REMAPD_CHECK(false, "/proc tells how much memory there is and how much a process holds");
  return 0;
}

void BM_IntakeByIds(benchmark::State& state, bool labelled) {
  const auto ids = static_cast<std::uint64_t>(state.range(0)) / kFeatures;
  const Shape shape{.universe = ids, .tracked = ids + ids / 20, .labelled = labelled};
  // Besides what is planned for: the incumbents, twice while they are made, and the messages.
  const std::uint64_t needed =
      memory_plan(config_of(shape)).bytes + state.range(0) * 24 + (std::uint64_t{1} << 30);
  if (needed > bytes_in("/proc/meminfo", "MemAvailable:"))
    return state.SkipWithError("too little memory is free");
  measure_intake(state, shape, false);
}
BENCHMARK_CAPTURE(BM_IntakeByIds, coaccess, false)
    ->RangeMultiplier(10)
    ->Range(100'000, 10'000'000)
    ->Arg(50'000'000);
BENCHMARK_CAPTURE(BM_IntakeByIds, supervised, true)
    ->RangeMultiplier(10)
    ->Range(100'000, 10'000'000)
    ->Arg(50'000'000);

void BM_IntakeByDimension(benchmark::State& state) {
  measure_intake(state,
                 {.universe = kUniverse / 8,
                  .tracked = kTracked / 8,
                  .dimension = static_cast<std::uint32_t>(state.range(0))},
                 false);
}
BENCHMARK(BM_IntakeByDimension)->Arg(8)->Arg(16)->Arg(32)->Arg(64);

// Intake on all threads, alone and while versions of its tables are being built, one after another,
// as the daemon's builder does, and what it waits for. Counters:
//   kept           rate beside a build over the rate alone, medians of stretches of 65,536 ids
//   build_s        a build, alone
//   build_s_beside the same beside intake that never pauses
//   begin_s        what beginning a build takes the thread that takes events in
//   copy_s         what copying the state for a checkpoint takes it
//   adopt_s        what going on from the version that was built takes it
//   fetched_s      what going on from a published version does: at the start, after a roll-back
void BM_IntakeBesideBuild(benchmark::State& state, bool labelled, std::uint32_t dimension) {
  constexpr std::size_t kStretch = 65'536;  // ids
  const Shape shape{.universe = kUniverse / 2,
                    .tracked = kTracked / 2,
                    .dimension = dimension,
                    .labelled = labelled};
  const Loaded loaded = load(shape, std::size_t{64} * kStretch);
  Engine& engine = *loaded.engine;
  const std::size_t step = kStretch / shape.message_ids();
  std::size_t next = 0;
  const auto take_in = [&] {
    const double begin = wall_ns();
    for (std::size_t m = 0; m < step; ++m) {
      engine.ingest(loaded.messages[next]);
      next = (next + 1) % loaded.messages.size();
    }
    return (wall_ns() - begin) / kStretch;
  };
  std::vector<double> alone;
  std::vector<double> beside;
  std::vector<double> begins;
  std::vector<double> copies;
  std::vector<double> adoptions;
  std::vector<double> fetched;
  std::vector<double> builds_alone;
  std::vector<double> builds_beside;
  const auto begin_build = [&] {
    const double begin = wall_ns();
    BuildJobPtr job = engine.begin_build(
        {.table = TableIndex{0}, .version = Version{2}, .epoch = Epoch{1}, .built_ms = 0});
    begins.push_back((wall_ns() - begin) * 1e-9);
    return job;
  };
  const auto build = [&](BuildJobPtr job, std::vector<double>& took) {
    const double begin = wall_ns();
    benchmark::DoNotOptimize(run_build_and_encode(std::move(job)));
    took.push_back((wall_ns() - begin) * 1e-9);
  };
  const auto adopt = [&] {
    const BuildOutcome outcome = run_build(begin_build());
    const double begin = wall_ns();
    engine.adopt(outcome);
    adoptions.push_back((wall_ns() - begin) * 1e-9);
    const Bytes artifact = mapping::encode_artifact(outcome.mapping, outcome.artifact);
    const double found = wall_ns();
    const auto view = mapping::ArtifactView::open(artifact, mapping::Verify::kAll);
    REMAPD_CHECK(view && engine.adopt(TableIndex{0}, *view), "an engine adopts its own tables");
    fetched.push_back((wall_ns() - found) * 1e-9);
  };
  for (auto _ : state) {
    for (int i = 0; i < 32; ++i) alone.push_back(take_in());
    build(begin_build(), builds_alone);
    std::atomic<bool> done = false;
    std::thread builder([&, job = begin_build()]() mutable {
      Crew crew(std::max(std::thread::hardware_concurrency(), 1U));
      crew.work([&] { build(std::move(job), builds_beside); });
      done = true;
    });
    while (!done) beside.push_back(take_in());
    builder.join();
    const double begin = wall_ns();
    StateWriter copy;
    engine.save(copy);
    benchmark::DoNotOptimize(std::move(copy).write());
    copies.push_back((wall_ns() - begin) * 1e-9);
    adopt();
  }
  state.counters["ns"] = quantile(alone, 0.5);
  state.counters["ns_beside"] = quantile(beside, 0.5);
  state.counters["kept"] = quantile(alone, 0.5) / quantile(beside, 0.5);
  state.counters["begin_s"] = quantile(begins, 0.5);
  state.counters["copy_s"] = quantile(copies, 0.5);
  state.counters["adopt_s"] = quantile(adoptions, 0.5);
  state.counters["fetched_s"] = quantile(fetched, 0.5);
  state.counters["build_s"] = quantile(builds_alone, 0.5);
  state.counters["build_s_beside"] = quantile(builds_beside, 0.5);
}
BENCHMARK_CAPTURE(BM_IntakeBesideBuild, coaccess, false, 16)->Iterations(3)->UseRealTime();
BENCHMARK_CAPTURE(BM_IntakeBesideBuild, coaccess_64, false, 64)->Iterations(1)->UseRealTime();
BENCHMARK_CAPTURE(BM_IntakeBesideBuild, supervised, true, 16)->Iterations(3)->UseRealTime();

// The next version of one supervised table of `ids` ids in a tenth as many rows, of which `touched`
// have been accessed since the version before, one in ten of them for the first time; medians over
// the versions.
//   cpu_s    from beginning to adoption, what clients have (an artifact edited in place) and the
//            bytes to publish included
//   waits_s  of that, what intake waits for
//   bytes    to publish: delta and plan
//   changed  ids placed or moved
void BM_Increment(benchmark::State& state, std::uint64_t ids, std::uint64_t touched) {
  const std::uint64_t versions = static_cast<std::uint64_t>(state.max_iterations);
  const std::uint64_t fresh = touched / 10;
  const Shape shape{.tables = 1,
                    .universe = ids,
                    .tracked = ids + 2 * fresh * versions + 1'000,
                    .labelled = true};
  EngineConfig config = config_of(shape);
  config.tables[0].horizon = 0;
  auto created = Engine::create(config);
  REMAPD_CHECK(created.has_value(), "the bench's configuration is sound");
  Engine& engine = **created;
  track_all(engine, shape);
  engine.flush();
  BuildOutcome full = run_build(engine.begin_build(
      {.table = TableIndex{0}, .version = Version{1}, .epoch = Epoch{1}, .built_ms = 0}));
  engine.adopt(full);
  std::optional<mapping::ArtifactEditor> clients;
  {
    const Bytes artifact = mapping::encode_artifact(full.mapping, full.artifact);
    full = {};
    clients.emplace(*mapping::ArtifactView::open(artifact, mapping::Verify::kHeader));
  }
  Random random(7);
  std::vector<double> cpu;
  std::vector<double> waits;
  std::vector<double> bytes;
  std::vector<double> changed;
  std::uint64_t version = 1;
  std::uint64_t next_fresh = ids + 1;
  EventBatch batch;
  for (auto _ : state) {
    for (std::uint64_t at = 0; at < touched; at += shape.samples) {
      fill(
          batch, shape,
          [&](std::uint32_t, std::size_t s) {
            return (at + s) % 10 == 0 ? next_fresh++ : 1 + random.below(ids);
          },
          [&] { return random.uniform() < 0.3 ? 1.0F : 0.0F; });
      engine.ingest(batch);
    }
    engine.flush();
    const double cpu_begin = cpu_ns();
    const double begin = wall_ns();
    REMAPD_CHECK(engine.between_full_builds(TableIndex{0}) == BuildKind::kIncrement,
                 "a supervised table takes increments");
    BuildJobPtr job = engine.begin_build({.table = TableIndex{0},
                                          .version = Version{++version},
                                          .epoch = Epoch{1},
                                          .built_ms = 0,
                                          .kind = BuildKind::kIncrement});
    const double begun = wall_ns();
    const BuildOutcome outcome = run_build(std::move(job));
    REMAPD_CHECK(mapping::apply_delta(*clients, *outcome.increment), "clients can follow");
    bytes.push_back(static_cast<double>(mapping::encode_delta(*outcome.increment).size() +
                                        mapping::encode_plan(outcome.plan).size()));
    const double built = wall_ns();
    engine.adopt(outcome);
    waits.push_back((begun - begin + wall_ns() - built) * 1e-9);
    cpu.push_back((cpu_ns() - cpu_begin) * 1e-9);
    changed.push_back(
        static_cast<double>(outcome.increment->added.size() + outcome.increment->moved.size()));
  }
  // The first looks the centroids' index up, which a full build leaves to it.
  state.counters["first_cpu_s"] = cpu.front();
  cpu.erase(cpu.begin());
  waits.erase(waits.begin());
  state.counters["cpu_s"] = quantile(cpu, 0.5);
  state.counters["cpu_ms"] = 1'000 * quantile(cpu, 0.5);
  state.counters["waits_s"] = quantile(waits, 0.5);
  state.counters["bytes"] = quantile(bytes, 0.5);
  state.counters["changed"] = quantile(changed, 0.5);
}
BENCHMARK_CAPTURE(BM_Increment, 1m_1pct, 1'000'000, 10'000)->Iterations(7)->UseRealTime();
BENCHMARK_CAPTURE(BM_Increment, 10m_1pct, 10'000'000, 100'000)->Iterations(7)->UseRealTime();
BENCHMARK_CAPTURE(BM_Increment, 10m_1000, 10'000'000, 1'000)->Iterations(7)->UseRealTime();

std::uint64_t resident_bytes() {
  return bytes_in("/proc/self/status", "VmRSS:");
}

// Of what the process has held since forget_peak().
std::uint64_t peak_bytes() {
  return bytes_in("/proc/self/status", "VmHWM:");
}

void forget_peak() {
  std::ofstream("/proc/self/clear_refs") << 5;
}

// Full stores: what the process has grown by over what memory_plan() says, and what a build of one
// of four tables adds at its peak over what it says at most (there: if all company that can be
// known were). Once, in a process of its own: what other benchmarks gave back would hide growth.
void BM_Memory(benchmark::State& state, bool labelled) {
  Shape shape{.labelled = labelled};
  shape.universe = shape.tracked + shape.tracked / 20;  // every slot is taken
  const std::uint64_t before = resident_bytes();
  auto engine = Engine::create(config_of(shape));
  REMAPD_CHECK(engine.has_value(), "the bench's configuration is sound");
  for (auto _ : state) track_all(**engine, shape);
  const MemoryPlan plan = memory_plan(config_of(shape));
  const auto grown = static_cast<double>(resident_bytes() - before);
  state.counters["resident_bytes"] = grown;
  state.counters["predicted_bytes"] = static_cast<double>(plan.bytes);
  state.counters["bytes_per_tracked_id"] = plan.bytes_per_tracked_id;
  state.counters["rss_over_predicted"] = grown / static_cast<double>(plan.bytes);
  const std::uint64_t full = resident_bytes();
  forget_peak();
  benchmark::DoNotOptimize(run_build_and_encode((*engine)->begin_build(
      {.table = TableIndex{0}, .version = Version{1}, .epoch = Epoch{1}, .built_ms = 0})));
  const auto added = static_cast<double>(peak_bytes() - full);
  state.counters["build_bytes"] = added;
  state.counters["build_over_predicted"] = added / static_cast<double>(plan.build_bytes);
}
BENCHMARK_CAPTURE(BM_Memory, coaccess, false)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Memory, supervised, true)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace remapd::pipeline
