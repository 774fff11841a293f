// Mapping deltas, applied to the version that corpus and mutations start from.
#include "core/base/check.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "tests/fuzz/example_mapping.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/reseal.h"

REMAPD_FUZZ_TARGET(delta) {
  using namespace remapd;
  (void)mapping::decode_delta(input);
  const auto delta = mapping::decode_delta(fuzz::resealed_frame(input));
  if (!delta) return;
  REMAPD_CHECK(mapping::decode_delta(mapping::encode_delta(*delta)), "a delta survives encoding");
  static const Bytes parent = mapping::encode_artifact(fuzz::example_mapping(Version{1}));
  static const auto view = mapping::ArtifactView::open(parent, mapping::Verify::kAll);
  const auto applied = mapping::apply_delta(*view, *delta);
  if (!applied) return;
  const auto next = mapping::ArtifactView::open(*applied, mapping::Verify::kAll);
  REMAPD_CHECK(next, "what a delta leads to can be opened");
  REMAPD_CHECK(next->content_hash() == delta->content_hash, "it has the promised content");
}
