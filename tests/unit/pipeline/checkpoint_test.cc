#include "core/pipeline/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/saved_state.h"

namespace remapd::pipeline {
namespace {

using testing::HasSubstr;

std::unique_ptr<Engine> make_engine() {
  EngineConfig config;
  TableConfig table;
  table.name = "item";
  table.rows = 16;
  table.max_tracked_ids = 64;
  config.tables = {table};
  config.features = {{"item", TableIndex{0}}};
  return Engine::create(config).value();
}

// An engine whose state is a word, so that the golden file is of the checkpoint alone.
class OneWordEngine final : public Engine {
 public:
  const EngineConfig& config() const override { return config_; }
  const FeatureSchema& schema() const override { return schema_; }
  std::uint64_t samples() const override { return 0; }
  void ingest(const EventBatch&) override {}
  void flush() override {}
  std::optional<BuildKind> between_full_builds(TableIndex) const override { return {}; }
  BuildJobPtr begin_build(const BuildRequest&) override { return nullptr; }
  mapping::Mapping mapping_after(const BuildOutcome&) const override { return {}; }
  void adopt(const BuildOutcome&) override {}
  Result<void> adopt(TableIndex, const mapping::ArtifactView&) override { return {}; }
  EngineStats stats() const override { return {}; }
  std::uint64_t tracked_ids(TableIndex) const override { return 0; }
  std::shared_ptr<const mapping::Mapping> incumbent(TableIndex) const override { return nullptr; }
  std::vector<IdStats> heaviest(TableIndex, std::size_t, RowRole) const override { return {}; }
  std::vector<IdStats> sharing_row(TableIndex, Row, std::size_t) const override { return {}; }
  IdStats id_stats(TableIndex, Id) const override { return {}; }
  void save(StateWriter& out) const override { out.small().put_string("state"); }
  Result<void> load(ByteReader&) override { return {}; }

 private:
  EngineConfig config_;
  FeatureSchema schema_;
};

CheckpointHeader make_header() {
  return {.source = "kafka remap.events",
          .saved_ms = 1'700'000'000'123,
          .samples = 123'456,
          .offsets = {{0, 17}, {3, 9'000'000'000}},
          .tables = {{"user",
                      Version{4},
                      {.gap = 22'500, .full_due_at = 150'000, .due_at = 150'000, .built_at = 7},
                      true},
                     {"item",
                      kNoVersion,
                      {.gap = 10'000, .full_due_at = 10'000, .due_at = 10'000, .built_at = 7},
                      false}}};
}

TEST(Checkpoint, GoldenFile) {
  const Bytes out = support::joined(write_checkpoint(make_header(), OneWordEngine()));
  const Bytes golden = support::golden("checkpoint-payload-v1.remapd", out);
  EXPECT_EQ(golden, out);
  ByteReader in(golden);
  const auto header = read_checkpoint_header(in);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(*header, make_header());
  EXPECT_EQ(in.get_string(), "state");
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(Checkpoint, BringsAnEngineBack) {
  auto engine = make_engine();
  EventBatch batch;
  batch.reset(1);
  for (Id id = 0; id < 500; ++id) {
    batch.mutable_lengths(FeatureIndex{0}).push_back(1);
    batch.mutable_values(FeatureIndex{0}).push_back(id % 40);
  }
  batch.seal(500);
  engine->ingest(batch);
  const Bytes out = support::joined(write_checkpoint(make_header(), *engine));

  auto restored = make_engine();
  ByteReader in(out);
  ASSERT_TRUE(read_checkpoint_header(in));
  ASSERT_TRUE(restored->load(in));
  EXPECT_EQ(restored->samples(), 500U);
  const Bytes again = support::joined(write_checkpoint(make_header(), *restored));
  EXPECT_EQ(again, out);
}

TEST(Checkpoint, RefusesWhatIsCutShort) {
  const Bytes out = support::joined(write_checkpoint(make_header(), OneWordEngine()));
  const std::size_t state = 8 + 5;  // the engine's word with its length
  for (std::size_t size = 0; size < out.size() - state; ++size) {
    ByteReader in(ByteView(out).first(size));
    const auto header = read_checkpoint_header(in);
    ASSERT_FALSE(header) << size;
    EXPECT_EQ(header.error().code, ErrorCode::kCorrupt) << size;
  }
}

TEST(Checkpoint, RefusesOtherFormats) {
  const Bytes out = support::joined(write_checkpoint(make_header(), OneWordEngine()));
  Bytes newer = out;
  newer[4] = std::byte{9};
  ByteReader in(newer);
  const auto header = read_checkpoint_header(in);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(header.error().message, HasSubstr("version 9"));
  Bytes other = out;
  other[0] = std::byte{'X'};
  ByteReader other_in(other);
  EXPECT_EQ(read_checkpoint_header(other_in).error().code, ErrorCode::kCorrupt);
}

TEST(Checkpoint, HugeCountsAllocateNothing) {
  ByteWriter out;
  out.put<std::uint32_t>(0x504b4352);
  out.put<std::uint32_t>(1);
  out.put_string("");
  out.put<std::int64_t>(0);
  out.put<std::uint64_t>(0);
  out.put<std::uint64_t>(~std::uint64_t{0});
  ByteReader in(out.bytes());
  EXPECT_EQ(read_checkpoint_header(in).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace remapd::pipeline
