// Events in JSON from the network, and whatever else a message may be.
#include "connectors/proto/access_batch_codec.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/three_features.h"

REMAPD_FUZZ_TARGET(ndjson) {
  using namespace remapd;
  proto::AccessBatchDecoder decoder(fuzz::three_features());
  pipeline::EventBatch batch;
  std::size_t refused = 0;
  const auto decoded = decoder.decode(input, batch, [&](const proto::BadRecord& bad) {
    REMAPD_CHECK(!bad.reason.empty() && bad.line > 0, "what is refused is told");
    REMAPD_CHECK(bad.record.size() <= input.size(), "a record is of its message");
    ++refused;
  });
  fuzz::check_shape(batch, decoded.has_value(), input.size());
  REMAPD_CHECK(!decoded || batch.samples() + refused > 0, "nothing vanishes");
  if (!decoded || batch.samples() == 0) return;
  const std::string again = proto::encode_ndjson(batch, fuzz::three_features());
  pipeline::EventBatch second;
  REMAPD_CHECK(decoder.decode_json(as_bytes(again), second, nullptr),
               "a written batch can be read");
  REMAPD_CHECK(second.samples() == batch.samples() && second.total_ids() == batch.total_ids(),
               "a batch survives encoding");
}
