// Manifests: the JSON form of mapping directories and the protobuf form of the mapping topic.
#include "connectors/proto/manifest_codec.h"
#include "core/base/check.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(manifest) {
  using namespace remapd;
  if (const auto manifest = proto::manifest_from_json(as_text(input))) {
    REMAPD_CHECK(proto::manifest_from_json(proto::to_json(*manifest)), "a manifest survives JSON");
  }
  v1::Manifest message;
  if (!message.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  if (const auto manifest = proto::from_proto(message)) {
    REMAPD_CHECK(proto::from_proto(proto::to_proto(*manifest)), "a manifest survives protobuf");
  }
}
