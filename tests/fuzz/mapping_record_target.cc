// Records of the mapping topic: keys, manifests, claims, and chunks put together to a blob. The
// input is a sequence of records: a byte with the key's length, two with the value's, both.
#include "connectors/kafka/blob_assembly.h"
#include "connectors/kafka/mapping_record.h"
#include "connectors/proto/manifest_codec.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(mapping_record) {
  using namespace remapd;
  ByteReader in(input);
  kafka::BlobAssembly assembly;
  std::uint64_t received = 0;
  while (in.ok() && in.remaining() > 0) {
    std::string name(std::min<std::size_t>(in.get<std::uint8_t>(), in.remaining()), '\0');
    in.get_array(std::span<char>(name));
    Bytes value(std::min<std::size_t>(in.get<std::uint16_t>(), in.remaining()));
    in.get_array(std::span<std::byte>(value));
    const auto key = kafka::parse_record_key(name);
    if (!key) continue;
    REMAPD_CHECK(kafka::to_string(*key) == name, "a key is written as it was read");
    auto record = kafka::parse_record(*key, value);
    if (!record) continue;
    if (record->has_manifest()) (void)proto::from_proto(record->manifest());
    if (record->has_chunk()) {
      received += record->chunk().data().size();
      assembly.add(std::move(*record->mutable_chunk()));
    }
  }
  // What the manifest claims comes from elsewhere: all that is there, and impossibly much.
  const auto blob = assembly.take({.size = received, .checksum = 0});
  REMAPD_CHECK(!blob || blob->size() <= received, "no more than was received");
  (void)assembly.take({.size = std::uint64_t{1} << 50, .checksum = 0});
}
