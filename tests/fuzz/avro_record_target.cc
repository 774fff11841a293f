// A record in Avro's encoding, by a schema that has every type.
#include <utility>

#include "connectors/decode/avro_decoder.h"
#include "tests/fuzz/any_record.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(avro_record) {
  using namespace remapd;
  static constexpr const char* kSchema = R"({"type":"record","name":"R","fields":[
    {"name":"ts","type":"long"},
    {"name":"user","type":["null",{"type":"record","name":"User","fields":[
       {"name":"id","type":["string","long"]},{"name":"friends","type":{"type":"array","items":"User"}}]}]},
    {"name":"more","type":{"type":"map","values":["double","float","boolean","bytes","null"]}},
    {"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
       {"name":"id","type":"int"},{"name":"clicked","type":"boolean"}]}}},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["VIEW","BUY"]}},
    {"name":"sites","type":{"type":"array","items":["null","long"]}},
    {"name":"hash","type":{"type":"fixed","name":"Hash","size":3}}]})";
  decode::SampleBuilder builder = fuzz::any_builder();
  auto schema = decode::AvroSchema::parse(kSchema, {});
  REMAPD_CHECK(schema.has_value(), "the schema is sound");
  const auto decoder = decode::make_avro_decoder(std::move(*schema), builder.tree());
  fuzz::read_record(*decoder, builder, input);
}
