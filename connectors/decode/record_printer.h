// RecordPrinter: messages of any format as JSON, for finding out what fields they have.
//
// Names are those that paths use. It goes by the same schemas as EventDecoder, but makes the whole
// record; for reading a stream it is far too slow. Not thread safe. Memory: a message, and the
// schemas it has met.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "connectors/decode/event_decoder.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::decode {

class RecordPrinter {
 public:
  // How records of one schema are printed.
  class Form {
   public:
    virtual ~Form() = default;
    virtual Result<std::string> print(ByteView body) = 0;
  };

  // Of `options` the format, the framing and the schemas count; kAccessBatch is JSON here. kConfig
  // naming the key.
  static Result<std::unique_ptr<RecordPrinter>> create(const DecodeOptions& options);

  // One or more JSON objects. kCorrupt: the message cannot be read; retryable: the registry does
  // not answer.
  Result<std::string> print(ByteView message);

 private:
  explicit RecordPrinter(DecodeOptions options) : options_(std::move(options)) {}
  Result<Form*> form_of(std::uint32_t schema);

  DecodeOptions options_;
  std::unique_ptr<SchemaRegistry> registry_;
  std::map<std::uint32_t, std::unique_ptr<Form>> forms_;  // by schema; 0: that of the options
};

}  // namespace remapd::decode
