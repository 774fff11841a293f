// Engine state, as in a checkpoint whose checksum somebody made right: refused, or usable.
#include "core/base/check.h"
#include "core/mapping/artifact_encoder.h"
#include "core/pipeline/engine.h"
#include "tests/fuzz/example_engine.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"

REMAPD_FUZZ_TARGET(engine_state) {
  using namespace remapd;
  auto engine = fuzz::example_engine();
  // The format and the settings come first: set to this engine's, so that the rest is read.
  static const Bytes fresh = fuzz::saved(*engine);
  constexpr std::size_t kRestAt = 12;
  Bytes bytes = fuzz::copy_of(input);
  if (bytes.size() < kRestAt) return;
  std::copy(fresh.begin(), fresh.begin() + kRestAt, bytes.begin());
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
