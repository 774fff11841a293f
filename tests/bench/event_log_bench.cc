// Reading and making event logs: samples per second of each format, against only splitting the same
// bytes into lines (the floor of any text format), and of the generator.
#include <chrono>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "connectors/files/event_generator.h"
#include "connectors/files/line_reader.h"
#include "connectors/files/log_reader.h"
#include "connectors/files/log_writer.h"
#include "core/base/check.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

constexpr int kMessages = 2'000;

// The same 512,000 samples in every format, made once.
const test_support::TempDir& logs() {
  static const std::unique_ptr<test_support::TempDir> dir = [] {
    auto made = std::make_unique<test_support::TempDir>();
    for (const char* name : {"log.tsv", "log.tsv.gz", "log.ndjson", "log.binpb"}) {
      auto generator = EventGenerator::create({});
      auto writer = LogFileWriter::create({.path = *made / name}, generator->schema());
      pipeline::EventBatch batch;
      for (int i = 0; i < kMessages; ++i) {
        generator->next(batch);
        REMAPD_CHECK((*writer)->write(batch).has_value(), "the log can be written");
      }
      REMAPD_CHECK((*writer)->close().has_value(), "the log can be written");
    }
    return made;
  }();
  return *dir;
}

void split_lines(benchmark::State& state, const char* name) {
  const auto path = logs() / name;
  std::int64_t lines = 0;
  for (auto _ : state) {
    auto stream = InputStream::open(path);
    LineReader reader(std::move(*stream), std::size_t{1} << 20);
    std::string_view line;
    while (*reader.next(line) == LineReader::Outcome::kLine) benchmark::DoNotOptimize(line.data());
    lines += static_cast<std::int64_t>(reader.lines());
  }
  state.SetItemsProcessed(lines);
}

void read_log(benchmark::State& state, const char* name) {
  const auto path = logs() / name;
  const auto schema = EventGenerator::create({})->schema();
  std::int64_t samples = 0;
  for (auto _ : state) {
    auto source = LogFileSource::create({.path = path}, schema, nullptr);
    pipeline::EventBatch batch;
    while (*(*source)->poll(batch, std::chrono::seconds(1)) == pipeline::PollOutcome::kBatch) {
      samples += static_cast<std::int64_t>(batch.samples());
    }
  }
  state.SetItemsProcessed(samples);
}

void generate(benchmark::State& state) {
  auto generator = EventGenerator::create({});
  pipeline::EventBatch batch;
  for (auto _ : state) generator->next(batch);
  state.SetItemsProcessed(static_cast<std::int64_t>(generator->samples()));
}

BENCHMARK_CAPTURE(split_lines, tsv, "log.tsv")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(split_lines, tsv_gz, "log.tsv.gz")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_log, tsv, "log.tsv")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_log, tsv_gz, "log.tsv.gz")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_log, ndjson, "log.ndjson")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_log, protobuf, "log.binpb")->Unit(benchmark::kMillisecond);
BENCHMARK(generate);

}  // namespace
}  // namespace remapd::files
