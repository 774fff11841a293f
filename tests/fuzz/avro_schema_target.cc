// A schema from a registry, and a record of zeros by it.
#include <array>
#include <utility>

#include "connectors/decode/avro_decoder.h"
#include "tests/fuzz/any_record.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(avro_schema) {
  using namespace remapd;
  auto schema = decode::AvroSchema::parse(as_text(input), {});
  if (!schema) {
    REMAPD_CHECK(!schema.error().message.empty(), "what is refused is told");
    return;
  }
  decode::SampleBuilder builder = fuzz::any_builder();
  const auto decoder = decode::make_avro_decoder(std::move(*schema), builder.tree());
  constexpr std::array<std::byte, 64> kZeros{};
  fuzz::read_record(*decoder, builder, kZeros);
}
