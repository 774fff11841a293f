// What statistics cost an id: the tracked-id store, count-min and HyperLogLog, each beside the
// ordinary library or textbook way and beside the memory's own floor (one random cache line),
// measured in the same run. Counters: ns_per_id, and ratios to those baselines.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "core/base/huge_array.h"
#include "core/base/random.h"
#include "core/sketch/tracked_ids.h"
#include "tests/support/zipf.h"

namespace remapd::sketch {
namespace {

constexpr std::size_t kAccesses = std::size_t{1} << 22;
constexpr double kZipf = 1.05;

Id id_of_rank(std::uint64_t rank) {
  return hash_id(rank, 7);
}

// A stream of accesses to `universe` ids, made once for each universe.
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

double ns_per_item(std::size_t items, const std::function<void()>& work) {
  double best = 1e300;
  for (int round = 0; round < 3; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(items));
  }
  return best;
}

void report(benchmark::State& state, std::size_t items_per_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items_per_iteration));
  state.counters["ns_per_id"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(items_per_iteration) / 1e9,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The floor: one read-modify-write of a random line of a table of this many bytes.
struct alignas(64) Line {
  std::uint64_t words[8];
};

double floor_ns(std::uint64_t bytes, bool dependent) {
  static std::map<std::pair<std::uint64_t, bool>, double> known;
  double& ns = known[{bytes, dependent}];
  if (ns != 0) return ns;
  HugeArray<Line> lines(bytes / sizeof(Line));
  const auto count = static_cast<std::uint32_t>(lines.size());
  for (Line& line : lines.span()) line.words[0] = 1;
  constexpr std::size_t kTouches = std::size_t{1} << 21;
  ns = ns_per_item(kTouches, [&] {
    std::uint64_t h = 1;
    if (dependent) {
      for (std::size_t i = 0; i < kTouches; ++i) h = mix64(h + lines[reduce(h, count)].words[0]);
    } else {
      for (std::size_t i = 0; i < kTouches; i += 32) {
        std::uint32_t at[32];
        for (auto& a : at) {
          a = reduce(h = mix64(h + 1), count);
          __builtin_prefetch(&lines[a], 1);
        }
        for (const auto a : at) ++lines[a].words[1];
      }
    }
    benchmark::DoNotOptimize(h);
  });
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
  const std::vector<Id>& stream = zipf_stream(universe);
  ns = ns_per_item(stream.size(), [&] {
    for (const Id id : stream) ++map[id];
  });
  benchmark::DoNotOptimize(map);
  return ns;
}

using AbslMap = absl::flat_hash_map<std::uint64_t, std::uint64_t>;
using BoostMap = boost::unordered_flat_map<std::uint64_t, std::uint64_t>;

void compare(benchmark::State& state, std::uint64_t universe, std::uint64_t bytes, double ns) {
  state.counters["vs_absl"] = ns / map_ns<AbslMap>(universe);
  state.counters["vs_boost"] = ns / map_ns<BoostMap>(universe);
  state.counters["absl_ns"] = map_ns<AbslMap>(universe);
  state.counters["boost_ns"] = map_ns<BoostMap>(universe);
  state.counters["floor_ns"] = floor_ns(bytes, false);
  state.counters["dependent_ns"] = floor_ns(bytes, true);
}

// Every id is known: admit + count of Zipf accesses, in batches of one mini-batch's size.
void BM_TrackedIdsCount(benchmark::State& state) {
  const auto universe = static_cast<std::uint64_t>(state.range(0));
  const std::size_t batch = 4096;
  TrackedIds store(universe + universe / 50);
  std::vector<Slot> slots(batch);
  std::vector<Slot> admitted;
  for (const Id id : universe_ids(universe))
    store.count_accesses({&id, 1}, {slots.data(), 1}, admitted);
  const std::vector<Id>& stream = zipf_stream(universe);
  double best = 1e300;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < stream.size(); i += batch) {
      store.count_accesses({stream.data() + i, batch}, slots, admitted);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(stream.size()));
  }
  report(state, stream.size());
  state.counters["best_ns"] = best;
  state.counters["load"] = static_cast<double>(store.size()) / store.slot_count();
  state.counters["bytes_per_id"] =
      static_cast<double>(store.memory_bytes()) / static_cast<double>(store.size());
  compare(state, universe, std::uint64_t{store.slot_count()} * 64 / 5, best);
}
BENCHMARK(BM_TrackedIdsCount)->Arg(1'000'000)->Arg(8'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace remapd::sketch
