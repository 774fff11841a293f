// A schema from a registry, and a record of zeros by it.
#include <array>

#include "connectors/decode/avro_decoder.h"
#include "tests/fuzz/any_record.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(avro_schema) {
  using namespace remapd;
  decode::SampleBuilder builder = fuzz::any_builder();
  const auto decoder = decode::make_avro_decoder(as_text(input), {}, builder.tree());
  if (!decoder) {
    REMAPD_CHECK(!decoder.error().message.empty(), "what is refused is told");
    return;
  }
  constexpr std::array<std::byte, 64> kZeros{};
  fuzz::read_record(**decoder, builder, kZeros);
}
