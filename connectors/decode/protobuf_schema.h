// ProtobufSchema: the descriptor of one message type, out of a descriptor set (`protoc
// --descriptor_set_out=events.desc --include_imports events.proto`) or of the .proto source that a
// schema registry keeps. Google's well-known types are known without being included.
//
// Copies share the descriptors. Thread safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace google::protobuf {
class Descriptor;
}

namespace remapd::decode {

class ProtobufSchema {
 public:
  // kConfig: no descriptor set, files missing from it, or no such message (those that there are are
  // listed). `message`: full name; empty: the only message, or the last file's first.
  static Result<ProtobufSchema> from_descriptor_set(ByteView set, std::string_view message);

  struct Source {
    std::string name;  // as others import it
    std::string text;
  };
  // As a registry hands it out: source, or the descriptor of its file in base64. kCorrupt with the
  // compiler's words. `imports`: each after those that it imports itself.
  static Result<ProtobufSchema> from_source(const Source& source,
                                            const std::vector<Source>& imports);

  const google::protobuf::Descriptor* message() const { return message_; }
  // The message at an index path into the file's messages and the messages nested in them, as
  // Confluent's framing names it; null: there is none.
  const google::protobuf::Descriptor* message_at(const std::vector<int>& indexes) const;

 private:
  struct Pool;
  std::shared_ptr<const Pool> pool_;
  const google::protobuf::Descriptor* message_ = nullptr;
};

}  // namespace remapd::decode
