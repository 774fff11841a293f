// What statistics cost an id: the tracked-id store, count-min and HyperLogLog, each beside the
// ordinary library or textbook way and beside the memory's own floor (one random cache line), in
// the same run.
//
// Every figure is the median over stretches of 32,768 ids of the thread's own CPU time, so that
// other work on the machine disturbs it little. Counters, in ns an id unless they say otherwise:
//   ns         ours
//   vs_X       ours / X's
//   floor      read and write of a random line of as much memory, 32 prefetched at a time
//   dependent  the same, each address depending on the line before
#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <benchmark/benchmark.h>
#include <boost/unordered/unordered_flat_map.hpp>
#include <sys/prctl.h>
#include <time.h>

#include "core/base/huge_array.h"
#include "core/base/random.h"
#include "core/sketch/count_min.h"
#include "core/sketch/hyperloglog.h"
#include "core/sketch/tracked_ids.h"
#include "tests/support/textbook_count_min.h"
#include "tests/support/zipf.h"

namespace remapd::sketch {
namespace {

constexpr std::size_t kStretch = std::size_t{1} << 15;
constexpr std::size_t kAccesses = 64 * kStretch;
constexpr double kZipf = 1.05;

double cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// work(span) on every stretch of the stream.
template <class Work>
void run_stretches(std::span<const Id> stream, std::vector<double>& ns, Work&& work) {
  for (std::size_t i = 0; i + kStretch <= stream.size(); i += kStretch) {
    const double begin = cpu_ns();
    work(stream.subspan(i, kStretch));
    ns.push_back((cpu_ns() - begin) / static_cast<double>(kStretch));
  }
}

double median(std::vector<double> ns) {
  std::nth_element(ns.begin(), ns.begin() + static_cast<std::ptrdiff_t>(ns.size() / 2), ns.end());
  return ns[ns.size() / 2];
}

// Ours: within google-benchmark's loop.
template <class Work>
double measure(benchmark::State& state, std::span<const Id> stream, Work&& work) {
  std::vector<double> ns;
  for (auto _ : state) run_stretches(stream, ns, work);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
  state.counters["ns"] = median(ns);
  return median(ns);
}

// A baseline: twice over the stream, the first time to warm up.
template <class Work>
double measure_baseline(std::span<const Id> stream, Work&& work) {
  std::vector<double> ns;
  run_stretches(stream, ns, work);
  ns.clear();
  run_stretches(stream, ns, work);
  return median(ns);
}

Id id_of_rank(std::uint64_t rank) {
  return hash_id(rank, 7);
}

// Zipf accesses to `universe` ids.
const std::vector<Id>& zipf_stream(std::uint64_t universe) {
  static std::map<std::uint64_t, std::vector<Id>> streams;
  std::vector<Id>& stream = streams[universe];
  if (stream.empty()) {
    const support::Zipf zipf(universe, kZipf);
    Random random(universe);
    stream.resize(kAccesses);
    for (Id& id : stream) id = id_of_rank(zipf(random));
  }
  return stream;
}

// All ids of the universe, in an order that has nothing to do with their rank.
std::vector<Id> universe_ids(std::uint64_t universe) {
  std::vector<Id> ids(universe);
  for (std::uint64_t rank = 1; rank <= universe; ++rank) ids[rank - 1] = id_of_rank(rank);
  Random random(3);
  random.shuffle(std::span<Id>(ids));
  return ids;
}

struct alignas(64) Line {
  std::uint64_t words[8];
};

// While it lives this process gets small pages where HugeArray asks for huge ones.
class SmallPages {
 public:
  SmallPages() { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
  ~SmallPages() { prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0); }
  SmallPages(const SmallPages&) = delete;
  SmallPages& operator=(const SmallPages&) = delete;
};

double floor_ns(std::uint64_t bytes, bool dependent) {
  static std::map<std::pair<std::uint64_t, bool>, double> known;
  double& ns = known[{bytes, dependent}];
  if (ns != 0) return ns;
  HugeArray<Line> lines(bytes / sizeof(Line));
  const auto count = static_cast<std::uint32_t>(lines.size());
  for (Line& line : lines.span()) line.words[0] = 1;
  std::vector<Id> stream(16 * kStretch);
  Random random(1);
  for (Id& id : stream) id = random.next();
  std::uint64_t last = 1;
  ns = measure_baseline(stream, [&](std::span<const Id> ids) {
    if (dependent) {
      for (const Id id : ids) last = lines[reduce(mix64(id + last), count)].words[0]++;
      return;
    }
    for (std::size_t i = 0; i < ids.size(); i += 32) {
      std::uint32_t at[32];
      for (std::size_t k = 0; k < 32; ++k) {
        at[k] = reduce(mix64(ids[i + k]), count);
        __builtin_prefetch(&lines[at[k]], 1);
      }
      for (const auto a : at) ++lines[a].words[1];
    }
  });
  benchmark::DoNotOptimize(last);
  return ns;
}

template <class Map>
double map_ns(std::uint64_t universe) {
  static std::map<std::uint64_t, double> known;
  double& ns = known[universe];
  if (ns != 0) return ns;
  Map map;
  map.reserve(universe);
  for (const Id id : universe_ids(universe)) map[id] = 1;
  ns = measure_baseline(zipf_stream(universe), [&](std::span<const Id> ids) {
    for (const Id id : ids) ++map[id];
  });
  benchmark::DoNotOptimize(map);
  return ns;
}

using AbslMap = absl::flat_hash_map<std::uint64_t, std::uint64_t>;
using BoostMap = boost::unordered_flat_map<std::uint64_t, std::uint64_t>;

void compare_with_maps(benchmark::State& state, const TrackedIds& store, std::uint64_t universe,
                       double ns) {
  const std::uint64_t bytes = std::uint64_t{store.slot_count()} * 19;  // the index
  state.counters["load"] = static_cast<double>(store.size()) / store.slot_count();
  state.counters["bytes_per_id"] =
      static_cast<double>(store.memory_bytes()) / static_cast<double>(store.size());
  state.counters["vs_absl"] = ns / map_ns<AbslMap>(universe);
  state.counters["vs_boost"] = ns / map_ns<BoostMap>(universe);
  state.counters["vs_floor"] = ns / floor_ns(bytes, false);
  state.counters["floor"] = floor_ns(bytes, false);
  state.counters["dependent"] = floor_ns(bytes, true);
}

// Buffers of an intake.
struct Intake {
  std::vector<Slot> slots;
  std::vector<Marks> marks;
  std::vector<std::uint32_t> counts;
  std::vector<Slot> admitted;

