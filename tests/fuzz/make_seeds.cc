// Writes the seed corpora: for every target a few inputs that are right, from the code that writes
// such things. Run it when a format changes: fuzz_make_seeds tests/fuzz/corpus
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "connectors/checkpoint/file_checkpoint_store.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/proto/access_batch_codec.h"
#include "connectors/proto/manifest_codec.h"
#include "core/base/check.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "core/pipeline/checkpoint.h"
#include "core/placement/migration_planner.h"
#include "tests/fuzz/example_engine.h"
#include "tests/fuzz/example_mapping.h"
#include "tests/fuzz/three_features.h"
#include "tests/support/temp_dir.h"

namespace remapd::fuzz {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  REMAPD_CHECK(out.good(), "seeds can be written");
}
void write(const fs::path& path, const Bytes& bytes) {
  write(path, as_text(bytes));
}

pipeline::EventBatch three_samples() {
  pipeline::EventBatch batch;
  batch.reset(3);
  batch.mutable_lengths(FeatureIndex{0}) = {1, 1, 0};
  batch.mutable_values(FeatureIndex{0}) = {7, 8};
  batch.mutable_lengths(FeatureIndex{1}) = {2, 0, 1};
  batch.mutable_values(FeatureIndex{1}) = {100, 101, 0xffffffffffffffffULL};
  batch.mutable_labels() = {1.0F, 0.0F, 0.5F};
  batch.mutable_weights() = {1.0F, 2.0F, 0.5F};
  batch.event_time_ms = 1'700'000'000'000;
  batch.seal(3);
  return batch;
}

void events(const fs::path& corpus) {
  const auto schema = three_features();
  write(corpus / "access_batch/three_samples",
        proto::encode_protobuf(three_samples(), schema, "p"));
  write(corpus / "ndjson/three_samples", proto::encode_ndjson(three_samples(), schema));
  write(
      corpus / "ndjson/strings",
      R"({"t":1690000000123,"label":1,"w":1.0,"f":{"user":[7],"item":["B00X","\u00e9"],"site":3}})"
      "\n{\"f\":{}}\n");
  write(corpus / "tsv/all_columns",
        "timestamp\tlabel\tuser\titem\tsite\tother\n1\t1\t7\tB00X\t\tx\n\t\t8\t9,10\t1\t\n");
  write(corpus / "tsv/features_only", "item\tsite\tuser\n1\t2\t3\n");
}

