// AccessBatch messages from the network, and the samples they become.
#include "connectors/proto/access_batch_codec.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/three_features.h"

REMAPD_FUZZ_TARGET(access_batch) {
  using namespace remapd;
  proto::AccessBatchDecoder decoder(fuzz::three_features());
  pipeline::EventBatch batch;
  const auto decoded = decoder.decode_protobuf(input, batch);
  fuzz::check_shape(batch, decoded.has_value(), input.size());
  if (!decoded) return;
  // What was understood survives being written and read again.
  const std::string again = proto::encode_protobuf(batch, fuzz::three_features(), "fuzz");
  pipeline::EventBatch second;
  REMAPD_CHECK(decoder.decode_protobuf(as_bytes(again), second), "a written batch can be read");
  REMAPD_CHECK(second.samples() == batch.samples() && second.total_ids() == batch.total_ids(),
               "a batch survives encoding");
}