  void count(TrackedIds& store, std::span<const Id> ids) {
    slots.resize(ids.size());
    marks.resize(ids.size());
    counts.resize(ids.size());
    store.count_accesses(ids, {.slots = slots, .marks = marks, .counts = counts}, 1, {}, admitted);
  }
};

void count_all(TrackedIds& store, std::span<const Id> ids) {
  Intake().count(store, ids);
}

// How the store came to hold all ids of the stream, filling it to the brim.
enum Filled : std::int64_t {
  kAsTheyCame,  // by the stream, so frequent ids first
  kInAnyOrder,  // frequent ids away from home as often as others; no fold yet
  kThenFolded,  // the same, after the first fold has laid the index out
};

void fill(TrackedIds& store, std::uint64_t universe, std::int64_t filled) {
  if (filled == kAsTheyCame) count_all(store, zipf_stream(universe));
  count_all(store, universe_ids(universe));
  if (filled != kThenFolded) return;
  count_all(store, zipf_stream(universe));
  std::vector<Slot> evicted;
  store.fold(1, evicted);
  count_all(store, zipf_stream(universe));  // lets those in again that were evicted
}

// Arguments: ids, and how they came.
void BM_TrackedIdsCount(benchmark::State& state) {
  const auto universe = static_cast<std::uint64_t>(state.range(0));
  TrackedIds store(universe + universe / 50);
  fill(store, universe, state.range(1));
  Intake intake;
  const double ns = measure(state, zipf_stream(universe),
                            [&](std::span<const Id> ids) { intake.count(store, ids); });
  compare_with_maps(state, store, universe, ns);
}
BENCHMARK(BM_TrackedIdsCount)
    ->ArgsProduct({{1'000'000, 8'000'000}, {kAsTheyCame, kInAnyOrder, kThenFolded}})
    ->Unit(benchmark::kMillisecond);

// The same store in huge pages and in small ones, stretch by stretch in turn.
void BM_TrackedIdsPages(benchmark::State& state) {
  const auto universe = static_cast<std::uint64_t>(state.range(0));
  TrackedIds huge(universe + universe / 50);
  fill(huge, universe, kAsTheyCame);
  const SmallPages small_pages;
  TrackedIds small(universe + universe / 50);
  fill(small, universe, kAsTheyCame);
  Intake intake;
  std::vector<double> huge_ns;
  std::vector<double> small_ns;
  const std::span<const Id> stream(zipf_stream(universe));
  for (auto _ : state) {
    for (std::size_t i = 0; i < stream.size(); i += kStretch) {
      const auto part = stream.subspan(i, kStretch);
      run_stretches(part, huge_ns, [&](std::span<const Id> ids) { intake.count(huge, ids); });
      run_stretches(part, small_ns, [&](std::span<const Id> ids) { intake.count(small, ids); });
    }
  }
  state.counters["ns"] = median(huge_ns);
  state.counters["ns_small_pages"] = median(small_ns);
  state.counters["vs_small_pages"] = median(huge_ns) / median(small_ns);
}
BENCHMARK(BM_TrackedIdsPages)->Arg(8'000'000)->Unit(benchmark::kMillisecond);

// What this machine's memory gives: a random line of 512 MiB.
void BM_ColdLine(benchmark::State& state) {
  constexpr std::uint64_t kBytes = std::uint64_t{512} << 20;
  for (auto _ : state) {
    state.counters["prefetched"] = floor_ns(kBytes, false);
    state.counters["dependent"] = floor_ns(kBytes, true);
  }
}
BENCHMARK(BM_ColdLine)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_TrackedIdsFind(benchmark::State& state) {
  const auto universe = static_cast<std::uint64_t>(state.range(0));
  TrackedIds store(universe + universe / 50);
  fill(store, universe, kAsTheyCame);
  std::vector<Slot> slots(kStretch);
  const double ns = measure(state, zipf_stream(universe),
                            [&](std::span<const Id> ids) { store.find(ids, slots); });
  compare_with_maps(state, store, universe, ns);
}
BENCHMARK(BM_TrackedIdsFind)->Arg(8'000'000)->Unit(benchmark::kMillisecond);

// Eight times more ids than there is room for, with a fold every 262,144 accesses: admission
// through the sketch and eviction are part of the work. ns leaves the folds out, ns_with_folds does
// not.
void BM_TrackedIdsUnderPressure(benchmark::State& state) {
  const auto capacity = static_cast<std::uint64_t>(state.range(0));
  const std::vector<Id>& stream = zipf_stream(8 * capacity);
  TrackedIds store(capacity);
  count_all(store, universe_ids(2 * capacity));
  Intake intake;
  std::vector<Slot> evicted;
  std::ptrdiff_t unknown = 0;
  double fold_ns = 0;
  std::vector<double> ns;
  for (auto _ : state) {
    for (std::size_t i = 0; i < stream.size(); i += 8 * kStretch) {
      run_stretches(std::span(stream).subspan(i, 8 * kStretch), ns, [&](std::span<const Id> part) {
        intake.count(store, part);
        unknown += std::count(intake.slots.begin(), intake.slots.end(), kNoSlot);
      });
      const double begin = cpu_ns();
      store.fold(0.99, evicted);
      fold_ns += cpu_ns() - begin;
    }
  }
  const auto ids = static_cast<double>(ns.size() * kStretch);
  state.counters["ns"] = median(ns);
  state.counters["ns_with_folds"] = median(ns) + fold_ns / ids;
  state.counters["turned_away"] = static_cast<double>(unknown) / ids;
  state.counters["admitted"] = static_cast<double>(intake.admitted.size()) / ids;
  state.counters["evicted"] = static_cast<double>(evicted.size()) / ids;
  state.counters["floor"] = floor_ns(std::uint64_t{store.slot_count()} * 19, false);
}
BENCHMARK(BM_TrackedIdsUnderPressure)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// A fold that evicts, a slot: from full to 5 % dropped.
void BM_TrackedIdsFold(benchmark::State& state) {
  const auto capacity = static_cast<std::uint64_t>(state.range(0));
  const std::vector<Id> ids = universe_ids(2 * capacity);
  TrackedIds store(capacity);
  std::vector<double> ns;
  std::vector<Slot> evicted;
  for (auto _ : state) {
    state.PauseTiming();
    count_all(store, ids);
    evicted.clear();
    state.ResumeTiming();
    const double begin = cpu_ns();
    store.fold(0.5, evicted);
    ns.push_back((cpu_ns() - begin) / store.slot_count());
  }
  state.counters["ns_per_slot"] = median(ns);
  state.counters["evicted"] = static_cast<double>(evicted.size());
}
BENCHMARK(BM_TrackedIdsFold)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// The same memory, 64 MiB, for both sketches; errors over the ids of the stream.
void BM_CountMinAdd(benchmark::State& state) {
  constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
  constexpr std::uint64_t kUniverse = 8'000'000;
  const std::vector<Id>& stream = zipf_stream(kUniverse);
  CountMin sketch = CountMin::with_bytes(kBytes);
  const double ns = measure(state, stream, [&](std::span<const Id> ids) {
    for (std::size_t i = 0; i < ids.size(); i += 32) {
      std::uint64_t hashes[32];
      for (std::size_t k = 0; k < 32; ++k) {
        hashes[k] = mix64(ids[i + k]);
        sketch.prefetch(hashes[k]);
      }
      for (const std::uint64_t hash : hashes) sketch.add(hash);
    }
  });
  support::TextbookCountMin textbook(kBytes, 4);
  const double textbook_ns = measure_baseline(stream, [&](std::span<const Id> ids) {
    for (const Id id : ids) textbook.add(mix64(id));
  });
  state.counters["textbook"] = textbook_ns;
  state.counters["vs_textbook"] = ns / textbook_ns;
  state.counters["floor"] = floor_ns(kBytes, false);
}
BENCHMARK(BM_CountMinAdd)->Unit(benchmark::kMillisecond);

// How far estimates are above the truth, summed over ids and over accesses, ours / textbook's, for
// as many bytes an id as the argument says.
void BM_CountMinError(benchmark::State& state) {
  constexpr std::uint64_t kUniverse = 1'000'000;
  const std::vector<Id>& stream = zipf_stream(kUniverse);
  absl::flat_hash_map<Id, double> truth;
  for (const Id id : stream) truth[id] += 1;
  const std::uint64_t bytes = truth.size() * static_cast<std::uint64_t>(state.range(0));
  CountMin sketch = CountMin::with_bytes(bytes);
  support::TextbookCountMin textbook(bytes, 4);
  for (auto _ : state) {
    sketch = CountMin::with_bytes(bytes);
    for (const Id id : stream) sketch.add(mix64(id));
  }
  for (const Id id : stream) textbook.add(mix64(id));
  double ours[2] = {0, 0};
  double theirs[2] = {0, 0};
  for (const auto& [id, count] : truth) {
    const double our = sketch.estimate(mix64(id)) - count;
    const double their = textbook.estimate(mix64(id)) - count;
    ours[0] += our;
    ours[1] += our * count;
    theirs[0] += their;
    theirs[1] += their * count;
  }
  state.counters["error_of_ids"] = ours[0] / static_cast<double>(truth.size());
  state.counters["error_vs_textbook"] = ours[0] / theirs[0];
  state.counters["access_error_vs_textbook"] = ours[1] / theirs[1];
}
BENCHMARK(BM_CountMinError)->Arg(1)->Arg(4)->Arg(8)->Unit(benchmark::kMillisecond);

void BM_HyperLogLogAdd(benchmark::State& state) {
  constexpr std::uint64_t kUniverse = 8'000'000;
  const std::vector<Id>& stream = zipf_stream(kUniverse);
  HyperLogLog sketch;
  const double ns = measure(state, stream, [&](std::span<const Id> ids) {
    for (const Id id : ids) sketch.add(mix64(id));
  });
  absl::flat_hash_set<Id> exact;
  const double exact_ns = measure_baseline(stream, [&](std::span<const Id> ids) {
    for (const Id id : ids) exact.insert(id);
  });
  state.counters["vs_absl_set"] = ns / exact_ns;
  state.counters["estimate_over_exact"] = sketch.estimate() / static_cast<double>(exact.size());
}
BENCHMARK(BM_HyperLogLogAdd)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace remapd::sketch