void mappings(const fs::path& corpus) {
  const mapping::Mapping first = example_mapping(Version{1});
  mapping::Mapping second = example_mapping(Version{2});
  write(corpus / "artifact/narrow", mapping::encode_artifact(first));
  mapping::Mapping wide = first;
  wide.info.rows = 1U << 24;
  write(corpus / "artifact/wide", mapping::encode_artifact(wide));
  mapping::Mapping colliding = first;
  colliding.ids.clear();
  for (std::uint64_t i = 0; i < 30; ++i) {
    colliding.ids.push_back(unmix64(0x1234567800000000ULL + (i << 38)));
  }
  std::sort(colliding.ids.begin(), colliding.ids.end());
  colliding.rows.assign(30, Row{3});
  write(corpus / "artifact/exceptions", mapping::encode_artifact(colliding));
  constexpr auto kCompact = mapping::ArtifactKind::kCompact;
  write(corpus / "artifact/compact", mapping::encode_artifact(first, kCompact));
  write(corpus / "artifact/compact_wide", mapping::encode_artifact(wide, kCompact));
  mapping::Mapping without_ids = first;
  without_ids.ids.clear();
  without_ids.rows.clear();
  write(corpus / "artifact/compact_empty", mapping::encode_artifact(without_ids, kCompact));
  mapping::Mapping two_ways = first;
  two_ways.info.strategy = mapping::Strategy::kDoubleHash;
  two_ways.info.fallback.ways = 2;
  write(corpus / "artifact/two_ways", mapping::encode_artifact(two_ways));
  write(corpus / "delta/second", mapping::encode_delta(mapping::make_delta(first, second)));

  placement::PlanInput plan;
  plan.table = "item";
  plan.from = Version{1};
  plan.to = Version{2};
  plan.from_rows = plan.to_rows = 16;
  for (std::uint32_t i = 0; i < 30; ++i) {
    plan.old_rows.push_back(Row{i % 7});
    plan.new_rows.push_back(Row{i % 5});
    plan.weights.push_back(1.0F + static_cast<float>(i));
  }
  plan.restarted = {Row{9}, Row{10}};
  plan.restart_sources = {Row{3}, Row{4}};
  plan.restart_weights = {1, 2};
  write(corpus / "migration_plan/mixed", mapping::encode_plan(placement::make_plan(plan)));

  mapping::Manifest manifest;
  manifest.info = second.info;
  manifest.instance = "remapd-1";
  manifest.ids = second.ids.size();
  manifest.content_hash = mapping::content_hash(second);
  manifest.built_samples = 12'345;
  manifest.blobs = {mapping::BlobInfo{.size = 1000, .checksum = 1},
                    mapping::BlobInfo{.size = 10, .checksum = 2},
                    mapping::BlobInfo{.size = 10, .checksum = 3}};
  std::vector<kafka::Record> records =
      kafka::chunk_records(manifest, mapping::BlobKind::kDelta, as_bytes("four chunks"), 3);
  records.push_back(kafka::manifest_record(manifest, 3));
  records.push_back(kafka::claim_record("item", Epoch{1}, "remapd-1", 1'700'000'000'000));
  ByteWriter topic;
  for (const kafka::Record& record : records) {
    const std::string key = kafka::to_string(record.key);
    const std::string value = record.value->SerializeAsString();
    topic.put(static_cast<std::uint8_t>(key.size()));
    topic.put_array(std::span<const char>(key));
    topic.put(static_cast<std::uint16_t>(value.size()));
    topic.put_array(std::span<const char>(value));
  }
  write(corpus / "mapping_record/version", topic.bytes());
  write(corpus / "manifest/json", proto::to_json(manifest));
  write(corpus / "manifest/protobuf", proto::to_proto(manifest).SerializeAsString());
}

void states(const fs::path& corpus) {
  auto engine = example_engine();
  write(corpus / "engine_state/fresh", saved(*engine));
  engine->ingest(example_batch(1));
  for (std::uint32_t t = 0; t < 2; ++t) {
    engine->adopt(pipeline::run_build(engine->begin_build(
        {.table = TableIndex{t}, .version = Version{1}, .epoch = Epoch{1}, .built_ms = 1})));
  }
  engine->ingest(example_batch(2));
  write(corpus / "engine_state/learned", saved(*engine));

  const pipeline::CheckpointHeader header{
      .source = "kafka remap.events",
      .saved_ms = 1'700'000'000'123,
      .samples = 200,
      .offsets = {{0, 17}, {3, 9'000'000'000}},
      .tables = {{"user", Version{1}, {.gap = 100, .due_at = 300}}, {"item", kNoVersion, {}}}};
  Bytes checkpoint = support::joined(pipeline::write_checkpoint(header, *engine));
  const test_support::TempDir directory;
  auto store = checkpoint::FileCheckpointStore::create({.directory = directory.path()});
  REMAPD_CHECK(store && (*store)->save({checkpoint}), "a checkpoint can be saved");
  write(corpus / "checkpoint/file",
        test_support::read_file(directory / "checkpoint-00000000000000000001.remapd"));
  checkpoint.resize(400);
  write(corpus / "checkpoint/payload", checkpoint);
}

void configuration(const fs::path& corpus) {
  write(corpus / "config/file", R"([source]
kind = "file"
[source.file]
path = "events.tsv.gz"
[[table]]
name = "item"
rows = 1000
strategy = "combined"
[[feature]]
name = "item"
table = "item"
[publish]
every_samples = 10_000
full_samples = 10_000
interval = "5m"
[learning]
seed = 1
)");
}

}  // namespace
}  // namespace remapd::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_make_seeds CORPUS_DIRECTORY\n");
    return 2;
  }
  remapd::fuzz::events(argv[1]);
  remapd::fuzz::mappings(argv[1]);
  remapd::fuzz::states(argv[1]);
  remapd::fuzz::configuration(argv[1]);
}
