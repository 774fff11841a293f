// A protobuf message of a type that has every kind of field.
#include "connectors/decode/protobuf_decoder.h"
#include "tests/fuzz/any_record.h"
#include "tests/fuzz/fuzz_target.h"

REMAPD_FUZZ_TARGET(protobuf_record) {
  using namespace remapd;
  static const decode::ProtobufSchema schema =
      *decode::ProtobufSchema::from_source({"event.proto", R"(syntax = "proto3";
         import "google/protobuf/timestamp.proto";
         import "google/protobuf/wrappers.proto";
         message Event {
           google.protobuf.Timestamp ts = 1;
           User user = 2;
           repeated Item items = 3;
           enum Kind { VIEW = 0; BUY = 1; }
           Kind kind = 4;
           repeated fixed64 sites = 5;
           google.protobuf.DoubleValue weight = 6;
           map<string, User> more = 7;
           oneof other { string uid = 8; sint64 number = 9; }
           message User { uint64 id = 1; User next = 2; }
           message Item { int64 id = 1; bool clicked = 2; }
         })"},
                                           {});
  decode::SampleBuilder builder = fuzz::any_builder();
  fuzz::read_record(*decode::make_protobuf_decoder(schema, *schema.message(), builder.tree()),
                    builder, input);
}
