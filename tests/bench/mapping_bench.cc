// What a mapping version costs: building it, encoding its artifact, opening it, and looking ids up,
// beside absl::flat_hash_map and boost::unordered_flat_map with the same pairs in the same run.
//
// Builds and encodings are timed by the wall clock and, in the counters with cpu in their names, by
// the processor time of all threads; lookups by processor time. The least of the repetitions: other
// work on the machine only adds.
// bytes_per_id is of the artifact; ns_per_key and lookup figures are per id.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <boost/unordered/unordered_flat_map.hpp>
#include <tbb/global_control.h>
#include <time.h>

#include "client/cpp/client.h"
#include "connectors/files/directory_sink.h"
#include "connectors/files/directory_source.h"
#include "connectors/files/durable_file.h"
#include "connectors/files/mapped_blob.h"
#include "core/base/check.h"
#include "core/base/random.h"
#include "core/embedding/co_access_graph.h"
#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"
#include "core/placement/builder.h"
#include "core/placement/kmeans.h"
#include "tests/support/temp_dir.h"

namespace remapd::mapping {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_s(clockid_t of) {
  timespec t{};
  clock_gettime(of, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class Work>
double cpu_seconds(clockid_t of, Work&& work) {
  const double begin = cpu_s(of);
  work();
  return cpu_s(of) - begin;
}

template <class Work>
double seconds(Work&& work) {
  const double begin = now_s();
  work();
  return now_s() - begin;
}

// Ascending ids that look drawn at random.
std::vector<Id> ascending_ids(std::size_t n) {
  std::vector<Id> ids(n);
  const std::uint64_t stride = std::numeric_limits<std::uint64_t>::max() / n;
  Random random(1);
  for (std::size_t i = 0; i < n; ++i) ids[i] = i * stride + random.below(stride);
  return ids;
}

MappingInfo info_of(std::uint32_t rows) {
  return {.table = "item",
          .version = Version{1},
          .parent = kNoVersion,
          .epoch = Epoch{1},
          .rows = rows,
          .dedicated_rows = rows / 2,
          .fallback = {.first_row = rows - rows / 8, .row_count = rows / 8, .seed = 3}};
}

Mapping random_rows(std::size_t n, std::uint32_t rows) {
  Mapping mapping;
  mapping.info = info_of(rows);
  mapping.ids = ascending_ids(n);
  Random random(2);
  mapping.rows.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    mapping.rows.emplace_back(static_cast<std::uint32_t>(random.below(rows)));
  }
  return mapping;
}

// As a stream leaves them: Zipf frequencies, and embeddings of `dimension` numbers around as many
// centres as there are shared rows, unit length.
placement::BuildInput build_input(std::size_t n, std::uint32_t rows, std::size_t dimension) {
  placement::BuildInput input;
  input.table = "item";
  input.version = Version{2};
  input.epoch = Epoch{1};
  input.dimension = dimension;
  input.ids = ascending_ids(n);
  input.frequency.reserve(n);
  input.touched.assign(n, 1);
  Random random(3);
  for (std::size_t i = 0; i < n; ++i) {
    input.frequency.push_back(
        static_cast<float>(static_cast<double>(n) / static_cast<double>(1 + random.below(n))));
  }
  input.embedding.resize(n * dimension);
  for (std::size_t i = 0; i < n; ++i) {
    Random centre(1'000 + mix64(i) % (rows / 2));
    float* e = input.embedding.data() + i * dimension;
    double norm = 0;
    for (std::size_t k = 0; k < dimension; ++k) {
      const double u = 2 * centre.uniform() - 1 + 0.5 * (2 * random.uniform() - 1);
      e[k] = static_cast<float>(u);
      norm += u * u;
    }
    for (std::size_t k = 0; k < dimension; ++k) e[k] /= static_cast<float>(std::sqrt(norm));
  }
  return input;
}

// An incumbent that knows nine ids of ten, in rows that follow the same centres.
Mapping planted_incumbent(const placement::BuildInput& input, std::uint32_t rows) {
  Mapping incumbent;
  incumbent.info = info_of(rows);
  const std::uint32_t dedicated = rows / 2;
  for (std::size_t i = 0; i < input.ids.size(); ++i) {
    if (mix64(i + 77) % 10 == 0) continue;
    incumbent.ids.push_back(input.ids[i]);
    incumbent.rows.emplace_back(dedicated + static_cast<std::uint32_t>(mix64(i) % (rows / 2)) %
                                                (rows - dedicated - rows / 8));
  }
  incumbent.stats.fallback_rows = incumbent.info.fallback.row_count;
  return incumbent;
}

void measure_build(benchmark::State& state, bool from_scratch) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto rows = static_cast<std::uint32_t>(state.range(1));
  const auto threads = static_cast<std::size_t>(state.range(3));
  std::optional<tbb::global_control> limit;
  if (threads > 0) limit.emplace(tbb::global_control::max_allowed_parallelism, threads);
  placement::BuildInput input = build_input(n, rows, static_cast<std::size_t>(state.range(2)));
  const Mapping incumbent = planted_incumbent(input, rows);
  input.incumbent = &incumbent;
  input.clustered_ids = from_scratch ? 1 : n;
  const placement::BuilderConfig config{.rows = rows};
  for (auto _ : state) {
    placement::BuildResult result;
    Bytes artifact;
    const double cpu_begin = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    const double build = seconds([&] { result = placement::build_mapping(input, config); });
    const double encode = seconds([&] { artifact = encode_artifact(result.mapping); });
    state.counters["cluster_s"] = build;
    state.counters["artifact_s"] = encode;
    state.counters["build_s"] = build + encode;
    state.counters["build_cpu_s"] = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
    state.counters["distortion"] = result.mapping.stats.distortion;
  }
}

// A version clustered from scratch and matched to its predecessor, with plan and artifact.
// Arguments: ids, rows, dimension, threads (0: all).
void BM_Build(benchmark::State& state) {
  measure_build(state, true);
}

// The ordinary version after another: clusters are refined. Every id was accessed in between.
void BM_NextVersion(benchmark::State& state) {
  measure_build(state, false);
}

BENCHMARK(BM_Build)
    ->Name("BM_Build")
    ->Args({10'000'000, 1'000'000, 16, 0})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NextVersion)
    ->Args({10'000'000, 1'000'000, 16, 0})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Build)
    ->Name("BM_BuildByIds")
    ->ArgsProduct({{100'000, 300'000, 1'000'000, 3'000'000, 10'000'000}, {10'000}, {16}, {0}})
    ->Args({1'000'000, 100'000, 16, 0})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Build)
    ->Name("BM_BuildByRows")
    ->ArgsProduct({{1'000'000}, {1'000, 10'000, 100'000}, {16}, {0}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Build)
    ->Name("BM_BuildByDimension")
    ->ArgsProduct({{1'000'000}, {100'000}, {8, 16, 32}, {0}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Build)
    ->Name("BM_BuildByThreads")
    ->ArgsProduct({{1'000'000}, {100'000}, {16}, {1, 2}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Hierarchical k-means beside flat k-means of as many rounds, where the latter can be afforded.
void BM_KMeans(benchmark::State& state) {
  constexpr std::size_t kPoints = 100'000;
  constexpr std::uint32_t kClusters = 2'000;
  const placement::BuildInput input = build_input(kPoints, kClusters, 16);
  const std::vector<float> weights(kPoints, 1.0F);
  double hierarchical = 0;
  double flat = 0;
  for (auto _ : state) {
    hierarchical = seconds([&] {
      benchmark::DoNotOptimize(
          placement::hierarchical_kmeans(input.embedding, weights, 16, kClusters, {.seed = 1}));
    });
    flat = seconds([&] {
      benchmark::DoNotOptimize(
          placement::kmeans(input.embedding, weights, 16, kClusters, {.seed = 1}));
    });
  }
  state.counters["hierarchical_s"] = hierarchical;
  state.counters["flat_s"] = flat;
  state.counters["vs_flat"] = hierarchical / flat;
}
BENCHMARK(BM_KMeans)->Iterations(1)->Unit(benchmark::kMillisecond);

const Mapping& mapping_of(std::size_t n) {
  static std::map<std::size_t, Mapping> known;
  const auto [at, made] = known.try_emplace(n);
  if (made) at->second = random_rows(n, 1'000'000);
  return at->second;
}

void measure_encode(benchmark::State& state, ArtifactKind kind) {
  const Mapping& mapping = mapping_of(static_cast<std::size_t>(state.range(0)));
  double best = std::numeric_limits<double>::infinity();
  double best_cpu = best;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const double cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID, [&] {
      best = std::min(best, seconds([&] { bytes = encode_artifact(mapping, kind).size(); }));
    });
    best_cpu = std::min(best_cpu, cpu);
  }
  const auto n = static_cast<double>(mapping.ids.size());
  state.counters["ns_per_key"] = best * 1e9 / n;
  state.counters["cpu_ns_per_key"] = best_cpu * 1e9 / n;
  state.counters["bytes_per_id"] = static_cast<double>(bytes) / n;
}

void BM_ArtifactEncode(benchmark::State& state) {
  measure_encode(state, ArtifactKind::kFast);
}
void BM_ArtifactEncodeCompact(benchmark::State& state) {
  measure_encode(state, ArtifactKind::kCompact);
}
BENCHMARK(BM_ArtifactEncode)->Arg(10'000'000)->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ArtifactEncodeCompact)->Arg(10'000'000)->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ArtifactEncode)
    ->Name("BM_ArtifactEncode50M")
    ->Arg(50'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ArtifactEncodeCompact)
    ->Name("BM_ArtifactEncodeCompact50M")
    ->Arg(50'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// ns an id: the fastest of `rounds` walks over the wanted ids.
template <class Work>
double per_id(std::size_t ids, int rounds, Work&& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    best = std::min(best, cpu_seconds(CLOCK_THREAD_CPUTIME_ID, work));
  }
  return best * 1e9 / static_cast<double>(ids);
}

template <class Map>
double map_lookup_ns(const Mapping& mapping, std::span<const Id> wanted, std::span<Row> rows) {
  Map map;
  map.reserve(mapping.ids.size());
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) map[mapping.ids[i]] = mapping.rows[i].value;
  return per_id(wanted.size(), 5, [&] {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto at = map.find(wanted[i]);
      rows[i] = at != map.end() ? Row{at->second} : kNoRow;
    }
  });
}

// What a trainer looks up in: a version that was published to a directory, followed by its client.
class Served {
 public:
  Served(const Mapping& mapping, ArtifactKind kind, bool map_files) {
    auto sink = files::DirectoryMappingSink::create({.directory = dir_.path()});
    REMAPD_CHECK(sink && (*sink)->take_over(mapping.info.table, "bench"), "a directory is ours");
    Publication publication;
    Manifest& manifest = publication.manifest;
    manifest.info = mapping.info;
    manifest.instance = "bench";
    manifest.ids = mapping.ids.size();
    manifest.content_hash = content_hash(mapping);
    publication.blobs[0] = encode_artifact(mapping, kind);
    manifest.blobs[0] = {publication.blobs[0].size(), checksum(publication.blobs[0])};
    REMAPD_CHECK((*sink)->publish(publication), "a version can be published");
    auto source = files::DirectoryMappingSource::create(dir_.path(), mapping.info.table);
    auto client = client::Client::create(std::move(*source), {.table = mapping.info.table,
                                                              .rows = mapping.info.rows,
                                                              .seed = mapping.info.fallback.seed,
                                                              .map_files = map_files});
    client_ = std::move(*client);
    REMAPD_CHECK(client_->poll(std::chrono::milliseconds(0)) &&
                     client_->swap_next(client::Unmigrated::kAllow),
                 "the version can be swapped to");
    reader_.emplace(client_->reader());
  }

  // In batches of 4,096, as a trainer asks; rows.size() == ids.size(), a multiple of that.
  void lookup(std::span<const Id> ids, std::span<Row> rows) {
    constexpr std::size_t kBatch = 4'096;
    for (std::size_t i = 0; i < ids.size(); i += kBatch) {
      reader_->pin().lookup(ids.subspan(i, kBatch), rows.subspan(i, kBatch));
    }
  }

 private:
  test_support::TempDir dir_;
  std::unique_ptr<client::Client> client_;
  std::optional<client::Reader> reader_;
};

// Known ids in random order, and unknown ones.
void measure_lookup(benchmark::State& state, ArtifactKind kind) {
  const Mapping& mapping = mapping_of(static_cast<std::size_t>(state.range(0)));
  constexpr std::size_t kWanted = std::size_t{1} << 21;
  Random random(4);
  std::vector<Id> wanted(kWanted);
  std::vector<Id> unknown(kWanted);
  for (Id& id : wanted) id = mapping.ids[random.below(mapping.ids.size())];
  for (Id& id : unknown) id = random.next();
  std::vector<Row> rows(kWanted);
  const auto measure = [&](bool map_files, const std::string& suffix) {
    Served served(mapping, kind, map_files);
    const double known_ns = per_id(kWanted, 7, [&] { served.lookup(wanted, rows); });
    const double new_id_ns = per_id(kWanted, 7, [&] { served.lookup(unknown, rows); });
    state.counters["ns" + suffix] = known_ns;
    state.counters["ns_new_id" + suffix] = new_id_ns;
    return known_ns;
  };
  double ours = 0;
  for (auto _ : state) ours = measure(false, "");
  measure(true, "_mapped_file");
  const double absl =
      map_lookup_ns<absl::flat_hash_map<std::uint64_t, std::uint32_t>>(mapping, wanted, rows);
  const double boost =
      map_lookup_ns<boost::unordered_flat_map<std::uint64_t, std::uint32_t>>(mapping, wanted, rows);
  state.counters["absl_ns"] = absl;
  state.counters["boost_ns"] = boost;
  state.counters["vs_absl"] = ours / absl;
  state.counters["vs_boost"] = ours / boost;
}

void BM_Lookup(benchmark::State& state) {
  measure_lookup(state, ArtifactKind::kFast);
}
void BM_LookupCompact(benchmark::State& state) {
  measure_lookup(state, ArtifactKind::kCompact);
}
BENCHMARK(BM_Lookup)->Arg(10'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_LookupCompact)->Arg(10'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Lookup)
    ->Name("BM_Lookup50M")
    ->Arg(50'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_LookupCompact)
    ->Name("BM_LookupCompact50M")
    ->Arg(50'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Mapping the file, checking its header and looking one id up; the body's checksum apart.
void BM_Open(benchmark::State& state) {
  const test_support::TempDir dir;
  const auto path = dir / "mapping.remap";
  Id some = 0;
  {
    const Mapping mapping = random_rows(static_cast<std::size_t>(state.range(0)), 1'000'000);
    some = mapping.ids[mapping.ids.size() / 3];
    const Bytes bytes = encode_artifact(mapping);
    const std::array<ByteView, 1> parts = {bytes};
    REMAPD_CHECK(files::replace_file(path, parts).has_value(), "a file can be written");
    state.counters["megabytes"] = static_cast<double>(bytes.size()) / 1e6;
  }
  double open = std::numeric_limits<double>::infinity();
  double verify = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    open = std::min(open, seconds([&] {
                      const auto blob = files::MappedBlob::open(path);
                      REMAPD_CHECK(blob.has_value(), "the file can be mapped");
                      const auto view = ArtifactView::open((*blob)->view(), Verify::kHeader);
                      REMAPD_CHECK(view.has_value() && view->contains(some),
                                   "the artifact knows its ids");
                    }));
    verify = std::min(verify, seconds([&] {
                        const auto blob = files::MappedBlob::open(path);
                        const auto view = ArtifactView::open((*blob)->view(), Verify::kAll);
                        REMAPD_CHECK(view.has_value(), "the artifact is whole");
                      }));
  }
  state.counters["open_ms"] = open * 1e3;
  state.counters["verify_ms"] = verify * 1e3;
}
BENCHMARK(BM_Open)->Arg(50'000'000)->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace remapd::mapping
