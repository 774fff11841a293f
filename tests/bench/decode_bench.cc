// From the bytes of one message to a batch, one sample a record: ids per second, and bytes per
// second, of remapd's own messages and of records in a layout of their owner's. 1 or 64 samples
// an AccessBatch; the others are a record a message, three ids each.
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "connectors/decode/event_decoder.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/bench/record_forms.h"
#include "tests/support/temp_dir.h"

namespace remapd::decode {
namespace {

constexpr int kRecords = 4096;

pipeline::FeatureSchema schema() {
  return pipeline::FeatureSchema(
      {{"user", TableIndex{0}}, {"item", TableIndex{1}}, {"category", TableIndex{2}}});
}

std::uint64_t id(int record, int feature) {
  return mix64(static_cast<std::uint64_t>(record) * 3 + static_cast<std::uint64_t>(feature)) >> 20;
}

void run(benchmark::State& state, const DecodeOptions& options,
         const std::vector<std::string>& messages) {
  auto decoder = EventDecoder::create(options, schema());
  REMAPD_CHECK(decoder.has_value(), "the options are sound");
  pipeline::EventBatch batch;
  std::int64_t ids = 0;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    for (const std::string& message : messages) {
      const auto decoded = (*decoder)->decode(as_bytes(message), batch, nullptr);
      REMAPD_CHECK(decoded.has_value(), "every message can be read");
      ids += static_cast<std::int64_t>(batch.total_ids());
      bytes += static_cast<std::int64_t>(message.size());
    }
  }
  state.SetItemsProcessed(ids);
  state.SetBytesProcessed(bytes);
}

template <class Make>
std::vector<std::string> records(Make make) {
  std::vector<std::string> out;
  for (int i = 0; i < kRecords; ++i) out.push_back(make(i));
  return out;
}

// Of `samples` a message.
void access_batch(benchmark::State& state) {
  const auto samples = static_cast<int>(state.range(0));
  std::vector<std::string> messages;
  for (int first = 0; first < kRecords; first += samples) {
    pipeline::EventBatch batch;
    batch.reset(3);
    for (int i = first; i < first + samples; ++i) {
      for (std::uint32_t f = 0; f < 3; ++f) {
        batch.mutable_lengths(FeatureIndex{f}).push_back(1);
        batch.mutable_values(FeatureIndex{f}).push_back(id(i, static_cast<int>(f)));
      }
      batch.mutable_labels().push_back(1);
    }
    batch.seal(static_cast<std::size_t>(samples));
    messages.push_back(proto::encode_protobuf(batch, schema(), "bench"));
  }
  run(state, {}, messages);
}

void own_json(benchmark::State& state) {
  run(state, {}, records([](int i) {
        return fmt::format(
            R"({{"t":1690000000123,"label":1,"f":{{"user":[{}],"item":[{}],"category":[{}]}}}})",
            id(i, 0), id(i, 1), id(i, 2));
      }));
}

const std::vector<std::string> kFeatures{"user", "item", "category"};

void run(benchmark::State& state, const support::RecordForm& form) {
  run(state, form.options, records([&](int i) {
        return form.encode({id(i, 0), id(i, 1), id(i, 2)}, true);
      }));
}

void json(benchmark::State& state) {
  run(state, support::json_form(kFeatures));
}

// 4 KB of other fields before, between and behind those that are asked for.
void json_mostly_skipped(benchmark::State& state) {
  std::string other;
  for (int i = 0; i < 20; ++i) {
    other +=
        fmt::format(R"("other{}":{{"a":[1,2,3,{{"b":"some text of no interest"}}],"c":1.25}},)", i);
  }
  run(state, {.format = RecordFormat::kJson, .layout = support::flat_layout()}, records([&](int i) {
        return fmt::format(
            R"({{{}"user":{},{}"item":{},"category":{},{}"label":1,"t":1690000000123}})", other,
            id(i, 0), other, id(i, 1), id(i, 2), other);
      }));
}

void avro(benchmark::State& state) {
  const test_support::TempDir dir;
  run(state, support::avro_form(kFeatures, dir.path()));
}

void protobuf(benchmark::State& state) {
  const test_support::TempDir dir;
  run(state, support::protobuf_form(kFeatures, dir.path()));
}

BENCHMARK(access_batch)->Arg(1)->Arg(64);
BENCHMARK(own_json);
BENCHMARK(json);
BENCHMARK(json_mostly_skipped);
BENCHMARK(avro);
BENCHMARK(protobuf);

}  // namespace
}  // namespace remapd::decode
