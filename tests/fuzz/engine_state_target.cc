// Engine state, as in a checkpoint whose checksum somebody made right: refused, or usable.
#include "core/base/check.h"
#include "core/embedding/state_format.h"
#include "core/mapping/artifact_encoder.h"
#include "core/pipeline/engine.h"
#include "tests/fuzz/example_engine.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"

REMAPD_FUZZ_TARGET(engine_state) {
  using namespace remapd;
  auto engine = fuzz::example_engine();
  // Format and settings first: one of the formats that are read, and the settings of this engine,
  // so that the rest is read.
  static const Bytes fresh = fuzz::saved(*engine);
  constexpr std::size_t kSettingsAt = 4;
  constexpr std::size_t kRestAt = 12;
  Bytes bytes = fuzz::copy_of(input);
  if (bytes.size() < kRestAt) return;
  const auto format = fuzz::value_at<std::uint32_t>(bytes, 0);
  fuzz::overwrite(bytes, 0, 1 + (format - 1) % embedding::kStateFormat);
  std::copy(fresh.begin() + kSettingsAt, fresh.begin() + kRestAt, bytes.begin() + kSettingsAt);
  ByteReader in(bytes);
  if (!engine->load(in)) return;
  engine->ingest(fuzz::example_batch(5));
  engine->flush();
  for (std::uint32_t t = 0; t < engine->config().tables.size(); ++t) {
    auto job = engine->begin_build(
        {.table = TableIndex{t}, .version = Version{1'000}, .epoch = Epoch{1}, .built_ms = 1});
    const pipeline::BuildOutcome outcome = pipeline::run_build(std::move(job));
    for (const Row row : outcome.mapping.rows) {
      REMAPD_CHECK(row.value < outcome.mapping.info.rows, "rows lie in the table");
    }
    (void)mapping::encode_artifact(outcome.mapping);
    engine->adopt(outcome);
  }
  Bytes again = fuzz::saved(*engine);
  auto second = fuzz::example_engine();
  ByteReader reader(again);
  REMAPD_CHECK(second->load(reader), "a saved state can be loaded");
}
