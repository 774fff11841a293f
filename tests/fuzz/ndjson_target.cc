// NDJSON events from the network.
#include "connectors/proto/access_batch_codec.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/three_features.h"

REMAPD_FUZZ_TARGET(ndjson) {
  using namespace remapd;
  proto::AccessBatchDecoder decoder(fuzz::three_features());
  pipeline::EventBatch batch;
  const auto decoded = decoder.decode_ndjson(input, batch);
  fuzz::check_shape(batch, decoded.has_value(), input.size());
  if (!decoded) return;
  const std::string again = proto::encode_ndjson(batch, fuzz::three_features());
  pipeline::EventBatch second;
  REMAPD_CHECK(again.empty() || decoder.decode_ndjson(as_bytes(again), second),
               "a written batch can be read");
  REMAPD_CHECK(second.samples() == batch.samples() && second.total_ids() == batch.total_ids(),
               "a batch survives encoding");
}
