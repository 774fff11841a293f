// A JSON object in a layout of the configuration.
#include "connectors/decode/json_decoder.h"
#include "tests/fuzz/any_record.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(json_record) {
  using namespace remapd;
  decode::SampleBuilder builder = fuzz::any_builder();
  fuzz::read_record(*decode::make_json_decoder(builder.tree()), builder, input);
}
